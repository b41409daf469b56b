"""RandomTreesEmbedding names the leaves that scikit-learn's does."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import RandomTreesEmbedding
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
UNSEEN = RNG.normal(size=(300, 4)) * 2


def on_thresholds(model):
    """Return rows that hold thresholds of the trees, and the float32 numbers beside them."""
    nodes = np.concatenate([t.tree_.threshold[t.tree_.children_left >= 0] for t in model.estimators_])
    rows = np.resize(nodes.astype(np.float32), (len(nodes), 4))
    near = [np.nextafter(rows, np.float32(side)) for side in (-np.inf, np.inf)]
    return np.concatenate([rows, *near]).astype(np.float64)


@pytest.mark.parametrize("options", [{}, {"sparse_output": False}, {"max_depth": None}, {"max_leaf_nodes": 7}], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_leaves_are_the_same(agree, options, dtype):
    model = RandomTreesEmbedding(8, random_state=0, **options).fit(X)
    agree(model, X.astype(dtype), UNSEEN.astype(dtype), on_thresholds(model).astype(dtype), tolerance=0)


def test_sparse_data_and_a_step_behind(agree):
    table = sparse.csr_matrix(np.where(X > 0, X, 0))
    agree(RandomTreesEmbedding(5, random_state=0).fit(table), table, tolerance=0)
    pipe = make_pipeline(RandomTreesEmbedding(10, random_state=0), LogisticRegression()).fit(X, X[:, 0] > 0)
    agree(pipe, X, UNSEEN)
