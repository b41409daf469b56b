"""Read the fitted trees of scikit-learn into a `Forest`."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.export.leaf_rows import LeafRows
from bridge.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


def read_trees(
    trees: Sequence[Any],
    scores: Iterable[NDArray[np.float64]] | None = None,
    features: Iterable[NDArray[np.integer] | None] | None = None,
) -> Forest:
    """Return fitted `sklearn.tree` trees as one forest.

    The tables are made once, in their final size: with a forest a tree, joined later, they took twice the time.

    Parameters
    ----------
    trees
        The `tree_` of each estimator.
    scores
        For each tree (nodes, outputs), what a row in each node scores; by default the tree's own values. Only the
        leaves' rows are kept, equal ones once.
    features
        For each tree, the column of the input that each of its features is, where it was fitted on a subset.
    """
    size = np.array([tree.node_count for tree in trees])
    ends = np.cumsum(size)
    n = int(ends[-1])
    feature, left, right, leaf = (np.empty(n, np.int32) for _ in range(4))
    threshold, missing_left = np.empty(n), np.empty(n, np.bool_)
    if scores is None:
        scores = (tree.value.reshape(tree.node_count, -1) for tree in trees)
    if features is None:
        features = repeat(None, len(trees))
    rows: LeafRows | None = None
    for tree, score, columns, end in zip(trees, scores, features, ends.tolist(), strict=True):
        start = end - tree.node_count
        here = slice(start, end)
        left[here], right[here] = tree.children_left, tree.children_right
        leaves = start + np.flatnonzero(left[here] < 0)
        left[here] += start
        right[here] += start
        feature[here] = tree.feature if columns is None else columns[tree.feature]
        threshold[here], missing_left[here] = tree.threshold, tree.missing_go_to_left
        left[leaves] = right[leaves] = leaf[here] = -1
        feature[leaves] = threshold[leaves] = missing_left[leaves] = 0
        rows = rows or LeafRows(score.shape[1])
        leaf[here] = -1
        leaf[leaves] = rows.add(score[leaves - start])
    return Forest(
        feature=feature,
        threshold=threshold,
        left=left,
        right=right,
        leaf=leaf,
        missing_left=missing_left,
        roots=(ends - size).astype(np.int32),
        values=np.zeros((0, 1)) if rows is None else rows.values(),
        category=np.broadcast_to(np.int32(-1), n),
    )
