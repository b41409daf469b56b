"""SplineTransformer answers as scikit-learn's does, inside the knots, on them, and beyond."""

import numpy as np
import pytest
from sklearn.preprocessing import SplineTransformer

import bridge

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3)) * [1.0, 10.0, 1.0]
X[:, 2] = X[:, 2].round()  # quantiles that are equal
BEYOND = RNG.normal(size=(200, 3)) * [2.0, 20.0, 2.0]
EXACT = [("cpu", "exact"), ("cuda", "exact")]
MODES = ["constant", "linear", "continue", "periodic", "error"]


def on_knots(transformer):
    degree = transformer.degree
    knots = np.column_stack([s.t[degree : len(s.t) - degree] for s in transformer.bsplines_])
    return np.concatenate([knots, np.nextafter(knots[1:], -np.inf), np.nextafter(knots[:-1], np.inf)])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("knots", ["uniform", "quantile"])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5])
def test_spline(agree, mode, knots, degree):
    data = X[:, :2] if mode == "constant" and degree == 0 else X
    transformer = SplineTransformer(6, degree, knots=knots, extrapolation=mode).fit(data)
    within = mode == "error" or (mode == "constant" and degree == 0)  # beyond, this one's own broadcast fails
    rows = on_knots(transformer)
    agree(transformer, data, rows, *([] if within else [BEYOND[:, : data.shape[1]]]), routes=EXACT)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("degree", [1, 3])
def test_sparse_answers_and_no_bias(agree, mode, degree):
    transformer = SplineTransformer(5, degree, extrapolation=mode, include_bias=False, sparse_output=True).fit(X)
    agree(transformer, X, *([] if mode == "error" else [BEYOND]), routes=EXACT)


def test_stepwise_and_sparse_beyond_the_knots(agree):
    transformer = SplineTransformer(5, 0, sparse_output=True).fit(X)
    agree(transformer, X, BEYOND, routes=EXACT)


@pytest.mark.parametrize("mode", MODES)
def test_missing_values_become_zeros(agree, mode):
    data = X.copy()
    data[RNG.random(X.shape) < 0.1] = np.nan
    agree(SplineTransformer(extrapolation=mode, handle_missing="zeros").fit(data), data, routes=EXACT)


@pytest.mark.parametrize("mode", MODES)
def test_one_value_alone_and_given_knots(agree, mode):
    data = np.column_stack([X[:, 0], np.ones(len(X))])
    agree(SplineTransformer(extrapolation=mode).fit(data), data, routes=EXACT, special=mode != "error")
    knots = np.column_stack([np.linspace(X.min(), X.max(), 7) ** 3, np.linspace(X.min(), X.max(), 7)])
    agree(SplineTransformer(knots=knots, extrapolation=mode).fit(X[:, :2]), X[:, :2], routes=EXACT)


@pytest.mark.parametrize("mode", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_other_dtypes_and_float32(agree, mode, dtype):
    transformer = SplineTransformer(extrapolation=mode).fit(X.astype(dtype))
    agree(transformer, X.astype(dtype), float32_tolerance=2e-6, special=False)


def test_beyond_the_knots_is_nan_for_other_runtimes_where_the_estimator_raises():
    transformer = SplineTransformer(extrapolation="error").fit(X)
    model = bridge.load(bridge.export(transformer, X, target="cpu"), device="cpu")
    answer = model.run(np.array([[99.0, X[0, 1], X[0, 2]]]))["transform"]
    assert np.isnan(answer[0, :7]).all()
    assert not np.isnan(answer[0, 7:]).any()
