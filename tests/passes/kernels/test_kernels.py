"""What onnxruntime would put on the CPU becomes what it puts on CUDA, with the answers of its CPU kernels."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper

from bridge.errors import LoweringError
from bridge.passes.kernels.cudnn import needs_cudnn
from bridge.placement import Use, place, short_dtype
from tests.passes.judge import assert_same, lower, op_types, run
from tests.passes.kernels.cases import Case, by_cudnn, cases, integers, of_new_versions, small

CASES = list(cases())


def places(model):
    """Return where each node of a model lands, by the table of kernels."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    dtypes = {
        v.name: short_dtype(v.type.tensor_type.elem_type) for v in (*graph.input, *graph.value_info, *graph.output)
    }
    dtypes |= {i.name: short_dtype(i.data_type) for i in graph.initializer}
    opset = model.opset_import[0].version
    return {(node.op_type, place(Use.of(node, opset, dtypes.__getitem__))) for node in graph.node}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lowered_node_gives_the_same_and_is_placed_on_cuda(case):
    model = case.model()
    assert {where for _, where in places(model)} == {"CPU"}

    lowered = lower(model, "cuda")

    assert {op for op, where in places(lowered) if where != "CUDA"} == set()
    for rows in case.counts():
        feeds = case.fed(rows)
        assert_same(run(lowered, feeds), run(model, feeds), tolerance=case.tolerance)


@pytest.mark.parametrize("case", list(of_new_versions()), ids=str)
def test_version_without_a_kernel_becomes_one_with(case):
    model = case.model()
    assert {where for _, where in places(model)} == {"CPU"}

    lowered = lower(model, "cuda")

    assert places(lowered) == {(case.op_type, "CUDA")}
    assert lowered.opset_import[0].version == 21
    assert_same(run(lowered, case.fed()), run(model, case.fed()))


def test_version_stays_where_another_node_needs_it():
    model = graph(
        [("Cast", ["X"], ["Z"], {"to": TensorProto.FLOAT, "round_mode": "up"}), ("Elu", ["Z"], ["Y"], {})],
        [("X", TensorProto.DOUBLE, [None, 2])],
        ["Y"],
        opset=24,
    )

    with pytest.raises(LoweringError, match="no CUDA kernel for Elu of f32 in opset 24"):
        lower(model, "cuda")


@pytest.mark.parametrize("case", list(by_cudnn()), ids=str)
def test_what_only_cudnn_runs_becomes_what_needs_none(case):
    model = case.model()
    assert {where for _, where in places(model)} == {"CUDA"}

    lowered = lower(model, "cuda")

    assert case.op_type not in op_types(lowered) or case.op_type in {"ReduceSum", "ArgMax", "ArgMin"}
    assert {where for _, where in places(lowered)} == {"CUDA"}
    assert not [node for node in ir.from_proto(lowered).graph if needs_cudnn(node)]
    for rows in case.counts():
        feeds = case.fed(rows)
        assert_same(run(lowered, feeds), run(model, feeds), tolerance=case.tolerance)


def test_a_reduction_of_all_rows_is_left_to_cudnn():
    model = Case("ReduceMax", {"X": small(np.float32, (6, 4))}, {"axes": [0]}, opset=13).model()

    assert op_types(lower(model, "cuda")) == ["ReduceMax"]


def graph(nodes, inputs, outputs, constants=(), opset=21):
    made = helper.make_graph(
        [
            helper.make_node(op, ins, outs, name=f"the_{op.lower()}", **attributes)
            for op, ins, outs, attributes in nodes
        ],
        "g",
        [helper.make_tensor_value_info(name, dtype, shape) for name, dtype, shape in inputs],
        [helper.make_value_info(name, onnx.TypeProto()) for name in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def test_operator_without_a_rule_is_refused_by_name():
    model = graph(
        [("Det", ["X"], ["Y"], {}), ("Sinh", ["Y"], ["Z"], {}), ("Unique", ["Z"], ["U"], {})],
        [("X", TensorProto.FLOAT, [None, 2, 2])],
        ["U"],
    )

    with pytest.raises(LoweringError) as caught:
        lower(model, "cuda")

    assert caught.value.leftovers == (
        "the_det (Det): onnxruntime has no CUDA kernel for Det of f32 in opset 21",
        "the_unique (Unique): onnxruntime has no CUDA kernel for Unique of f32 in opset 21",
    )


def test_a_rule_that_declines_says_why():
    model = graph(
        [("LpNormalization", ["X"], ["Y"], {"p": 3})], [("X", TensorProto.DOUBLE, [None, 2])], ["Y"], opset=21
    )

    with pytest.raises(LoweringError, match="and attribute 'p' is 3, expected 1 or 2"):
        lower(model, "cuda")


def test_a_computation_with_shapes_stays():
    model = graph(
        [
            ("Shape", ["X"], ["S"], {}),
            ("ReduceProd", ["S", "A"], ["N"], {"keepdims": 1}),
            ("Reshape", ["X", "N"], ["Y"], {}),
        ],
        [("X", TensorProto.FLOAT, [None, 2])],
        ["Y"],
        [("A", np.array([0]))],
    )

    assert op_types(lower(model, "cuda")) == ["Shape", "ReduceProd", "Reshape"]


def test_what_has_a_kernel_stays():
    model = graph([("MatMul", ["X", "X"], ["Y"], {})], [("X", TensorProto.DOUBLE, [2, 2])], ["Y"])

    assert op_types(lower(model, "cuda")) == ["MatMul"]


def test_product_by_small_weights_takes_their_one_digit():
    x, weights = integers(np.int64, (5, 4)), small(np.int64, (4, 3))
    lowered = lower(Case("MatMul", {"A": x, "B": weights}, constants=("B",)).model(), "cuda")

    assert op_types(lowered).count("MatMul") == 4


def test_node_in_a_branch_is_rewritten():
    branches = [
        helper.make_graph([helper.make_node(op, ["X"], ["B"])], op, [], [helper.make_value_info("B", onnx.TypeProto())])
        for op in ("Sinh", "Cosh")
    ]
    model = graph(
        [("If", ["C"], ["Y"], {"then_branch": branches[0], "else_branch": branches[1]})],
        [("C", TensorProto.BOOL, []), ("X", TensorProto.FLOAT, [None, 2])],
        ["Y"],
    )
    lowered = lower(model, "cuda")

    for condition in (True, False):
        feeds = {"C": np.array(condition), "X": np.array([[0.5, -2.0]], np.float32)}
        assert_same(run(lowered, feeds), run(model, feeds), tolerance=1e-6)
    assert not {"Sinh", "Cosh"} & {n.op_type for a in lowered.graph.node[-1].attribute for n in a.g.node}
