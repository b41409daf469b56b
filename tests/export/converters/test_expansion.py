"""PolynomialFeatures, KBinsDiscretizer and PowerTransformer answer as scikit-learn's do."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import KBinsDiscretizer, PolynomialFeatures, PowerTransformer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)) * [1.0, 10.0, 0.1, 3.0]
EXACT = [("cpu", "exact"), ("cuda", "exact")]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"degree": 3, "include_bias": False},
        {"degree": 4, "interaction_only": True},
        {"degree": 5, "interaction_only": True},
        {"degree": (2, 3)},
        {"degree": (3, 3), "include_bias": False, "interaction_only": True},
        {"degree": (0, 1)},
        {"degree": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_polynomials_give_equal_bits(agree, options, dtype):
    agree(PolynomialFeatures(**options).fit(X), X.astype(dtype), tolerance=0, routes=EXACT)


def test_polynomials_in_float32(agree):
    agree(PolynomialFeatures(3).fit(X), X)


def test_polynomials_of_one_column_and_of_a_sparse_matrix(agree):
    agree(PolynomialFeatures(3).fit(X[:, :1]), X[:, :1], tolerance=0, routes=EXACT)
    table = sparse.csr_matrix(np.where(X > 0, X, 0))
    agree(PolynomialFeatures(2).fit(table), table, tolerance=0, routes=EXACT)


def on_edges(discretizer, dtype):
    rows = np.tile(X[0], (8, 1))
    for column, edges in enumerate(discretizer.bin_edges_):
        rows[: min(8, len(edges)), column] = edges[:8]
    return np.concatenate([rows, np.nextafter(rows, -np.inf), np.nextafter(rows, np.inf)]).astype(dtype)


@pytest.mark.parametrize("encode", ["onehot", "onehot-dense", "ordinal"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bins_decide_as_searchsorted_does_on_their_edges(agree, encode, strategy, dtype):
    options = {"quantile_method": "averaged_inverted_cdf"} if strategy == "quantile" else {}
    discretizer = KBinsDiscretizer(encode=encode, strategy=strategy, random_state=0, **options).fit(X)
    agree(discretizer, X.astype(dtype), on_edges(discretizer, dtype), tolerance=0)


def test_bins_of_different_number_and_dtype(agree):
    discretizer = KBinsDiscretizer([2, 3, 7, 2], dtype=np.float32, encode="ordinal", strategy="uniform").fit(X)
    agree(discretizer, X, on_edges(discretizer, np.float64), tolerance=0, routes=EXACT)
    one = KBinsDiscretizer(2, strategy="uniform").fit(X[:, :1])
    agree(one, X[:, :1], tolerance=0, routes=EXACT)


@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_power_transformer(agree, method, standardize, dtype):
    data = np.abs(X) + 0.01 if method == "box-cox" else X
    data = data.copy()
    data[4, 1] = np.nan
    for fitted_on in (np.float64, np.float32):
        transformer = PowerTransformer(method=method, standardize=standardize).fit(data.astype(fitted_on))
        agree(transformer, data.astype(dtype), special=method != "box-cox")


@pytest.mark.parametrize("lambdas", [[0.0, 2.0, 1.0, -3.0], [1e-17, 2 - 1e-17, 1e-5, 2.5]], ids=str)
def test_powers_that_become_logarithms(agree, lambdas):
    transformer = PowerTransformer(standardize=False).fit(X)
    transformer.lambdas_ = np.array(lambdas)
    agree(transformer, X, X * 1e-9)
    transformer = PowerTransformer(method="box-cox", standardize=False).fit(np.abs(X))
    transformer.lambdas_ = np.array(lambdas)
    agree(transformer, np.abs(X), np.abs(X) * 1e3, special=False)


def test_frames(agree):
    frame = pd.DataFrame(X, columns=list("abcd")).astype({"a": np.float32})
    for step in (PolynomialFeatures(), KBinsDiscretizer(3, strategy="uniform"), PowerTransformer()):
        agree(step.fit(frame), frame)
