"""Pairs of float32 keep some 38 bits of what a float64 graph computes, and every model that needs them gets them."""

import logging

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx.reference import ReferenceEvaluator
from scipy.special import erf
from sklearn.decomposition import LatentDirichletAllocation, SparseCoder
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

import bridge
from bridge.artifact import get_metadata
from bridge.export.builder import Builder
from bridge.export.loop import repeat
from bridge.passes.cleanup import cleanup
from bridge.passes.packed_lists import to_proto
from bridge.passes.precision.pairs import ToPairs
from bridge.passes.shapes import infer_shapes

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(40, 6)) * [1, 100, 1, 5, 1e-3, 1]).astype(np.float32).astype(np.float64)
W = RNG.normal(size=(6, 30)) * np.array([[1], [1e-2], [3], [1], [1e3], [1]])
V = RNG.normal(size=(1, 6))
THIRDS = np.array([[1 / 3, 1 / 3 + 1e-12, 1 / 3 - 1e-12, 0.0, -1 / 3, 1 / 3]])


def in_pairs(write, x, rank=2):
    """Return the model, and its answers, of the graph that `write` makes of a float64 matrix."""
    b = Builder()
    given = ir.Value(name="x", type=ir.TensorType(ir.DataType.DOUBLE), shape=ir.Shape(["rows", x.shape[1]]))
    made = write(b, given)
    outputs = [made]
    if made.dtype == ir.DataType.DOUBLE:  # its two parts, each float32
        high = b.cast(made, np.float32)
        outputs = [high, b.cast(b.sub(made, b.cast(high, np.float64)), np.float32)]
    for i, output in enumerate(outputs):
        output.name = f"y{i}"
        output.shape = ir.Shape([None] * rank)
    graph = ir.Graph([given], outputs, nodes=b.nodes, initializers=b.initializers, opset_imports={"": 13}, name="g")
    model = ir.Model(graph, ir_version=8)
    infer_shapes()(model)
    ToPairs()(model)
    cleanup()(model)
    proto = to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    feeds = {"x": x.astype(np.float32)}
    session = ort.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    parts = session.run(None, feeds)
    return proto, sum(part.astype(np.float64) for part in parts) if len(parts) > 1 else parts[0], feeds


SMOOTH = {
    "Add": (lambda b, x: b.combine("Add", x, V), X + V),
    "Sub": (lambda b, x: b.combine("Sub", x, V), X - V),
    "Mul": (lambda b, x: b.combine("Mul", x, V), X * V),
    "Div": (lambda b, x: b.div(b.constant(V), x), V / X),
    "Reciprocal": (lambda b, x: b.op("Reciprocal", b.combine("Mul", x, V)), 1 / (X * V)),
    "Sqrt": (lambda b, x: b.op("Sqrt", b.op("Abs", b.combine("Mul", x, V))), np.sqrt(np.abs(X * V))),
    "Exp": (lambda b, x: b.op("Exp", b.combine("Mul", x, V / 9)), np.exp(X * V / 9)),
    "Log": (lambda b, x: b.op("Log", b.op("Abs", b.combine("Mul", x, V))), np.log(np.abs(X * V))),
    "Tanh": (lambda b, x: b.op("Tanh", b.combine("Mul", x, V)), np.tanh(X * V)),
    "Sigmoid": (lambda b, x: b.op("Sigmoid", b.combine("Mul", x, V)), 1 / (1 + np.exp(-X * V))),
    "Pow": (lambda b, x: b.op("Pow", b.op("Abs", x), b.constant(2.5)), np.abs(X) ** 2.5),
    "Pow, whole": (lambda b, x: b.op("Pow", b.combine("Add", x, V), b.constant(3.0)), (X + V) ** 3),
    "MatMul": (lambda b, x: b.matmul(x, b.constant(W)), X @ W),
    "MatMul, both": (lambda b, x: b.matmul(b.combine("Mul", x, V), b.op("Transpose", x, perm=[1, 0])), (X * V) @ X.T),
    "ReduceSum": (lambda b, x: b.sum(b.mul(x, x), keepdims=True), (X * X).sum(axis=1, keepdims=True)),
    "Where": (
        lambda b, x: b.where(b.op("Less", x, b.constant(V)), b.combine("Mul", x, V), b.constant(V)),
        np.where(X < V, X * V, V),
    ),
    "Max": (lambda b, x: b.op("Max", b.combine("Mul", x, V), b.constant(V)), np.maximum(X * V, V)),
    "Min": (lambda b, x: b.op("Min", b.combine("Mul", x, V), b.constant(V)), np.minimum(X * V, V)),
    "Floor": (lambda b, x: b.op("Floor", b.combine("Mul", x, V)), np.floor(X * V)),
    "Concat": (lambda b, x: b.concat([x, b.combine("Mul", x, V)]), np.hstack([X, X * V])),
    "Cast": (lambda b, x: b.cast(b.cast(b.combine("Mul", x, V), np.int64), np.float64), np.trunc(X * V)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_operators_keep_38_bits(name):
    write, expected = SMOOTH[name]
    proto, found, _ = in_pairs(write, X)
    scale = np.maximum(np.abs(expected).max(axis=0), 1.0 if name in ("Tanh", "Cast") else 0.0)
    assert (np.abs(found - expected) / scale).max() < 2.0**-38
    assert onnx.TensorProto.DOUBLE not in {t.data_type for t in proto.graph.initializer}


@pytest.mark.parametrize("name", ["Exp", "MatMul", "ReduceSum", "Div"])
def test_other_runtimes_that_round_to_nearest_give_the_same_bits(name):
    proto, found, feeds = in_pairs(SMOOTH[name][0], X)
    again = sum(part.astype(np.float64) for part in ReferenceEvaluator(proto).run(None, feeds))
    scale = np.abs(found).max(axis=0)
    assert (np.abs(again - found) / scale).max() < 2.0**-38


@pytest.mark.parametrize("length", [2, 100, 3000])
def test_products_of_any_length_keep_38_bits_beside_their_largest_term(length):
    given = RNG.normal(size=(5, length)).astype(np.float32).astype(np.float64)
    given[0] = 1.0  # powers of two are the largest of their row
    weights = RNG.normal(size=(length, 3)) * np.exp(3 * RNG.normal(size=(length, 1)))
    _, found, _ = in_pairs(lambda b, x: b.matmul(x, b.constant(weights)), given)
    terms = np.abs(given)[:, :, None] * np.abs(weights)
    assert (np.abs(found - given @ weights) / terms.max(axis=1)).max() < length * 2.0**-38


def test_products_that_float32_would_lose_do_not_cancel():
    far, near = np.full((4, 1), 2.0**20), RNG.normal(size=(4, 1)).astype(np.float32).astype(np.float64)
    given = np.hstack([far, far, near])
    _, found, _ = in_pairs(lambda b, x: b.matmul(x, b.constant(np.array([[1.0], [-1.0], [1 / 3]]))), given)
    np.testing.assert_allclose(found, near / 3, atol=2.0 ** (20 - 42))


@pytest.mark.parametrize("op", ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"])
def test_decisions_are_those_of_float64(op):
    compare = {"Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater, "Equal": np.equal}
    compare["GreaterOrEqual"] = np.greater_equal
    ones = np.ones((2, 6))
    ones[1, :3] = np.nan, np.inf, -np.inf
    _, found, _ = in_pairs(lambda b, x: b.op(op, b.combine("Mul", x, THIRDS), b.constant(1 / 3)), ones)
    np.testing.assert_array_equal(found, compare[op](ones * THIRDS, 1 / 3))

    def itself(b, x):
        third = b.combine("Mul", x, THIRDS)
        return b.op(op, third, b.combine("Add", third, [[0.0, 0.0, 0.0, 0.0, 1e-12, -1e-12]]))

    _, found, _ = in_pairs(itself, ones)
    np.testing.assert_array_equal(
        found, compare[op](ones * THIRDS, ones * THIRDS + [0.0, 0.0, 0.0, 0.0, 1e-12, -1e-12])
    )


def test_places_are_those_of_float64():
    ones = np.ones((2, 6))
    ones[1, 3] = 1e30
    _, found, _ = in_pairs(
        lambda b, x: b.argmax(b.combine("Add", b.combine("Mul", x, THIRDS), np.zeros(6))), ones, rank=1
    )
    np.testing.assert_array_equal(found, [1, 1])

    def smallest(b, x):
        return b.smallest(b.combine("Mul", x, THIRDS), b.constant([5], np.int64))[1]

    _, found, _ = in_pairs(smallest, ones)
    np.testing.assert_array_equal(found, np.argsort(ones * THIRDS, axis=1, kind="stable")[:, :5])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e38, 0.0, -0.0, 1e-45])
def test_special_values_come_out_as_in_float64(value):
    given = np.full((1, 1), value).astype(np.float32).astype(np.float64)
    forms = {
        "Add": (lambda b, x: b.combine("Add", x, [[1 / 3]]), given + 1 / 3),
        "Mul": (lambda b, x: b.combine("Mul", x, [[1 / 3]]), given / 3),
        "Exp": (lambda b, x: b.op("Exp", b.combine("Mul", x, [[1 / 3]])), np.exp(given / 3)),
        "Sqrt": (lambda b, x: b.op("Sqrt", x), np.sqrt(given)),
        "Max": (lambda b, x: b.op("Max", x, b.constant([[1 / 3]])), np.maximum(given, 1 / 3)),
    }
    for name, (write, expected) in forms.items():
        proto, _, feeds = in_pairs(write, given)
        high = ort.InferenceSession(proto.SerializeToString()).run(["y0"], feeds)[0]
        np.testing.assert_allclose(high, expected.astype(np.float32), rtol=1e-6, err_msg=name)


def test_loops_carry_both_parts():
    def write(b, x):
        def step(_, state):
            return None, [b.combine("Mul", state[0], [[1 + 1e-9]])]

        return repeat(b, step, [x], 1000)[0]

    _, found, _ = in_pairs(write, X)
    np.testing.assert_allclose(found, X * (1 + 1e-9) ** 1000, rtol=1e-11)


def test_operator_without_a_rule_computes_in_float32():
    proto, found, _ = in_pairs(lambda b, x: b.op("Erf", b.combine("Mul", x, V)), X)
    assert [node.op_type for node in proto.graph.node].count("Erf") == 1
    assert 1e-10 < np.abs(found - erf(X * V)).max() < 1e-6


def cases():
    """Return models whose answers are differences of large numbers, or of an iteration that stops on a small one."""
    table, y = RNG.normal(size=(80, 4)) * [1, 10, 1, 2], RNG.normal(size=80)
    atoms = RNG.normal(size=(6, 4))
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    return {
        "polynomial": (KernelRidge(kernel="poly", gamma=0.05).fit(table, y), table),
        "machine": (SVC(kernel="poly", coef0=1.0, C=100).fit(table, y > 0), table),
        "process": (GaussianProcessRegressor(alpha=1e-6, optimizer=None).fit(table, y), table),
        "lasso": (
            SparseCoder(atoms[:3], transform_algorithm="lasso_cd", transform_alpha=0.1, transform_max_iter=20).fit(
                table[:20]
            ),
            table[:20],
        ),
    }


@pytest.mark.parametrize("name", ["polynomial", "machine", "process", "lasso"])
def test_model_of_which_float32_keeps_too_few_digits_is_written_in_pairs(name, caplog):
    model, table = cases()[name]
    with caplog.at_level(logging.INFO, "bridge"):
        file = bridge.export(model, table)
    assert get_metadata(file).pairs
    assert "pairs of float32" in caplog.text or name == "lasso"  # which is written so from the start
    assert onnx.TensorProto.DOUBLE not in {t.data_type for t in file.graph.initializer}
    report = bridge.verify(model, file, table[::-1].astype(np.float32).astype(np.float64))
    assert report.ok, report
    assert all(m.explained == 0 for m in report.methods)


def test_iteration_that_stops_by_a_small_difference_is_written_in_pairs_without_a_check():
    counts = np.random.default_rng(7).poisson(2.0, (100, 8)).astype(np.float64)
    topics = LatentDirichletAllocation(3, max_iter=5, random_state=0).fit(counts)
    assert get_metadata(bridge.export(topics, counts, check=False)).pairs
    assert not get_metadata(bridge.export(topics, counts, target="cpu")).pairs


def test_model_that_float32_holds_is_left_as_it_is():
    model = Ridge().fit(X, X[:, 0])
    assert not get_metadata(bridge.export(model, X)).pairs
    assert not get_metadata(bridge.export(model, X, target="cpu")).pairs
