"""A graph is known to decide on the estimator's own bits, or not to."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, FunctionTransformer, MinMaxScaler, Normalizer, StandardScaler

import bridge
from bridge.artifact import get_metadata
from bridge.export.builder import Builder
from bridge.opset import IR_VERSION
from bridge.passes.decisions import decides_exactly
from bridge.passes.precision.float32 import MOVED_DECISIONS

X, Y = load_breast_cancer(return_X_y=True)
FOREST = RandomForestClassifier(5, max_depth=4, random_state=0)


def decides(estimator, target, *, data=(X, Y), dtype=np.float64):
    table, labels = data
    estimator.fit(table.astype(dtype), labels)
    return get_metadata(bridge.export(estimator, table.astype(dtype), target=target, check=False)).exact_decisions


@pytest.mark.parametrize("target", ["cpu", "cuda"])
@pytest.mark.parametrize(
    "steps",
    [
        [FOREST],
        [StandardScaler(), FOREST],
        [MinMaxScaler(), FOREST],
        [SimpleImputer(), StandardScaler(), HistGradientBoostingClassifier(max_iter=3)],
        [ColumnTransformer([("s", StandardScaler(), [0, 2]), ("r", "passthrough", [1])]), FOREST],
        [StandardScaler(), Binarizer(threshold=0.1), FOREST],
    ],
    ids=lambda steps: "-".join(type(s).__name__ for s in steps),
)
def test_forest_behind_correctly_rounded_steps_decides_exactly(steps, target):
    assert decides(make_pipeline(*steps), target)


@pytest.mark.parametrize("target", ["cpu", "cuda"])
@pytest.mark.parametrize(
    "steps",
    [[PCA(3), FOREST], [Normalizer("l2"), FOREST], [LogisticRegression()]],
    ids=lambda steps: "-".join(type(s).__name__ for s in steps),
)
def test_decision_on_a_sum_does_not_decide_exactly(steps, target):
    assert not decides(make_pipeline(*steps), target)


def test_regression_without_decisions_decides_exactly():
    assert decides(LinearRegression(), "cpu", data=load_diabetes(return_X_y=True))


def test_forest_in_float32_decides_exactly_on_float32_data():
    assert decides(FOREST, "portable", dtype=np.float32)


def test_thresholds_moved_for_rounded_inputs_do_not_decide_exactly():
    data = load_diabetes(return_X_y=True)

    # A forest rounds its input to float32 as the portable file does; histogram boosting compares in float64.
    assert decides(RandomForestRegressor(3, random_state=0), "portable", data=data)
    assert not decides(HistGradientBoostingRegressor(max_iter=3), "portable", data=data)


def graph_of(write):
    """Return a model whose output `write` makes of the float64 input X."""
    b = Builder()
    x = ir.Value(name="X", type=ir.TensorType(ir.DataType.DOUBLE), shape=ir.Shape(["batch", 3]))
    y = write(b, x)
    y.name = "Y"
    graph = ir.Graph([x], [y], nodes=b.nodes, initializers=b.initializers, opset_imports={"": 13}, name="g")
    return ir.Model(graph, ir_version=IR_VERSION)


def compared(b, x):
    return b.op("LessOrEqual", x, b.constant([0.5]))


WRITERS = {
    "input": (compared, True, True),
    "scaled": (lambda b, x: compared(b, b.div(b.sub(x, b.constant([3.0])), b.constant([0.1]))), True, False),
    "root": (lambda b, x: compared(b, b.op("Sqrt", x)), True, False),
    "moved": (lambda b, x: compared(b, b.op("Neg", b.take_columns(x, [1, 0]))), True, True),
    "product": (lambda b, x: compared(b, b.matmul(x, b.constant(np.eye(3)))), False, False),
    "sum": (lambda b, x: compared(b, b.sum(x)), False, False),
    "exponential": (lambda b, x: compared(b, b.op("Exp", x)), False, False),
    "rounded, then moved": (lambda b, x: compared(b, b.reshape(b.op("Tanh", x), [-1])), False, False),
    "largest of sums": (lambda b, x: b.argmax(b.matmul(x, b.constant(np.eye(3)))), False, False),
    "sum of decisions": (lambda b, x: compared(b, b.sum(b.cast(compared(b, x), np.float64))), True, True),
    "no decision": (lambda b, x: b.op("Exp", x), True, True),
}


@pytest.mark.parametrize(("write", "exact", "in_float32"), WRITERS.values(), ids=WRITERS)
def test_state_of_a_value_follows_from_its_operators(write, exact, in_float32):
    assert decides_exactly(graph_of(write), "exact") is exact
    assert decides_exactly(graph_of(write), "float32") is in_float32


def test_moved_thresholds_are_remembered():
    model = graph_of(compared)
    model.meta[MOVED_DECISIONS] = True

    assert not decides_exactly(model, "float32")


def test_decision_on_a_sum_and_decisions_together_is_not_exact():
    def write(b, x):
        decided = b.cast(compared(b, x), np.float64)
        return compared(b, b.add(decided, b.op("Exp", x)))

    assert not decides_exactly(graph_of(write), "exact")


def test_leaf_sums_beside_a_computed_number_are_not_taken_for_decisions():
    def write(b, x):
        leaves = b.where(compared(b, x), b.constant([1.0]), b.constant([2.0]))
        return b.argmax(b.mul(b.sum(leaves, keepdims=True), b.op("Exp", x)))

    assert not decides_exactly(graph_of(write), "exact")


def test_rounding_decides_on_what_was_computed_before():
    rounded = FunctionTransformer(np.round, kw_args={"decimals": 2})
    assert decides(rounded, "cpu")
    assert not decides(rounded, "portable")
    assert decides(FunctionTransformer(np.floor), "portable")
