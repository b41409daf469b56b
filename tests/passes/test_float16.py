"""Mixed float16: what may be in it, what stays, and that no input makes it overflow."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_ir.passes import common

from bridge.passes.precision.float16 import ToFloat16
from bridge.passes.precision.half_plan import plan_float16, product_operands
from tests.passes.judge import run

HUGE = np.array([0.0, 1.0, -7.0, 1e5, -1e30, 3.4e38, -3.4e38], np.float32)


def graph_of(nodes, constants, *, outputs=("Y",), columns=4, boolean=()):
    """Return a float32 model of `X` (rows, columns), its values typed."""
    kinds = [TensorProto.INT64 if name in boolean else TensorProto.FLOAT for name in outputs]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["rows", columns])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(outputs, kinds, strict=True)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    return common.ShapeInferencePass()(ir.from_proto(model)).model


def node(op_type, inputs, output, **attributes):
    return helper.make_node(op_type, inputs.split(), [output], **attributes)


def halved(model, *, seen=1.0, excluded=()):
    """Return the model in float16 as a protobuf, and the reasons of what stayed."""
    names = [str(v.name) for v in product_operands(model.graph)]
    plan = plan_float16(model.graph, dict.fromkeys(names, seen), dict.fromkeys(excluded, "asked for"))
    kept = {str(n.outputs[0].name): why for n, why in plan.kept.items()}
    ToFloat16(plan)(model)
    proto = ir.to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    return proto, kept


def halves(proto):
    """Return the operators that give float16."""
    inferred = onnx.shape_inference.infer_shapes(proto, strict_mode=True).graph
    half = {v.name for v in inferred.value_info if v.type.tensor_type.elem_type == TensorProto.FLOAT16}
    return [n.op_type for n in proto.graph.node if n.output[0] in half and n.op_type != "Cast"]


W = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
DENSE = [node("MatMul", "X W", "h"), node("Add", "h b", "s"), node("Relu", "s", "r"), node("MatMul", "r V", "Y")]
WEIGHTS = {"W": W, "b": np.ones(3, np.float32), "V": np.full((3, 2), 0.25, np.float32)}


def test_dense_layers_go_to_float16_with_float32_at_both_ends():
    proto, kept = halved(graph_of(DENSE, WEIGHTS))

    assert halves(proto) == ["MatMul", "Add", "Relu", "MatMul"]
    assert kept == {}
    types = [v.type.tensor_type.elem_type for v in (*proto.graph.input, *proto.graph.output)]
    assert types == [TensorProto.FLOAT, TensorProto.FLOAT]


def test_float16_answers_within_a_few_roundings():
    X = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    (want,) = run(ir.to_proto(graph_of(DENSE, WEIGHTS)), {"X": X})
    (got,) = run(halved(graph_of(DENSE, WEIGHTS))[0], {"X": X})

    assert 0 < np.abs(got - want).max() < 4 * 2.0**-11 * np.abs(want).max()


@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_no_finite_input_makes_an_infinity(scale):
    weights = {**WEIGHTS, "W": W * np.float32(scale), "V": WEIGHTS["V"] * np.float32(scale)}
    X = np.stack(np.meshgrid(HUGE, HUGE, HUGE, HUGE), axis=-1).reshape(-1, 4)
    proto, _ = halved(graph_of(DENSE, weights))

    (got,) = run(proto, {"X": X})

    assert "MatMul" in halves(proto)
    assert np.isfinite(got).all()


def test_nan_stays_nan():
    (got,) = run(halved(graph_of(DENSE, WEIGHTS))[0], {"X": np.full((1, 4), np.nan, np.float32)})

    assert np.isnan(got).all()


@pytest.mark.parametrize(
    ("change", "seen", "reason"),
    [
        ({"W": W * 1e30}, 1.0, "constants are as large as 1e+30"),
        ({"W": W * 1e-9}, 1.0, "constants are no larger than 1e-09"),
        ({}, 1e9, "its operand was as large as 1e+09"),
    ],
    ids=["large weights", "small weights", "large operands"],
)
def test_product_that_float16_does_not_hold_stays(change, seen, reason):
    proto, kept = halved(graph_of([*DENSE[:1], node("Relu", "h", "Y")], {**WEIGHTS, **change}), seen=seen)

    assert halves(proto) == []
    assert reason in kept["h"]


def test_what_a_threshold_is_held_against_stays():
    nodes = [
        node("MatMul", "X W", "h"),
        node("Greater", "h zero", "g"),
        node("Cast", "g", "c", to=TensorProto.FLOAT),
        node("MatMul", "c V", "Y"),
    ]
    proto, kept = halved(graph_of(nodes, {**WEIGHTS, "zero": np.float32(0)}))

    assert kept == {"h": "a decision is taken on its result"}
    assert halves(proto) == ["MatMul"]


def test_score_that_only_a_label_hangs_on_may_go():
    nodes = [node("MatMul", "X W", "h"), node("ArgMax", "h", "Y", axis=1, keepdims=0)]

    assert halves(halved(graph_of(nodes, WEIGHTS, boolean={"Y"}))[0]) == ["MatMul"]


def test_distance_stays():
    nodes = [
        node("MatMul", "X W", "h"),
        node("Mul", "X X", "q"),
        node("ReduceSum", "q last", "n"),
        node("Add", "h n", "d"),
        node("Sqrt", "d", "Y"),
    ]
    proto, kept = halved(graph_of(nodes, {**WEIGHTS, "last": np.array([1])}))

    assert kept == {"h": "a part of a distance, where digits cancel"}
    assert halves(proto) == []


def test_products_of_zeros_and_ones_find_the_leaf_in_float16_exactly():
    paths = np.random.default_rng(0).choice([-1, 0, 1], size=(4, 50)).astype(np.float32)
    nodes = [
        node("Greater", "X zero", "g"),
        node("Cast", "g", "c", to=TensorProto.FLOAT),
        node("MatMul", "c P", "count"),
        node("Equal", "count target", "hit"),
        node("Cast", "hit", "h", to=TensorProto.FLOAT),
        node("MatMul", "h L", "Y"),
    ]
    constants = {
        "zero": np.float32(0),
        "P": paths,
        "target": paths.clip(0).sum(axis=0),
        "L": np.ones((50, 1), np.float32),
    }
    X = np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32)
    (want,) = run(ir.to_proto(graph_of(nodes, constants)), {"X": X})
    proto, kept = halved(graph_of(nodes, constants))

    assert halves(proto) == ["MatMul", "MatMul"]
    assert kept == {}
    assert np.array_equal(run(proto, {"X": X})[0], want)


def test_counts_that_float16_cannot_tell_apart_stay():
    nodes = [
        node("Greater", "X zero", "g"),
        node("Cast", "g", "c", to=TensorProto.FLOAT),
        node("MatMul", "c P", "count"),
        node("Equal", "count target", "hit"),
        node("Cast", "hit", "Y", to=TensorProto.FLOAT),
    ]
    constants = {"zero": np.float32(0), "P": np.full((4, 2), 1001, np.float32), "target": np.full(2, 4004, np.float32)}

    assert halves(halved(graph_of(nodes, constants))[0]) == []


def test_table_of_leaves_goes_and_its_index_stays():
    nodes = [
        node("ArgMax", "X", "i", axis=1, keepdims=0),
        node("Gather", "table i", "leaf", axis=0),
        node("ReduceSum", "leaf last", "Y", keepdims=0),
    ]
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    proto, _ = halved(graph_of(nodes, {"table": table, "last": np.array([1])}))

    assert halves(proto) == ["Gather", "ReduceSum"]
    (got,) = run(proto, {"X": np.eye(4, dtype=np.float32)})
    assert got.tolist() == table.sum(axis=1).tolist()


def test_sum_that_may_overflow_stays_in_float32():
    nodes = [node("ArgMax", "X", "i", axis=1, keepdims=0), node("Gather", "table i", "leaf", axis=0)]
    nodes.append(node("ReduceSum", "leaf last", "Y", keepdims=0))
    table = np.full((4, 3), 30_000, np.float32)

    assert halves(halved(graph_of(nodes, {"table": table, "last": np.array([1])}))[0]) == ["Gather"]


def test_excluded_node_stays_with_the_reason_given():
    proto, kept = halved(graph_of(DENSE, WEIGHTS), excluded=["h"])

    assert kept == {"h": "asked for"}
    assert halves(proto) == ["MatMul"]


def test_output_that_goes_on_inside_is_cast_for_the_outside_alone():
    nodes = [node("MatMul", "X W", "Y"), node("Relu", "Y", "r"), node("MatMul", "r V", "Z")]
    proto, _ = halved(graph_of(nodes, WEIGHTS, outputs=("Y", "Z")))

    assert halves(proto) == ["MatMul", "Relu", "MatMul"]
    assert [o.name for o in proto.graph.output] == ["Y", "Z"]
    assert sum(n.op_type == "Cast" for n in proto.graph.node) == 3
