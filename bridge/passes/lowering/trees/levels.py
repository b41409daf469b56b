"""Tell the trees that ask one question a level, whatever the answers before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.forest import Forest

MOST_LEVELS = 24
"""Float32 holds the number of every leaf of a tree up to this depth."""


def find_oblivious(forest: Forest) -> NDArray[np.bool_]:
    """Return which trees ask one question a level and have all their leaves at one depth.

    A tree is left at the first level that says no, which for most forests is the second.
    """
    oblivious = np.zeros(forest.n_trees, np.bool_)
    trees, level = np.arange(forest.n_trees), forest.roots[:, None]
    for _ in range(MOST_LEVELS + 1):
        leaf = forest.is_leaf[level]
        oblivious[trees[leaf.all(axis=1)]] = True
        on = ~leaf.any(axis=1) & _asks_once(forest, level)
        trees, level = trees[on], level[on]
        if not trees.size:
            break
        level = np.stack([forest.left[level], forest.right[level]], axis=2).reshape(len(trees), -1)
    return oblivious


def _asks_once(forest: Forest, nodes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return for each row of `nodes` whether all ask what the first asks."""
    alike = np.ones(len(nodes), np.bool_)
    for table in (forest.feature, forest.threshold, forest.missing_left, forest.category):
        asked = table[nodes]
        alike &= (asked == asked[:, :1]).all(axis=1)
    return alike
