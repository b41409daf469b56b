from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from bridge.errors import ArtifactError
from bridge.passes.read import read_model
from tests.passes.judge import assert_same, edge_rows, lower, ml_model, run

FLOAT = TensorProto.FLOAT


def value(name, shape, dtype=FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


X = value("X", [None, 3])
Y = value("Y", None)


def model(nodes, *, opsets=(("", 13),), inputs=(X,), outputs=(Y,), initializers=(), ir_version=7):
    graph = helper.make_graph(nodes, "g", list(inputs), list(outputs), list(initializers))
    imports = [helper.make_opsetid(*opset) for opset in opsets]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir_version)


def test_the_highest_of_several_imports_wins_and_the_given_model_stays():
    proto = model([helper.make_node("Abs", ["X"], ["Y"])], opsets=[("", 13), ("", 15), ("ai.onnx", 14), ("", 11)])
    before = proto.SerializeToString()
    assert read_model(proto).opset_imports == {"": 15}
    assert proto.SerializeToString() == before


def test_nodes_of_the_alias_of_the_main_domain_join_it():
    read = read_model(model([helper.make_node("Abs", ["X"], ["Y"], domain="ai.onnx")], opsets=[("ai.onnx", 13)]))
    assert read.graph[0].domain == ""


def test_an_old_opset_is_brought_to_13():
    nodes = [
        helper.make_node("Scaler", ["X"], ["S"], domain="ai.onnx.ml", offset=[1.0], scale=[2.0]),
        helper.make_node("ReduceSum", ["S"], ["Y"], axes=[1]),
    ]
    proto = model(nodes, opsets=[("", 9), ("ai.onnx.ml", 1)], ir_version=4)
    assert read_model(proto).opset_imports[""] == 13
    x = {"X": edge_rows(3)}
    assert_same(run(lower(proto), x), run(proto, x))


def test_a_model_without_the_main_domain_imports_it():
    proto = ml_model("Scaler", {"X": edge_rows(3)}, [FLOAT], offset=[1.0], scale=[2.0])
    del proto.opset_import[0]
    assert read_model(proto).opset_imports == {"ai.onnx.ml": 3, "": 13}


def test_initializers_are_no_inputs():
    constant = onnx.numpy_helper.from_array(np.ones(3, np.float32), "C")
    inputs = [X, helper.make_tensor_value_info("C", FLOAT, [3])]
    proto = model([helper.make_node("Add", ["X", "C"], ["Y"])], inputs=inputs, initializers=[constant])
    assert [v.name for v in read_model(proto).graph.inputs] == ["X"]


def test_a_negative_length_is_an_unknown_one():
    read = read_model(model([helper.make_node("Abs", ["X"], ["Y"])], inputs=[value("X", [-1, 3])]))
    assert [isinstance(length, int) for length in read.graph.inputs[0].shape] == [False, True]


def test_a_number_of_rows_that_the_inputs_do_not_have_is_forgotten():
    nodes = [
        helper.make_node("ArgMax", ["X"], ["Z"], axis=1, keepdims=0),
        helper.make_node("Reshape", ["Z", "L"], ["W"]),
        helper.make_node("Reshape", ["W", "S"], ["Y"]),
    ]
    shapes = [onnx.numpy_helper.from_array(np.array(s), n) for n, s in (("L", [1, -1]), ("S", [-1]))]
    proto = model(nodes, outputs=[value("Y", [1], TensorProto.INT64)], initializers=shapes)
    x = {"X": edge_rows(3)}
    assert run(lower(proto), x)[0].shape == (40,)


def damaged_constant():
    constant = onnx.numpy_helper.from_array(np.ones(3, np.float32), "C")
    constant.dims[0] = 4
    return model([helper.make_node("Add", ["X", "C"], ["Y"])], initializers=[constant])


def damaged_attribute():
    proto = model(
        [helper.make_node("Constant", [], ["Y"], name="c", value=helper.make_tensor("t", FLOAT, [2], [1, 2]))]
    )
    proto.graph.node[0].attribute[0].t.dims[0] = 5
    return proto


NORMALIZATION = helper.make_node("BatchNormalization", ["X"] * 5, ["Y"], is_test=0)  # of version 6, as when training


@pytest.mark.parametrize(
    ("proto", "reason"),
    [
        (onnx.ModelProto(), "holds no graph"),
        (model([helper.make_node("Abs", ["Z"], ["Y"], name="n")]), r"node 'n' \(Abs\) reads 'Z', which nothing makes"),
        (model([]), "nothing makes the graph's output 'Y'"),
        (damaged_constant(), "the constant 'C' is damaged"),
        (damaged_attribute(), r"attribute 'value' of node 'c' \(Constant\) is damaged"),
        (model([NORMALIZATION], opsets=[("", 6)]), "is of opset 6 and cannot be brought to 13"),
    ],
    ids=["empty", "unknown-value", "unknown-output", "constant", "attribute", "old"],
)
def test_what_cannot_be_read_is_refused(proto, reason):
    with pytest.raises(ArtifactError, match=reason):
        read_model(proto)


def test_types_that_onnx_ir_does_not_know_are_refused():
    made = helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(FLOAT, []))
    output = helper.make_value_info("Y", helper.make_sequence_type_proto(made))
    proto = model([helper.make_node("Maps", ["X"], ["Y"], domain="elsewhere")], outputs=[output])
    with pytest.raises(ArtifactError, match="cannot be read: Map types are not supported"):
        read_model(proto)


def test_a_value_of_the_outer_graph_is_known_inside_of_a_branch():
    branch = helper.make_graph(
        [helper.make_node("Abs", ["X"], ["B"])], "b", [], [helper.make_tensor_value_info("B", 1, None)]
    )
    condition = onnx.numpy_helper.from_array(np.array(1, np.bool_), "C")
    node = helper.make_node("If", ["C"], ["Y"], then_branch=branch, else_branch=branch)
    assert isinstance(read_model(model([node], initializers=[condition])), ir.Model)
