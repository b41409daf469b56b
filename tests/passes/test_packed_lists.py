from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from bridge.passes.packed_lists import FEWEST, is_packed
from bridge.passes.pipeline import run_pipeline
from bridge.passes.read import read_model
from bridge.passes.rule import Options
from tests.passes.judge import check_parity, declined, edge_rows, ml_model, run
from tests.passes.trees import LEAF, tables

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
    assert not packed(stumps(FEWEST // 3))
    assert packed(stumps(FEWEST // 2)) >= {"nodes_modes", "nodes_values", "nodes_truenodeids", "target_weights"}


def test_packed_trees_answer_the_same(target):
    check_parity(stumps(FEWEST // 2), X, target)


def test_the_cpu_target_writes_lists_again():
    model = stumps(FEWEST // 2)
    lowered = ir.to_proto(run_pipeline(read_model(model), Options("cpu"), precision="exact"))
    onnx.checker.check_model(lowered)
    np.testing.assert_array_equal(run(lowered, X)[0], run(model, X)[0])
    assert {a.name: a for a in lowered.graph.node[0].attribute} == {a.name: a for a in model.graph.node[0].attribute}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nodes_values": [1.0] * 2000}, "'nodes_values' has 2000"),
        ({"nodes_modes": ["BRANCH"] * 1536}, "unknown mode 'BRANCH'"),
        ({"nodes_featureids": [5] * 1536}, "asks for feature 5 of 3"),
    ],
)
def test_packed_tables_are_checked(changes, reason):
    assert reason in declined(stumps(FEWEST // 2, **changes))


def test_lists_stay_packed_where_the_main_operators_are_brought_to_a_newer_opset(target):
    model = stumps(FEWEST // 2)
    model.graph.node[0].output[0] = "scores"
    model.graph.node.append(helper.make_node("Identity", ["scores"], ["O0"]))
    model.opset_import[0].version = 8
    assert packed(model)
    check_parity(model, X, target)
