"""LatentDirichletAllocation iterates each document as scikit-learn's does, and stops where it stops."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import LatentDirichletAllocation

RNG = np.random.default_rng(0)
X = RNG.poisson(RNG.dirichlet(np.full(12, 0.2), 50) * RNG.integers(0, 60, (50, 1))).astype(np.float64)
EXACT = [("cpu", "exact"), ("cuda", "exact")]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"learning_method": "online", "learning_offset": 50.0},
        {"mean_change_tol": 1e-7, "max_doc_update_iter": 300},
        {"mean_change_tol": 0.0, "max_doc_update_iter": 5},
        {"doc_topic_prior": 1e-7, "topic_word_prior": 0.01},
        {"doc_topic_prior": 1.0},
    ],
    ids=str,
)
def test_topics(agree, options):
    model = LatentDirichletAllocation(4, max_iter=3, random_state=0, **options).fit(X)
    agree(model, X, 20 * X[::-1] + 0.5, routes=EXACT, special=False)


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_counts(agree, dtype):
    agree(
        LatentDirichletAllocation(3, max_iter=3, random_state=0).fit(X.astype(dtype)),
        X.astype(dtype),
        routes=EXACT,
        special=False,
    )


def test_float32_and_sparse_data(agree):
    model = LatentDirichletAllocation(3, max_iter=3, random_state=0, mean_change_tol=1e-6)
    agree(model.fit(X), X, float32_tolerance=1e-4, special=False)
    narrow = X.astype(np.float32)
    agree(model.fit(narrow), narrow, float32_tolerance=1e-4, special=False)
    agree(model, X, routes=EXACT, tolerance=1e-4, special=False)
    agree(model.fit(sparse.csr_matrix(X)), sparse.csr_matrix(X), routes=EXACT, special=False)
