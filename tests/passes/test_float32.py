"""A float64 graph becomes a float32 one, and decides as before for every float32 input."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx_ir.passes import common

from bridge.passes.precision.float32 import MOVED_DECISIONS, ToFloat32, ceil_float32, has_float64, nearest_float32
from tests.passes.judge import run

COMPARISONS = {
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
}
LIMITS = np.array([0.1, -0.1, 1 / 3, 0.5, 0.0, -0.0, 1e300, -1e300, 5e-324, -5e-324, 16777217.0, np.inf, -np.inf])
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 3.4e38, -3.4e38], np.float32)


def model_of(nodes, constants, *, inputs=("X",), output=TensorProto.DOUBLE, element=TensorProto.DOUBLE):
    """Return a model over (batch, columns) inputs whose last node's output is `Y`."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, element, ["batch", None]) for name in inputs],
        [helper.make_tensor_value_info("Y", output, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def narrowed(model, **options):
    """Return the model after the pass, as a protobuf, and what the pass left in the model's `meta`."""
    found = common.ShapeInferencePass()(ir.from_proto(model)).model
    ToFloat32(**options)(found)
    proto = ir.to_proto(found)
    onnx.checker.check_model(proto, full_check=True)
    return proto, found.meta


def initializers(model):
    return {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}


def around(limits):
    """Return every float32 near some limits, and the special ones, as a column."""
    with np.errstate(over="ignore"):
        near = np.asarray(limits).astype(np.float32)
        values = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf)), SPECIAL]
    return np.concatenate(values)[:, None]


@pytest.mark.parametrize("constant_side", [0, 1])
@pytest.mark.parametrize("op_type", COMPARISONS)
def test_comparison_decides_as_in_float64(op_type, constant_side):
    sides = ["X", "limits"] if constant_side else ["limits", "X"]
    nodes = [helper.make_node(op_type, sides, ["Y"])]
    model, meta = narrowed(model_of(nodes, {"limits": LIMITS}, output=TensorProto.BOOL))
    x = around(LIMITS)

    (found,) = run(model, {"X": x})

    wide = x.astype(np.float64)
    expected = COMPARISONS[op_type](*((wide, LIMITS) if constant_side else (LIMITS, wide)))
    np.testing.assert_array_equal(found, expected)
    assert MOVED_DECISIONS not in meta


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.floats(allow_nan=False))
def test_rounded_up_limit_is_the_smallest_float32_not_below(limit):
    (rounded,) = ceil_float32(np.array([limit]))

    assert rounded.dtype == np.float32
    assert float(rounded) >= limit
    with np.errstate(over="ignore"):
        assert limit == -np.inf or float(np.nextafter(rounded, np.float32(-np.inf))) < limit


MOVES = {
    "Gather": ([helper.make_node("Gather", ["table", "rows"], ["moved"], axis=0)], {"rows": np.array([2, 0, 1])}),
    "Reshape": ([helper.make_node("Reshape", ["table", "shape"], ["moved"])], {"shape": np.array([1, -1])}),
    "Unsqueeze": ([helper.make_node("Unsqueeze", ["table", "axes"], ["moved"])], {"axes": np.array([0])}),
    "Transpose": ([helper.make_node("Transpose", ["table"], ["moved"], perm=[0])], {}),
    "two steps": (
        [
            helper.make_node("Gather", ["table", "rows"], ["picked"], axis=0),
            helper.make_node("Unsqueeze", ["picked", "axes"], ["moved"]),
        ],
        {"rows": np.array([1, 1, 0]), "axes": np.array([0])},
    ),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize(("op_type", "rounding"), [("LessOrEqual", "floor_float32"), ("Less", "ceil_float32")])
def test_table_behind_a_look_up_is_rounded_for_the_comparison(move, op_type, rounding):
    nodes, constants = MOVES[move]
    table = np.array([0.1, 1 / 3, -0.1])
    nodes = [*nodes, helper.make_node(op_type, ["X", "moved"], ["Y"])]
    original = model_of(nodes, {"table": table, **constants}, output=TensorProto.BOOL)
    model, _ = narrowed(original)
    x = np.tile(around(table), (1, 3))

    assert f"table_{rounding}" in initializers(model)
    np.testing.assert_array_equal(run(model, {"X": x})[0], run(original, {"X": x.astype(np.float64)})[0])


def test_limit_of_two_comparisons_is_kept_twice():
    nodes = [
        helper.make_node("LessOrEqual", ["X", "limit"], ["below"]),
        helper.make_node("Less", ["X", "limit"], ["under"]),
        helper.make_node("Xor", ["below", "under"], ["Y"]),
    ]

    model, _ = narrowed(model_of(nodes, {"limit": np.array([0.1])}, output=TensorProto.BOOL))

    low, high = initializers(model)["limit_floor_float32"], initializers(model)["limit_ceil_float32"]
    assert np.nextafter(low, np.float32(1)) == high
    # No float32 is 0.1, so none lies below without lying under.
    assert not run(model, {"X": around([0.1])})[0].any()


def test_table_behind_a_look_up_with_two_wishes_is_rounded_to_nearest():
    nodes = [
        helper.make_node("Gather", ["table", "rows"], ["picked"]),
        helper.make_node("LessOrEqual", ["X", "picked"], ["below"]),
        helper.make_node("Less", ["X", "picked"], ["under"]),
        helper.make_node("Xor", ["below", "under"], ["Y"]),
    ]
    table = np.array([0.1, 1 / 3])

    model, _ = narrowed(model_of(nodes, {"table": table, "rows": np.array([0])}, output=TensorProto.BOOL))

    np.testing.assert_array_equal(initializers(model)["table_nearest_float32"], nearest_float32(table))


def test_limits_are_rounded_as_rounded_inputs_are():
    nodes = [helper.make_node("LessOrEqual", ["X", "limits"], ["Y"])]
    limits = np.array([0.1, 1 / 3, -0.7])

    model, meta = narrowed(model_of(nodes, {"limits": limits}, output=TensorProto.BOOL), inputs_are_rounded=True)

    # A row on each limit, which stays on the left of it when both are rounded alike.
    assert np.diag(run(model, {"X": np.tile(limits.astype(np.float32)[:, None], (1, 3))})[0]).all()
    assert meta[MOVED_DECISIONS]


def test_rounded_inputs_move_no_decision_at_limits_that_float32_holds():
    nodes = [helper.make_node("LessOrEqual", ["X", "limits"], ["Y"])]
    limits = np.array([0.5, -3.0, np.inf])

    _, meta = narrowed(model_of(nodes, {"limits": limits}, output=TensorProto.BOOL), inputs_are_rounded=True)

    assert MOVED_DECISIONS not in meta


def test_subtracted_constant_keeps_its_digits():
    mean = np.array([2013.4862134, -1e6 / 3])
    model, _ = narrowed(model_of([helper.make_node("Sub", ["X", "mean"], ["Y"])], {"mean": mean}))
    x = (mean + np.random.default_rng(0).normal(size=(100, 2))).astype(np.float32)

    (found,) = run(model, {"X": x})

    expected = x.astype(np.float64) - mean
    assert Counter(n.op_type for n in model.graph.node) == Counter({"Sub": 2})
    assert np.abs(found - expected).max() <= 2**-23 * np.abs(expected).max()
    assert np.abs((x - mean.astype(np.float32)) - expected).max() > 1e-5  # what one subtraction gives


@pytest.mark.parametrize(
    ("sides", "mean"),
    [(["X", "mean"], [2013.5, -3.0]), (["X", "mean"], [np.inf, 0.5]), (["mean", "X"], [2013.4862134, 0.1])],
    ids=["held by float32", "infinite", "on the left"],
)
def test_other_subtractions_stay_one_node(sides, mean):
    model, _ = narrowed(model_of([helper.make_node("Sub", sides, ["Y"])], {"mean": np.array(mean)}))

    assert [n.op_type for n in model.graph.node] == ["Sub"]


def test_constant_that_two_nodes_subtract_is_split_for_both():
    nodes = [
        helper.make_node("Sub", ["X", "mean"], ["a"]),
        helper.make_node("Sub", ["Z", "mean"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["Y"]),
    ]
    mean = np.array([0.1])
    model, _ = narrowed(model_of(nodes, {"mean": mean}, inputs=("X", "Z")))
    x = around([0.1])[: -len(SPECIAL)]

    (found,) = run(model, {"X": x, "Z": x})

    assert len(initializers(model)) == 2
    np.testing.assert_allclose(found, 2 * (x.astype(np.float64) - mean), rtol=1e-6, atol=0)


def test_no_float64_is_left():
    nodes = [
        helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.array(2.0))),
        helper.make_node("Cast", ["N"], ["n"], to=TensorProto.DOUBLE),
        helper.make_node("Shape", ["X"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["thirds"], value=numpy_helper.from_array(np.array([1 / 3]))),
        helper.make_node("Add", ["X", "n"], ["a"]),
        helper.make_node("Mul", ["a", "two"], ["b"]),
        helper.make_node("Add", ["b", "thirds"], ["Y"]),
    ]
    model = model_of(nodes, {})
    model.graph.input.append(helper.make_tensor_value_info("N", TensorProto.INT64, ["batch", None]))

    found, _ = narrowed(model)

    graph = onnx.shape_inference.infer_shapes(found, strict_mode=True).graph
    values = [*graph.input, *graph.output, *graph.value_info]
    assert [v.name for v in values if v.type.tensor_type.elem_type == TensorProto.DOUBLE] == []
    (y,) = run(found, {"X": np.full((1, 2), 0.25, np.float32), "N": np.array([[1, 2]])})
    np.testing.assert_allclose(y, [[2.5 + 1 / 3, 4.5 + 1 / 3]], rtol=1e-6)


def test_branches_are_narrowed_too():
    branches = {
        side: helper.make_graph(
            [helper.make_node("Sub", ["X", f"c_{side}"], [f"y_{side}"])],
            side,
            [],
            [helper.make_tensor_value_info(f"y_{side}", TensorProto.DOUBLE, None)],
            [numpy_helper.from_array(np.array([constant]), f"c_{side}")],
        )
        for side, constant in (("then_branch", 0.1), ("else_branch", 0.5))
    }
    model = model_of([helper.make_node("If", ["condition"], ["Y"], **branches)], {"condition": np.ones((), bool)})

    found, _ = narrowed(model)

    (y,) = run(found, {"X": np.array([[0.1]], np.float32)})
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, np.float64(np.float32(0.1)) - 0.1, rtol=1e-6)


def test_tree_ensemble_splits_are_rounded_down_and_weights_to_nearest():
    splits, weights = np.array([0.1]), np.array([0.1, 1 / 3])
    node = helper.make_node(
        "TreeEnsemble",
        ["X"],
        ["Y"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_splits=numpy_helper.from_array(splits),
        nodes_featureids=[0],
        nodes_modes=numpy_helper.from_array(np.array([0], np.uint8)),
        nodes_truenodeids=[0],
        nodes_falsenodeids=[1],
        nodes_trueleafs=[1],
        nodes_falseleafs=[1],
        leaf_targetids=[0, 0],
        leaf_weights=numpy_helper.from_array(weights),
        tree_roots=[0],
    )
    model = model_of([node], {})
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 5))
    model.ir_version = 10

    found, _ = narrowed(model)

    tables = {a.name: numpy_helper.to_array(a.t) for a in found.graph.node[0].attribute if a.HasField("t")}
    np.testing.assert_array_equal(tables["nodes_splits"], np.nextafter(np.float32(0.1), np.float32(0))[None])
    np.testing.assert_array_equal(tables["leaf_weights"], weights.astype(np.float32))


def test_graph_without_float64_is_untouched():
    limit = np.array([0.1], np.float32)
    model = model_of(
        [helper.make_node("Less", ["X", "limit"], ["Y"])],
        {"limit": limit},
        output=TensorProto.BOOL,
        element=TensorProto.FLOAT,
    )
    graph = ir.from_proto(model)

    result = ToFloat32()(graph)

    assert not result.modified
    assert ir.to_proto(graph).SerializeToString(deterministic=True) == ir.to_proto(
        ir.from_proto(model)
    ).SerializeToString(deterministic=True)


WIDE = helper.make_node("Cast", ["X"], ["W"], to=TensorProto.DOUBLE)
BACK = helper.make_node("Cast", ["W"], ["Y"], to=TensorProto.FLOAT)
CONSTANT = helper.make_node("Constant", [], ["W"], value=numpy_helper.from_array(np.ones(1)))
ABS = helper.make_node("Abs", ["X"], ["Y"])


@pytest.mark.parametrize(
    ("nodes", "constants", "element", "expected"),
    [
        ([ABS], {}, TensorProto.FLOAT, False),
        ([ABS], {}, TensorProto.DOUBLE, True),
        ([ABS], {"C": np.ones(1)}, TensorProto.FLOAT, True),
        ([ABS], {"C": np.ones(1, np.float32)}, TensorProto.FLOAT, False),
        ([WIDE, BACK], {}, TensorProto.FLOAT, True),
        ([CONSTANT, BACK], {}, TensorProto.FLOAT, True),
    ],
    ids=["none", "input", "constant", "float32 constant", "cast", "constant node"],
)
def test_float64_is_found_wherever_it_comes_from(nodes, constants, element, expected):
    model = model_of(nodes, constants, output=TensorProto.FLOAT, element=element)
    assert has_float64(ir.from_proto(model)) is expected


def test_list_of_float64_tensors_becomes_one_of_float32_tensors():
    model = model_of([helper.make_node("SequenceConstruct", ["X", "X"], ["Y"])], {})
    listed = helper.make_tensor_sequence_value_info("Y", TensorProto.DOUBLE, None)
    model.graph.output[0].CopyFrom(listed)
    (found,) = run(narrowed(model)[0], {"X": np.ones((2, 3), np.float32)})
    assert [a.dtype for a in found] == [np.float32] * 2
