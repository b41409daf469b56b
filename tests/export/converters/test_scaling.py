"""Scalers, Normalizer and Binarizer answer as scikit-learn's do, bit for bit where only single operations happen."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)) * [1.0, 1e-3, 1e4, 3.0] + [0.0, 5.0, 2013.0, 0.0]
X[:, 3] = X[:, 3].round()
X[5] = 0.0
SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    StandardScaler(with_mean=False, with_std=False),
    MinMaxScaler(),
    MinMaxScaler(feature_range=(-3, 2), clip=True),
    MaxAbsScaler(),
    MaxAbsScaler(clip=True),
    RobustScaler(),
    RobustScaler(with_centering=False, quantile_range=(10, 90), unit_variance=True),
    RobustScaler(with_scaling=False),
    Binarizer(),
    Binarizer(threshold=1.1),
]


@pytest.mark.parametrize("scaler", SCALERS, ids=repr)
@pytest.mark.parametrize("fitted_on", [np.float64, np.float32])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_scaler_gives_equal_bits(agree, scaler, fitted_on, dtype):
    scaler = scaler.fit(X.astype(fitted_on))
    agree(scaler, X.astype(dtype), 3 * X.astype(dtype), tolerance=0, routes=[("cpu", "exact"), ("cuda", "exact")])


@pytest.mark.parametrize("scaler", SCALERS, ids=repr)
def test_scaler_in_float32_loses_no_more_than_float32_digits(agree, scaler):
    agree(scaler.fit(X), X, routes=[("portable", "float32")], float32_tolerance=1e-4)


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32])
def test_normalizer_leaves_rows_of_zeros_and_of_tiny_values(agree, norm, dtype):
    rows = X.astype(dtype)
    rows[7] = 1e-16
    agree(Normalizer(norm=norm).fit(rows), rows, tolerance=1e-15)


@pytest.mark.parametrize("step", [MinMaxScaler(clip=True), StandardScaler(), Binarizer(threshold=0.5)], ids=repr)
def test_frames_of_mixed_dtypes_are_scaled_in_their_common_dtype(agree, step):
    frame = pd.DataFrame(
        {"a": X[:, 0], "b": X[:, 3].astype(np.int32), "c": X[:, 1].astype(np.float32), "d": X[:, 3] > 0}
    )
    agree(step.fit(frame), frame, tolerance=0, routes=[("cpu", "exact")])


@pytest.mark.parametrize(
    "scaler",
    [StandardScaler(with_mean=False), MaxAbsScaler(), RobustScaler(with_centering=False), Normalizer(), Binarizer()],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_input_is_multiplied_by_the_reciprocal_as_scikit_learn_does(agree, scaler, dtype):
    table = sparse.csr_matrix(np.where(X.mean(axis=0) < X, X, 0).astype(dtype))
    exact = 1e-15 if isinstance(scaler, Normalizer) else 0
    agree(scaler.fit(table), table, tolerance=exact, routes=[("cpu", "exact")])


def test_pipeline_of_scalers(agree):
    agree(make_pipeline(StandardScaler(), MinMaxScaler(), Normalizer()).fit(X), X)
