from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper

from bridge.passes.packed_lists import is_packed, take_lists, to_proto
from bridge.passes.packed_lists import packed as packed_list
from bridge.passes.pipeline import run_pipeline
from bridge.passes.read import read_model
from bridge.passes.rule import Options
from tests.passes.judge import check_parity, declined, edge_rows, ml_model, run
from tests.passes.trees import LEAF, tables

MANY = 1200
"""Trees, so that each list takes 4096 bytes."""

X = {"X": edge_rows(3)}


def stumps(count, **changes):
    nodes, scores = [], []
    for tree in range(count):
        sides = [(tree, place, LEAF, 0, 0.0, 0, 0) for place in (1, 2)]
        nodes += [(tree, 0, "BRANCH_LT", tree % 3, tree / count, 1, 2), *sides]
        scores += [(tree, 1, 0, 2.0**-10), (tree, 2, 0, 2.0**-9)]
    attributes = tables(nodes, scores) | changes
    return ml_model("TreeEnsembleRegressor", X, [TensorProto.FLOAT], n_targets=1, **attributes)


def packed(model):
    return {a.name for a in read_model(model).graph[0].attributes.values() if is_packed(a)}


def test_long_lists_are_carried_as_tensors():
    assert not packed(stumps(100))
    assert packed(stumps(MANY)) >= {"nodes_modes", "nodes_values", "nodes_truenodeids", "target_weights"}


def test_packed_trees_answer_the_same(target):
    check_parity(stumps(MANY), X, target)


def test_the_cpu_target_writes_lists_again():
    model = stumps(MANY)
    lowered = to_proto(run_pipeline(read_model(model), Options("cpu"), precision="exact"))
    onnx.checker.check_model(lowered)
    np.testing.assert_array_equal(run(lowered, X)[0], run(model, X)[0])
    assert {a.name: a for a in lowered.graph.node[0].attribute} == {a.name: a for a in model.graph.node[0].attribute}


def test_lists_of_an_inner_graph_are_written_again():
    node = ir.node("TreeEnsemble", [], {"tree_roots": packed_list(np.arange(3))}, domain="ai.onnx.ml")
    branch = ir.Graph([], [], nodes=[ir.node("Neg", []), node])
    outer = ir.Graph([], [], nodes=[ir.node("Abs", []), ir.node("If", [], {"then_branch": branch}), ir.node("Neg", [])])

    proto = to_proto(ir.Model(outer, ir_version=10))

    (attribute,) = proto.graph.node[1].attribute[0].g.node[1].attribute
    assert attribute == helper.make_attribute("tree_roots", [0, 1, 2])
    assert is_packed(node.attributes["tree_roots"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nodes_values": [1.0] * 5000}, "'nodes_values' has 5000"),
        ({"nodes_modes": ["BRANCH"] * 3 * MANY}, "unknown mode 'BRANCH'"),
        ({"nodes_featureids": [5] * 3 * MANY}, "asks for feature 5 of 3"),
    ],
)
def test_packed_tables_are_checked(changes, reason):
    assert reason in declined(stumps(MANY, **changes))


@pytest.mark.parametrize("mode", ["", "BRANCH_LEQX", "\n", "J\x04LEAF", "\x00"])
def test_a_mode_that_has_no_number_keeps_its_list(mode):
    model = stumps(MANY, nodes_modes=[*["LEAF"] * 2000, mode])
    left = {a.name: a for a in take_lists(model.SerializeToString())[0].graph.node[0].attribute}["nodes_modes"]
    assert left.strings[-1] == mode.encode()


def test_a_list_of_large_numbers_stays_whole():
    numbers = [2**40, -(2**40), -1] * 1000
    _, lists = take_lists(stumps(2, nodes_nodeids=numbers).SerializeToString())
    (found,) = lists.values()
    assert found.tolist() == numbers


def test_a_file_cut_short_is_no_model():
    whole = stumps(MANY).SerializeToString()
    for length in (10, 1000, len(whole) // 2, len(whole) - 1):
        with pytest.raises(DecodeError):
            take_lists(whole[:length])


def test_lists_stay_packed_where_the_main_operators_are_brought_to_a_newer_opset(target):
    model = stumps(MANY)
    model.graph.node[0].output[0] = "scores"
    model.graph.node.append(helper.make_node("Identity", ["scores"], ["O0"]))
    model.opset_import[0].version = 8
    assert packed(model)
    check_parity(model, X, target)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
@pytest.mark.parametrize("numbers", [[], [0], [127], [128, 0, 127], [-1, 5], "limits"])
def test_packed_numbers_become_the_list_that_they_were(dtype, numbers):
    if numbers == "limits":
        numbers = [np.iinfo(dtype).min, np.iinfo(dtype).max]
    values = np.array(numbers).astype(dtype)
    node = ir.node("TreeEnsemble", [], {"tree_roots": packed_list(values)}, domain="ai.onnx.ml", version=5)
    graph = ir.Graph([], [], nodes=[node], opset_imports={"": 13, "ai.onnx.ml": 5}, name="g")

    (attribute,) = to_proto(ir.Model(graph, ir_version=10)).graph.node[0].attribute

    assert attribute.type == attribute.INTS
    assert list(attribute.ints) == values.tolist()
