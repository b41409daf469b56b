"""The arrays that bridge reads from scikit-learn's trees are the trees that treelite reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import treelite
from scipy import sparse
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)

import bridge
from bridge.export.converters.trees import read_histogram_trees
from bridge.export.tree_reader import read_trees
from bridge.export.treelite_reader import read_treelite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.forest import Forest


def _leaves(forest: Forest, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (rows, trees, outputs), what each tree of a forest scores, by walking it row by row."""
    scores = np.zeros((len(X), forest.n_trees, forest.n_outputs))
    for i, row in enumerate(X):
        for t, root in enumerate(forest.roots):
            node = root
            while forest.left[node] >= 0:
                node = forest.left[node] if _goes_left(forest, node, row) else forest.right[node]
            scores[i, t] = forest.values[forest.leaf[node]]
    return scores


def _goes_left(forest: Forest, node: int, row: NDArray[np.float64]) -> bool:
    x = row[forest.feature[node]]
    if np.isnan(x):
        return bool(forest.missing_left[node])
    if forest.category[node] < 0:
        return bool(x <= forest.threshold[node])
    start, stop = forest.set_starts[forest.category[node] : forest.category[node] + 2]
    return int(x) in forest.set_members[start:stop]


def _ensemble(estimator: Any) -> Forest:
    return read_trees([e.tree_ for e in estimator.estimators_])


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(5, random_state=0),
        ExtraTreesClassifier(5, random_state=0),
        RandomForestRegressor(5, random_state=0),
    ],
    ids=str,
)
def test_forest_equals_what_treelite_reads(estimator: Any) -> None:
    X, y = load_wine(return_X_y=True)
    X = X.astype(np.float32).astype(np.float64)
    estimator.fit(X, y)
    ours, theirs = _ensemble(estimator), read_treelite(treelite.sklearn.import_model(estimator)).forest

    assert np.array_equal(ours.threshold, theirs.threshold)
    assert np.array_equal(ours.feature, theirs.feature)
    assert np.array_equal(ours.missing_left, theirs.missing_left)
    assert np.array_equal(_leaves(ours, X[::9]), _leaves(theirs, X[::9]))


@pytest.mark.parametrize("make", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_histogram_trees_with_categories_and_missing_values_equal_what_treelite_reads(make: Any) -> None:
    X, _ = load_diabetes(return_X_y=True)
    rng = np.random.default_rng(0)
    X[:, 0] = rng.integers(0, 20, len(X))
    y = (X[:, 0] % 3 == 0) | (X[:, 2] > 0.05)
    X[:, 1:][rng.random((len(X), X.shape[1] - 1)) < 0.05] = np.nan
    model = make(max_iter=5, categorical_features=[0]).fit(X, y)
    ours, theirs = read_histogram_trees(model), read_treelite(treelite.sklearn.import_model(model)).forest

    assert ours.has_categories
    assert np.allclose(_leaves(ours, X[::7]), _leaves(theirs, X[::7]), rtol=1e-15)


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_missing_values_of_sparse_rows_go_right(target):
    rng = np.random.default_rng(0)
    rows = np.where(rng.random((200, 5)) < 0.6, 0.0, rng.normal(size=(200, 5)))
    forest = IsolationForest(n_estimators=20, random_state=0).fit(sparse.csr_matrix(rows))
    with_missing = sparse.csr_matrix(np.where(rng.random(rows.shape) < 0.2, np.nan, rows))

    assert bridge.verify(forest, bridge.export(forest, sparse.csr_matrix(rows), target=target), with_missing).ok
