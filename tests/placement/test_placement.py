"""Every node of every graph for target "cuda" runs on the CUDA provider, as onnxruntime-gpu itself says."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper
from sklearn.ensemble import GradientBoostingRegressor

import bridge
from models.numeric import NUMERIC
from models.trees import TREES
from models.zoo import ZOO
from tests.placement.placer import needing_cudnn

CUDA = "CUDAExecutionProvider"
SHALLOW = [m for m in TREES if m.name in {"tree-floats", "forest-bools-stumps", "boosting-floats", "histogram-floats"}]


def off_cuda(nodes):
    """Return the nodes that do not run on CUDA.

    None is exempt: no graph of ours computes with shapes, the one thing that onnxruntime keeps on the CPU on purpose.
    """
    return [n for n in nodes if n.provider != CUDA]


def _cases(**tables):
    return [pytest.param(m, id=f"{kind}:{m}") for kind, table in tables.items() for m in table]


@pytest.mark.parametrize("model", _cases(zoo=ZOO, trees=TREES, numeric=NUMERIC))
def test_every_node_runs_on_cuda(place, model):
    graph = bridge.export(model.fitted(), model.data().train, target="cuda", check=False)

    nodes = place(graph)

    assert nodes
    assert off_cuda(nodes) == []
    assert needing_cudnn(graph) == []


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("model", _cases(zoo=ZOO, numeric=NUMERIC))
def test_every_node_of_a_narrower_precision_runs_on_cuda(place, model, precision):
    graph = bridge.export(model.fitted(), model.data().train, target="cuda", precision=precision, check=False)

    nodes = place(graph)

    assert nodes
    assert off_cuda(nodes) == []
    assert needing_cudnn(graph) == []


@pytest.mark.parametrize("strategy", ["gemm", "tournament", "traverse"])
@pytest.mark.parametrize("model", _cases(trees=SHALLOW))
def test_every_node_of_either_tree_form_runs_on_cuda(place, model, strategy):
    graph = bridge.export(model.fitted(), model.data().train, target="cuda", check=False, strategy=strategy)

    nodes = place(graph)

    assert nodes
    assert off_cuda(nodes) == []


def test_every_node_of_oblivious_trees_runs_on_cuda(place):
    X = np.random.default_rng(0).normal(size=(60, 3))
    stumps = GradientBoostingRegressor(max_depth=1, n_estimators=5).fit(X, X[:, 0])
    graph = bridge.export(stumps, X, target="cuda", check=False, strategy="oblivious")

    nodes = place(graph)

    assert "MatMul" in {n.op_type for n in nodes}
    assert off_cuda(nodes) == []


@pytest.mark.parametrize("model", _cases(trees=TREES))
def test_every_node_of_the_function_of_a_forest_runs_on_cuda(place, model):
    graph = bridge.export(model.fitted(), model.data().train, target="cuda", check=False, strategy="forest")

    nodes = place(graph)

    assert "GatherElements" in {n.op_type for n in nodes}
    assert "Forest" not in {n.op_type for n in nodes}
    assert off_cuda(nodes) == []


def test_tree_ensemble_is_found_on_the_cpu(place):
    model = TREES[0]
    graph = bridge.export(model.fitted(), model.data().train, target="cpu", check=False)

    (found,) = off_cuda(place(graph))

    assert (found.provider, found.domain, found.op_type) == ("CPUExecutionProvider", "ai.onnx.ml", "TreeEnsemble")


@pytest.mark.parametrize(
    ("op_type", "dtype", "attributes"),
    [
        ("MatMul", TensorProto.INT64, {}),
        ("Less", TensorProto.INT16, {}),
        ("ArgMax", TensorProto.INT64, {"axis": 1}),
        ("ArgMax", TensorProto.FLOAT, {"axis": 1, "select_last_index": 1}),
    ],
)
def test_dtype_without_a_cuda_kernel_is_found_on_the_cpu(place, op_type, dtype, attributes):
    inputs = ["x", "x"] if op_type != "ArgMax" else ["x"]
    result = {"Less": TensorProto.BOOL, "ArgMax": TensorProto.INT64}.get(op_type, dtype)

    nodes = place(_one_node(op_type, inputs, dtype, result, attributes))

    assert [n.op_type for n in off_cuda(nodes)] == [op_type]


def test_max_over_a_dimension_is_found_to_need_cudnn():
    graph = _one_node("ReduceMax", ["x"], TensorProto.FLOAT, TensorProto.FLOAT, {"axes": [1]})

    assert needing_cudnn(graph) == ["ReduceMax"]


def test_graph_that_does_not_load_is_an_error(place):
    graph = _one_node("Less", ["x", "x"], TensorProto.STRING, TensorProto.BOOL, {})

    with pytest.raises(RuntimeError, match="Less"):
        place(graph)


def _one_node(op_type, inputs, dtype, result, attributes):
    graph = helper.make_graph(
        [helper.make_node(op_type, inputs, ["y"], name="the_node", **attributes)],
        "one_node",
        [helper.make_tensor_value_info("x", dtype, [4, 4])],
        [helper.make_tensor_value_info("y", result, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
