"""PCA, FactorAnalysis, FastICA, SparsePCA, random projections and BernoulliRBM project as scikit-learn's do."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_wine
from sklearn.decomposition import (
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    MiniBatchSparsePCA,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

import bridge
from bridge.errors import UnsupportedError

X, _ = load_wine(return_X_y=True)


@pytest.mark.parametrize(
    "projection",
    [
        PCA(3),
        PCA(3, whiten=True),
        PCA(whiten=True),
        PCA(2, svd_solver="randomized", random_state=0),
        IncrementalPCA(3, batch_size=50, whiten=True),
        TruncatedSVD(3, random_state=0),
        TruncatedSVD(1, random_state=0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_projection(agree, projection, dtype):
    # Columns of a thousand beside columns of one leave float32 three digits less.
    agree(projection.fit(X), X.astype(dtype), tolerance=1e-11, float32_tolerance=5e-3)
    agree(projection.fit(X.astype(np.float32)), X.astype(dtype), tolerance=1e-3, float32_tolerance=5e-3)


def test_scores_of_scaled_data(agree):
    agree(make_pipeline(StandardScaler(), PCA(4), StandardScaler(with_mean=False)).fit(X), X, float32_tolerance=1e-4)
    agree(make_pipeline(StandardScaler(), PCA(4)).fit(X), X, float32_tolerance=1e-4)


@pytest.mark.parametrize("projection", [PCA(2, svd_solver="arpack"), IncrementalPCA(2), TruncatedSVD(2)], ids=repr)
def test_sparse_input(agree, projection):
    table = sparse.csr_matrix(np.where(X.mean(axis=0) < X, X, 0))
    agree(projection.fit(table), table, methods=["transform"], float32_tolerance=1e-3)


@pytest.mark.parametrize(
    "projection",
    [
        FactorAnalysis(2, random_state=0),
        FactorAnalysis(2, rotation="varimax", svd_method="lapack"),
        FastICA(3, random_state=0, whiten="unit-variance"),
        FastICA(3, random_state=0, whiten="arbitrary-variance"),
        FastICA(random_state=0, whiten=False),
        GaussianRandomProjection(3, random_state=0),
        SparseRandomProjection(3, density=0.5, random_state=0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_projection_of_scaled_columns(agree, projection, dtype):
    data = StandardScaler().fit_transform(X).astype(dtype)
    agree(projection.fit(data), data, tolerance=1e-11, float32_tolerance=1e-4)


@pytest.mark.filterwarnings("ignore:Objective did not converge")
@pytest.mark.parametrize("projection", [SparsePCA, MiniBatchSparsePCA])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_sparse_components(projection, dtype):
    """For one row, scikit-learn 1.9 answers without the axis of rows; the graph keeps it."""
    data = StandardScaler().fit_transform(X).astype(dtype)
    for options in ({}, {"ridge_alpha": 5.0, "method": "cd"}):
        model = projection(3, random_state=0, max_iter=2, **options).fit(data)
        for target in ("cpu", "portable"):
            file = bridge.export(model, data, target=target)
            assert bridge.verify(model, file, data[50:]).ok
            assert bridge.load(file, device="cpu").transform(data[:1]).shape == (1, 3)


def test_more_sparse_components_than_columns():
    data = StandardScaler().fit_transform(X)[:, :3]
    model = SparsePCA(5, random_state=0).fit(data)
    for target in ("cpu", "cuda", "portable"):
        assert bridge.verify(model, bridge.export(model, data, target=target), data[:50]).ok


@pytest.mark.parametrize("dense", [True, False])
def test_random_projection_of_a_sparse_matrix(agree, dense):
    table = sparse.csr_matrix(np.where(X.mean(axis=0) < X, X, 0))
    projection = SparseRandomProjection(3, density=0.5, dense_output=dense, random_state=0).fit(table)
    agree(projection, table, float32_tolerance=1e-4)
    answer = bridge.load(bridge.export(projection, table), device="cpu").transform(table)
    assert sparse.issparse(answer) is not dense


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_boltzmann_machine(agree, dtype):
    data = ((X - X.min(0)) / np.ptp(X, axis=0)).astype(dtype)
    machine = BernoulliRBM(4, n_iter=3, random_state=0).fit(data)
    agree(machine, data, methods=["transform"])
    agree(make_pipeline(machine, LogisticRegression()).fit(data, data[:, 0] > 0.5), data, float32_tolerance=1e-4)
    with pytest.raises(UnsupportedError, match=r"score_samples cannot be exported: it flips.*\n.*\['transform'\]"):
        bridge.export(machine, data, methods=["score_samples", "transform"])


def test_scores_are_left_out_where_the_estimator_refuses_sparse_data():
    table = sparse.csr_matrix(np.where(X.mean(axis=0) < X, X, 0))
    model = bridge.load(bridge.export(PCA(2, svd_solver="arpack").fit(table), table, target="cpu"), device="cpu")
    assert [m.name for m in model.methods] == ["transform"]
