"""Forests of the shapes that the native operator has different kernels for, and models that hold them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bridge.forest import Forest, concatenate
from tests.forests import shuffled, tree_of
from tests.passes.test_forest_lowering import lowered

WIDTH = 6


def kept(forest, dtype=np.float32, width=WIDTH):
    """Return a model of one `bridge::Forest`."""
    return lowered(forest, width, dtype, "cpu", "forest")


def grown(rng, leaves, *, outputs=1, deepest=False, categories=False, missing=False, thresholds=None) -> Forest:
    """Return a tree of exactly so many leaves; `deepest` makes it a list, one leaf beside each node."""
    inner = leaves - 1
    left, right = np.full(2 * leaves - 1, -1, np.int32), np.full(2 * leaves - 1, -1, np.int32)
    open_nodes = [0]
    for number in range(inner):
        place = len(open_nodes) - 1 if deepest else int(rng.integers(len(open_nodes)))
        node = open_nodes.pop(place)
        left[node], right[node] = 2 * number + 1, 2 * number + 2
        open_nodes += [2 * number + 1, 2 * number + 2]
    is_leaf = left < 0
    n = len(left)
    category = np.where(~is_leaf & categories & (rng.random(n) < 0.4), 0, -1)
    asked = np.flatnonzero(category >= 0)
    category[asked] = np.arange(len(asked))
    sets = [np.flatnonzero(rng.random(9) < 0.5) for _ in asked]
    drawn = rng.normal(size=n) if thresholds is None else rng.choice(thresholds, n)
    return Forest(
        feature=np.where(is_leaf, 0, rng.integers(WIDTH, size=n)).astype(np.int32),
        threshold=np.where(is_leaf, 0.0, drawn),
        left=left,
        right=right,
        leaf=np.where(is_leaf, np.cumsum(is_leaf) - 1, -1).astype(np.int32),
        missing_left=~is_leaf & missing & (rng.random(n) < 0.5),
        roots=np.zeros(1, np.int32),
        values=rng.integers(-1000, 1000, (leaves, outputs)).astype(np.float64),
        category=category.astype(np.int32),
        set_starts=np.cumsum([0, *map(len, sets)]).astype(np.int64),
        set_members=np.concatenate([np.zeros(0, np.int64), *sets]).astype(np.int64),
    )


def _many(sizes, seed=0, **options):
    rng = np.random.default_rng(seed)
    return concatenate([grown(rng, size, **options) for size in sizes])


def _each_output_a_tree(trees=9, outputs=3):
    forest = _many([20] * trees, outputs=outputs)
    tree_of_row = np.repeat(np.arange(trees), 20)
    return replace(forest, values=np.where(tree_of_row[:, None] % outputs == np.arange(outputs), forest.values, 0.0))


def _beyond_a_byte():
    """Return trees whose columns have more thresholds than a byte can tell apart."""
    return _many([200] * 20)


SHAPES = {
    "lone leaves": lambda: _many([1, 1, 1]),
    "stumps": lambda: _many([2] * 50),
    "small trees": lambda: _many([31] * 40, thresholds=np.linspace(-2, 2, 60)),
    "of every size up to 257 leaves": lambda: _many(
        [1, 2, 3, 31, 32, 33, 63, 64, 65, 66, 127, 128, 129, 130, 254, 255, 256, 257, 258, 5],
        thresholds=np.linspace(-2, 2, 100),
    ),
    "many thresholds": _beyond_a_byte,
    "a list of 250 decisions": lambda: _many([251, 10], deepest=True),
    "a list of 700 decisions": lambda: _many([701, 3], deepest=True),
    "large trees": lambda: _many([3000, 1, 700, 20, 5000]),
    "missing values": lambda: _many([31, 200, 1, 400, 2], missing=True, thresholds=[-1.0, 0.0, 0.5, np.inf, -np.inf]),
    "categories": lambda: _many([31, 200, 400, 8], categories=True),
    "categories and missing values": lambda: _many([31, 60, 300] * 3, categories=True, missing=True),
    "five outputs": lambda: _many([31, 8, 100, 300], outputs=5, missing=True),
    "an output a tree": _each_output_a_tree,
    "nodes in any order": lambda: shuffled(_many([31, 100, 300], categories=True), np.random.default_rng(3)),
    "few and deep": lambda: concatenate([tree_of(np.random.default_rng(s), depth=9, n_features=WIDTH) for s in (1, 2)]),
}
"""The scores are whole numbers: in any order of adding, sums have the same bits."""
