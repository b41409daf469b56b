"""PCA and its relatives project as scikit-learn's do."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
