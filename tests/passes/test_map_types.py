from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bridge.errors import ArtifactError
from bridge.passes.map_types import COLUMNS_KEY, MAP_INPUTS_KEY
from bridge.passes.read import read_model
from tests.passes.judge import assert_same, edge_rows, lower, metadata, op_types, run

INT64, FLOAT, STRING = TensorProto.INT64, TensorProto.FLOAT, TensorProto.STRING


def map_info(name, key, value):
    kind = helper.make_map_type_proto(key, helper.make_tensor_type_proto(value, []))
    return helper.make_value_info(name, kind)


def list_of_maps(name, key):
    kind = helper.make_map_type_proto(key, helper.make_tensor_type_proto(FLOAT, []))
    return helper.make_value_info(name, helper.make_sequence_type_proto(kind))


def model(nodes, inputs, outputs):
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


def zipmap(key_type, **labels):
    nodes = [
        helper.make_node("Normalizer", ["X"], ["N"], domain="ai.onnx.ml", norm="L1"),
        helper.make_node("ZipMap", ["N"], ["Z"], name="z", domain="ai.onnx.ml", **labels),
    ]
    return model(nodes, [helper.make_tensor_value_info("X", FLOAT, [None, 3])], [list_of_maps("Z", key_type)])


@pytest.mark.parametrize(
    ("key_type", "labels"),
    [(INT64, {"classlabels_int64s": [5, 3, 9]}), (STRING, {"classlabels_strings": ["b", "a", "é"]})],
)
def test_the_matrix_takes_the_place_of_zipmap(target, key_type, labels):
    x = {"X": edge_rows(3, np.float32)}
    proto = zipmap(key_type, **labels)
    lowered = lower(proto, target)
    names = metadata(lowered, COLUMNS_KEY)["Z"]
    assert names == next(iter(labels.values()))
    expected = np.array([[row[name] for name in names] for row in run(proto, x)[0]], np.float32)
    assert_same(run(lowered, x), [expected], tolerance=4e-7)


def test_two_kinds_of_labels_are_refused():
    with pytest.raises(ArtifactError, match=r"node 'z' \(ZipMap\) needs one of"):
        read_model(zipmap(INT64, classlabels_int64s=[1], classlabels_strings=["a"]))


def test_a_zipmap_of_no_classes_is_refused():
    proto = zipmap(INT64, classlabels_strings=["a"])
    del proto.graph.node[1].attribute[0].strings[:]
    with pytest.raises(ArtifactError, match=r"'classlabels_strings' of node 'z' \(ZipMap\) is empty"):
        read_model(proto)


def test_maps_that_the_graph_reads_are_refused():
    proto = zipmap(INT64, classlabels_int64s=[1, 2, 3])
    proto.graph.node.append(helper.make_node("SequenceLength", ["Z"], ["L"]))
    proto.graph.output.append(helper.make_tensor_value_info("L", INT64, []))
    with pytest.raises(ArtifactError, match="makes maps that the graph itself reads"):
        read_model(proto)


def vectorizer(vocabulary, key, value=FLOAT):
    nodes = [
        helper.make_node("DictVectorizer", ["M"], ["D"], domain="ai.onnx.ml", **vocabulary),
        helper.make_node("Abs", ["D"], ["Y"]),
    ]
    return model(nodes, [map_info("M", key, value)], [helper.make_tensor_value_info("Y", value, None)])


@pytest.mark.parametrize(
    ("vocabulary", "key", "value", "keys"),
    [
        ({"string_vocabulary": ["a", "b", "c"]}, STRING, {"c": 3.0, "a": -1.0, "zzz": 9.0}, ["a", "b", "c"]),
        ({"int64_vocabulary": [7, -2]}, INT64, {-2: 4.0}, [7, -2]),
        ({"int64_vocabulary": [7, 7, 1]}, INT64, {7: -4.0}, [7, 1]),
    ],
)
def test_a_map_input_becomes_the_row_of_its_values(target, vocabulary, key, value, keys):
    proto = vectorizer(vocabulary, key)
    lowered = lower(proto, target)
    assert metadata(lowered, MAP_INPUTS_KEY) == {"M": keys}
    row = np.array([[value.get(k, 0.0) for k in keys]], np.float32)
    assert_same(run(lowered, {"M": row}), run(proto, {"M": value}))
    assert run(lowered, {"M": np.repeat(row, 5, axis=0)})[0].shape[0] == 5


def castmap(value=FLOAT, to=FLOAT, **attributes):
    node = helper.make_node("CastMap", ["M"], ["Y"], domain="ai.onnx.ml", **attributes)
    return model([node], [map_info("M", INT64, value)], [helper.make_tensor_value_info("Y", to, None)])


def test_a_sparse_map_is_a_row_of_max_map_numbers(target):
    proto = castmap(to=INT64, cast_to="TO_INT64", map_form="SPARSE", max_map=4)
    lowered = lower(proto, target)
    assert op_types(lowered) == ["Cast"]
    assert metadata(lowered, MAP_INPUTS_KEY) == {"M": [0, 1, 2, 3]}
    row = np.array([[0.0, 1.7, 0.0, -2.5]], np.float32)
    assert_same(run(lowered, {"M": row}), run(proto, {"M": {1: 1.7, 3: -2.5}}))


def test_a_dense_map_is_its_values_in_the_order_of_keys(target):
    proto = castmap(cast_to="TO_FLOAT", map_form="DENSE")
    lowered = lower(proto, target)
    assert metadata(lowered, MAP_INPUTS_KEY) == {"M": None}
    assert_same(run(lowered, {"M": np.array([[2.0, 1.0]], np.float32)}), run(proto, {"M": {9: 1.0, -3: 2.0}}))


@pytest.mark.parametrize(
    ("proto", "reason"),
    [
        (castmap(STRING, cast_to="TO_FLOAT"), "casts between text and numbers"),
        (castmap(cast_to="TO_BOOL"), "'cast_to' of CastMap is 'TO_BOOL'"),
        (castmap(map_form="LOOSE"), "'map_form' of CastMap is 'LOOSE'"),
        (castmap(map_form="SPARSE", max_map=-1), "'max_map' of CastMap is -1, expected 1 to 1048576"),
        (vectorizer({}, STRING), "needs one of 'int64_vocabulary' and 'string_vocabulary'"),
        (
            model(
                [helper.make_node("Identity", ["M"], ["Y"])],
                [map_info("M", INT64, FLOAT)],
                [map_info("Y", INT64, FLOAT)],
            ),
            "input 'M' is a map and Identity reads it",
        ),
    ],
)
def test_maps_that_no_tensor_can_stand_for_are_refused(proto, reason):
    with pytest.raises(ArtifactError, match=reason):
        read_model(proto)


def test_the_given_model_stays():
    proto = zipmap(INT64, classlabels_int64s=[1, 2, 3])
    before = onnx.ModelProto.FromString(proto.SerializeToString())
    read_model(proto)
    assert proto == before
