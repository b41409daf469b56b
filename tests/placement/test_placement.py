"""Every node of every graph for target "cuda" runs on the CUDA provider, as onnxruntime-gpu itself says."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.ensemble import GradientBoostingRegressor

import bridge
from bridge.placement import NEEDS_CUDNN
from models.trees import TREES
from models.zoo import ZOO

CUDA = "CUDAExecutionProvider"
SHALLOW = [m for m in TREES if m.name in {"tree-floats", "forest-bools-stumps", "boosting-floats", "histogram-floats"}]


def off_cuda(nodes):
    """Return the nodes that do not run on CUDA.

    None is exempt: no graph of ours computes with shapes, the one thing that onnxruntime keeps on the CPU on purpose.
    """
    return [n for n in nodes if n.provider != CUDA]


def _cases(**tables):
    return [pytest.param(m, id=f"{kind}:{m}") for kind, table in tables.items() for m in table]


@pytest.mark.parametrize("model", _cases(zoo=ZOO, trees=TREES))
def test_every_node_runs_on_cuda(place, model):
    graph = bridge.export(model.fitted(), model.data().train, target="cuda", check=False)

    nodes = place(graph)

    assert nodes
    assert off_cuda(nodes) == []
    assert _needing_cudnn(graph) == []


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

    assert _needing_cudnn(graph) == ["ReduceMax"]


def test_graph_that_does_not_load_is_an_error(place):
    graph = _one_node("Less", ["x", "x"], TensorProto.STRING, TensorProto.BOOL, {})

    with pytest.raises(RuntimeError, match="Less"):
        place(graph)


def _needing_cudnn(graph: onnx.ModelProto) -> list[str]:
    """Return the operators that are placed on CUDA and fail there at run where cuDNN is not installed."""
    inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True, data_prop=True).graph
    values = [*inferred.input, *inferred.value_info, *inferred.output]
    rank = {v.name: len(v.type.tensor_type.shape.dim) for v in values}
    rank |= {i.name: len(i.dims) for i in inferred.initializer}
    return [n.op_type for n in graph.graph.node if n.op_type in NEEDS_CUDNN or _reduces_middle(n, rank)]


def _reduces_middle(node: onnx.NodeProto, rank: dict[str, int]) -> bool:
    """Return whether an ArgMax or a mean runs over another axis than the last, for which onnxruntime takes cuDNN."""
    if node.op_type not in {"ArgMax", "ArgMin", "ReduceMean"}:
        return False
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    axes = np.atleast_1d(attributes.get("axes", attributes.get("axis", 0)))
    last = rank[node.input[0]] - 1
    return any(axis not in {-1, last} for axis in axes)


def _one_node(op_type, inputs, dtype, result, attributes):
    graph = helper.make_graph(
        [helper.make_node(op_type, inputs, ["y"], name="the_node", **attributes)],
        "one_node",
        [helper.make_tensor_value_info("x", dtype, [4, 4])],
        [helper.make_tensor_value_info("y", result, None)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
