"""Every operator outside of the portable subset, before and after, on every value that comparisons trip over."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_ir.passes import common

import bridge
from bridge.errors import ArtifactError, LoweringError
from bridge.passes.cleanup import cleanup
from bridge.passes.lower_ops import LowerOps
from bridge.passes.rule import Options
from bridge.passes.subset.missing import DropMissingRoutes
from bridge.passes.subset.rules import find_subset_rule
from bridge.portability import portable_tier
from tests.passes import judge

F, D, B = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.BOOL
L, S = TensorProto.INT64, TensorProto.INT32
TINY = np.float32(1e-45)
SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    np.nan,
    np.inf,
    -np.inf,
    TINY,
    -TINY,
    np.nextafter(np.float32(1), np.float32(2)),
    3.4e38,
]
GRID = np.array([(a, b) for a in SPECIAL for b in SPECIAL], np.float32)


def make_graph(*nodes, inputs=(("a", F, ["batch", 2]),), dtype=F, shape=None, constants=None):
    """Return a model whose output is the last node's."""
    made = [
        helper.make_node(op, names.split(), ["y" if i == len(nodes) - 1 else f"t{i}"], name=f"n{i}", **attributes)
        for i, (op, names, attributes) in enumerate(nodes)
    ]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info(*i) for i in inputs],
        [helper.make_tensor_value_info("y", dtype, shape or ["batch", 2])],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(model, full_check=True)
    return model


def rewrite(model):
    """Return the model in the subset, and the operators that its rules made, in order."""
    graph = ir.from_proto(model)
    common.ShapeInferencePass()(graph)
    LowerOps(Options("portable"), find_subset_rule)(graph)
    operators = [n.op_type for n in graph.graph]
    cleanup()(graph)
    proto = ir.to_proto(graph)
    onnx.checker.check_model(proto, full_check=True)
    return proto, operators


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


def assert_same(model, feeds, *, rtol=0.0):
    before = model.SerializeToString()
    proto, operators = rewrite(model)
    assert model.SerializeToString() == before
    assert portable_tier(proto) == (1, []), operators
    for rows in (slice(None), slice(1), slice(0)):
        some = {k: v[rows] for k, v in feeds.items()}
        np.testing.assert_allclose(run(proto, some), run(model, some), rtol=rtol, atol=0)
    return operators


PAIR = (("a", F, ["batch"]), ("b", F, ["batch"]))
COMPARISONS = {
    "Greater": ["LessOrEqual", "LessOrEqual", "Cast", "Cast", "Sub", "LessOrEqual"],
    "Less": ["LessOrEqual", "LessOrEqual", "Cast", "Cast", "Sub", "LessOrEqual"],
    "GreaterOrEqual": ["LessOrEqual"],
    "Equal": ["LessOrEqual", "LessOrEqual", "Cast", "Cast", "Mul", "LessOrEqual"],
}


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparison_of_two_values_decides_alike(name):
    model = make_graph((name, "a b", {}), inputs=PAIR, dtype=B, shape=["batch"])

    operators = assert_same(model, {"a": GRID[:, 0], "b": GRID[:, 1]})

    assert operators == COMPARISONS[name]


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize("side", ["a c", "c a"])
@pytest.mark.parametrize("constant", SPECIAL)
def test_comparison_with_a_constant_decides_alike(name, side, constant):
    model = make_graph((name, side, {}), dtype=B, constants={"c": np.float32(constant)})

    assert_same(model, {"a": GRID})


@pytest.mark.parametrize(("constant", "nodes"), [(1.0, 1), (-3.5, 1), (0.0, 6), (TINY, 6), (np.inf, 6), (np.nan, 6)])
def test_greater_than_a_constant_is_one_node_unless_its_neighbour_is_special(constant, nodes):
    model = make_graph(("Greater", "a c", {}), dtype=B, constants={"c": np.float32(constant)})

    assert len(rewrite(model)[1]) == nodes


@pytest.mark.parametrize("name", ["Greater", "Less"])
@pytest.mark.parametrize("constant", [3, np.iinfo(np.int64).max, np.iinfo(np.int64).min])
def test_comparison_of_integers_decides_alike(name, constant):
    model = make_graph(
        (name, "a c", {}), inputs=(("a", L, ["batch"]),), dtype=B, shape=["batch"], constants={"c": np.int64(constant)}
    )

    assert_same(model, {"a": np.array([2, 3, 4, constant, np.iinfo(np.int64).max, np.iinfo(np.int64).min])})


def test_equal_of_integers_stays():
    model = make_graph(("Equal", "a b", {}), inputs=(("a", L, ["n"]), ("b", L, ["n"])), dtype=B, shape=["n"])

    assert rewrite(model)[1] == ["Equal"]


BOOLS = np.array([(a, b) for a in (False, True) for b in (False, True)])
LOGIC = {
    "And": ["Cast", "Cast", "Mul", "LessOrEqual"],
    "Or": ["Cast", "Cast", "Add", "LessOrEqual"],
    "Xor": ["Cast", "Cast", "Sub", "Abs", "LessOrEqual"],
    "Equal": ["Cast", "Cast", "Sub", "Abs", "LessOrEqual"],
}


@pytest.mark.parametrize("name", LOGIC)
def test_logic_is_arithmetic(name):
    inputs = (("a", B, ["batch"]), ("b", B, ["batch"]))
    model = make_graph((name, "a b", {}), inputs=inputs, dtype=B, shape=["batch"])

    assert assert_same(model, {"a": BOOLS[:, 0], "b": BOOLS[:, 1]}) == LOGIC[name]


def test_not_is_a_comparison():
    model = make_graph(("Not", "a", {}), inputs=(("a", B, ["batch", 2]),), dtype=B)

    assert assert_same(model, {"a": BOOLS}) == ["Cast", "LessOrEqual"]


@pytest.mark.parametrize("name", ["IsNaN", "IsInf"])
def test_special_values_are_found_by_comparison(name):
    assert_same(make_graph((name, "a", {}), dtype=B), {"a": GRID})


def test_is_nan_needs_no_absolute_value_and_no_equality():
    operators = rewrite(make_graph(("IsNaN", "a", {}), dtype=B))[1]

    assert operators == ["Mul", "LessOrEqual", "Cast", "LessOrEqual", "Cast", "Sub", "LessOrEqual"]


def test_sign_keeps_numbers_and_nan():
    operators = assert_same(make_graph(("Sign", "a", {})), {"a": GRID})

    assert operators[:5] == ["LessOrEqual", "Cast", "LessOrEqual", "Cast", "Sub"]
    assert operators[-1] == "Where"


BOUNDS = {
    "Relu": (("Relu", "a", {}), {}),
    "Clip": (("Clip", "a lo hi", {}), {"lo": np.float32(-1), "hi": np.float32(1)}),
    "Clip-above": (("Clip", "a lo", {}), {"lo": np.float32(-1)}),
    "Max": (("Max", "a lo", {}), {"lo": np.float32(-1)}),
    "Min": (("Min", "hi a", {}), {"hi": np.array([1, 0.5], np.float32)}),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_are_selections(name):
    node, constants = BOUNDS[name]

    operators = assert_same(make_graph(node, constants=constants), {"a": np.nan_to_num(GRID, nan=0.25)})

    assert set(operators) == {"LessOrEqual", "Where"}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_keep_nan(name):
    node, constants = BOUNDS[name]
    proto, _ = rewrite(make_graph(node, constants=constants))

    answer = run(proto, {"a": GRID})

    np.testing.assert_array_equal(np.isnan(answer), np.isnan(GRID))


SHAPES = {
    "Flatten": (("Flatten", "a", {}), {}, ["batch", 6]),
    "Unsqueeze": (("Unsqueeze", "a axes", {}), {"axes": np.array([1])}, ["batch", 1, 2, 3]),
    "Slice": (
        ("Slice", "a lo hi axes steps", {}),
        {"lo": [2], "hi": [-9], "axes": [2], "steps": [-2]},
        ["batch", 2, 2],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_reshaped_and_gathered(name):
    node, constants, shape = SHAPES[name]
    constants = {k: np.array(v, np.int64) for k, v in constants.items()}
    model = make_graph(node, inputs=(("a", F, ["batch", 2, 3]),), shape=shape, constants=constants)

    assert set(assert_same(model, {"a": np.arange(24, dtype=np.float32).reshape(4, 2, 3)})) <= {"Reshape", "Gather"}


def test_squeeze_of_a_column_is_a_reshape():
    model = make_graph(
        ("Squeeze", "a axes", {}), inputs=(("a", F, ["batch", 1]),), shape=["batch"], constants={"axes": np.array([1])}
    )

    assert assert_same(model, {"a": GRID[:, :1]}) == ["Reshape"]


def test_split_is_gathered():
    node = helper.make_node("Split", ["a", "sizes"], ["p", "q"], axis=1)
    model = make_graph(("Identity", "a", {}), constants={"sizes": np.array([1, 1])})
    model.graph.node.insert(0, node)
    model.graph.node[1].input[0] = "q"
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 1

    assert assert_same(model, {"a": GRID})[:2] == ["Gather", "Gather"]


@pytest.mark.parametrize(("width", "count"), [(5, 2), (5, 3), (6, 3), (1, 1)])
def test_split_without_lengths_has_a_smaller_last_part(width, count):
    parts = [f"p{i}" for i in range(count)]
    graph = helper.make_graph(
        [helper.make_node("Split", ["a"], parts, axis=1, num_outputs=count)],
        "g",
        [helper.make_tensor_value_info("a", F, ["batch", width])],
        [helper.make_tensor_value_info(part, F, None) for part in parts],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    x = {"a": np.arange(3 * width, dtype=np.float32).reshape(3, width)}

    lowered = bridge.lower(model, target="portable")

    judge.assert_same(judge.run(lowered, x), judge.run(model, x))


DAMAGED = {
    "step of 0": (("Slice", "a zero one one zero", {}), {}),
    "fewer ends": (("Slice", "a two one", {}), {}),
    "axis of Slice": (("Slice", "a zero one nine", {}), {}),
    "axis of Split": (("Split", "a", {"axis": 7}), {}),
    "odd width": (("Split", "a", {"axis": 1}), {"width": 3, "outputs": 2}),
    "lengths": (("Split", "a one", {"axis": 1}), {}),
    "axis of ArgMax": (("ArgMax", "a", {"axis": 7}), {}),
    "axis of ReduceMax": (("ReduceMax", "a", {"axes": [7]}), {}),
    "axis of Hardmax": (("Hardmax", "a", {"axis": 7}), {}),
}


@pytest.mark.parametrize("target", ["portable", "cuda"])
@pytest.mark.parametrize("case", DAMAGED)
def test_what_no_runtime_loads_is_refused(target, case):
    (op, names, attributes), form = DAMAGED[case]
    constants = {"zero": [0], "one": [1], "nine": [9], "two": [0, 1]}
    outputs = ["y", "z"][: form.get("outputs", 1)]
    graph = helper.make_graph(
        [helper.make_node(op, names.split(), outputs, **attributes)],
        "g",
        [helper.make_tensor_value_info("a", F, ["batch", form.get("width", 2)])],
        [helper.make_tensor_value_info(name, L if op == "ArgMax" else F, None) for name in outputs],
        [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)

    with pytest.raises((ArtifactError, LoweringError)):
        bridge.lower(model, target=target)


@pytest.mark.parametrize(("to", "operators"), [(L, ["Where"]), (S, ["Cast", "Cast"])])
def test_bool_becomes_an_integer_by_selection_or_by_way_of_float32(to, operators):
    model = make_graph(("Cast", "a", {"to": to}), inputs=(("a", B, ["batch", 2]),), dtype=to)

    assert assert_same(model, {"a": BOOLS}) == operators


def test_gather_elements_takes_int32():
    model = make_graph(
        ("ArgMax", "a", {"axis": 1, "keepdims": 1}), ("GatherElements", "a t0", {"axis": 1}), shape=["batch", 1]
    )

    assert assert_same(model, {"a": GRID[::2]}) == ["ArgMax", "Cast", "GatherElements"]


def test_one_hot_is_a_comparison_of_integers():
    model = make_graph(
        ("OneHot", "a depth values", {}),
        inputs=(("a", L, ["batch"]),),
        shape=["batch", 4],
        constants={"depth": np.int64(4), "values": np.array([0, 2], np.float32)},
    )

    assert set(assert_same(model, {"a": np.array([0, 3, -1, -4, 4, -5, 99])})) == {"Reshape", "Equal", "Where"}


POWERS = {"square": ("a c", 2.0), "root": ("a c", 0.5), "power of two": ("c a", 2.0)}


@pytest.mark.parametrize("name", POWERS)
def test_powers_that_the_subset_has(name):
    order, constant = POWERS[name]
    model = make_graph(("Pow", order, {}), constants={"c": np.float32(constant)})

    assert_same(model, {"a": np.array([[0, 1], [2.5, 9], [-0.0, 20]], np.float32)}, rtol=2e-6)


def test_reciprocal_is_a_division():
    assert assert_same(make_graph(("Reciprocal", "a", {})), {"a": GRID}) == ["Div"]


def test_sum_of_many_is_a_chain():
    assert assert_same(make_graph(("Sum", "a a a", {})), {"a": GRID}) == ["Add", "Add"]


def test_log_softmax_keeps_small_probabilities():
    rows = np.array([[0, 200], [-1, 1], [3, 3]], np.float32)

    assert_same(make_graph(("LogSoftmax", "a", {"axis": 1})), {"a": rows}, rtol=1e-6)


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize(
    "name", ["ReduceLogSumExp", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceSumSquare"]
)
def test_reduction_of_rows(name, keepdims):
    node = (name, "a", {"axes": [1], "keepdims": keepdims})

    normal = GRID[((GRID == 0) | ~(abs(GRID) < np.finfo(np.float32).tiny)).all(axis=1)]

    assert_same(make_graph(node, shape=["batch", 1][: 1 + keepdims]), {"a": normal}, rtol=1e-6)


@pytest.mark.parametrize("keepdims", [0, 1])
def test_place_of_the_smallest(keepdims):
    node = ("ArgMin", "a", {"axis": 1, "keepdims": keepdims})
    model = make_graph(node, dtype=L, shape=["batch", 1][: 1 + keepdims])

    assert assert_same(model, {"a": GRID}) == ["Neg", "ArgMax"]


@pytest.mark.parametrize(
    ("node", "constants", "reason"),
    [
        (("Pow", "a c", {}), {"c": np.float32(3)}, "Pow of other things"),
        (("Max", "a a", {}), {}, "two computed values"),
    ],
)
def test_what_has_no_counterpart_stays_and_is_named(node, constants, reason):
    model = make_graph(node, constants=constants)
    graph = ir.from_proto(model)
    lowering = LowerOps(Options("portable"), find_subset_rule)

    lowering(graph)

    assert [n.op_type for n in graph.graph] == [node[0]]
    assert any(reason in text for text in lowering.declined.values())


def imputing():
    return make_graph(("IsNaN", "a", {}), ("Where", "t0 c a", {}), constants={"c": np.float32(7)})


def drop(model, refused):
    graph = ir.from_proto(model)
    common.ShapeInferencePass()(graph)
    DropMissingRoutes(frozenset(refused))(graph)
    cleanup()(graph)
    return [n.op_type for n in graph.graph]


def with_identity(model):
    """Return the model with a node after its Where, so that Where is no output."""
    model.graph.node[-1].output[0] = "w"
    model.graph.node.append(helper.make_node("Neg", ["w"], ["y"]))
    return model


def test_missing_route_stays_where_nan_may_arrive():
    assert drop(with_identity(imputing()), []) == ["IsNaN", "Where", "Neg"]


def test_missing_route_goes_where_the_input_refuses_nan():
    assert drop(with_identity(imputing()), ["a"]) == ["Neg"]


def test_missing_route_goes_behind_integers():
    nodes = [("Cast", "a", {"to": F}), ("IsNaN", "t0", {}), ("Where", "t1 c t0", {}), ("Neg", "t2", {})]
    model = make_graph(*nodes, inputs=(("a", L, ["batch", 2]),), constants={"c": np.float32(7)})

    assert drop(model, []) == ["Cast", "Neg"]


def test_missing_route_stays_behind_arithmetic_that_makes_nan():
    nodes = [("Sub", "a a", {}), ("IsNaN", "t0", {}), ("Where", "t1 c t0", {}), ("Neg", "t2", {})]

    assert drop(make_graph(*nodes, constants={"c": np.float32(7)}), ["a"]) == ["Sub", "IsNaN", "Where", "Neg"]


def test_tier_names_what_lies_beyond_the_core():
    model = make_graph(("Erf", "a", {}), inputs=(("a", D, ["batch", 2]),), dtype=D)

    assert portable_tier(model) == (2, ["Erf", "values of double"])
