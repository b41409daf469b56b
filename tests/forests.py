"""Random forests of every shape, a plain walk through them, and rows that lie where they decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from bridge.forest import Forest, concatenate

THRESHOLDS = (0.0, -0.0, 0.1, -0.1, 1 / 3, 0.5, 1.0, 2.0**-149, -(2.0**-149), 5e-324, 3e38, 1e300, -1e300, np.inf)
"""Some are float32 numbers, most lie between two, some beyond the last."""
SPECIAL = (0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -1e-45, 3e38, -3e38)
MOST_CATEGORIES = 9


def tree_of(rng, *, depth, n_features, categories=False, missing=False) -> Forest:
    """Return one tree, at most this deep, whose leaves have one output: their own number, counted from 1."""
    nodes: list[dict] = []

    def grow(left_to_go):
        number = len(nodes)
        nodes.append({"left": -1, "right": -1, "threshold": 0.0, "feature": 0, "missing": False, "category": -1})
        if left_to_go and rng.random() < 0.8:
            node = nodes[number]
            node["threshold"] = rng.choice(THRESHOLDS) if rng.random() < 0.5 else rng.normal()
            node["feature"] = int(rng.integers(n_features))
            node["missing"] = missing and rng.random() < 0.5
            node["category"] = 0 if categories and rng.random() < 0.4 else -1
            node["left"], node["right"] = grow(left_to_go - 1), grow(left_to_go - 1)
        return number

    grow(depth)
    table = {name: np.array([n[name] for n in nodes]) for name in nodes[0]}
    is_leaf = table["left"] < 0
    asked = np.flatnonzero(table["category"] >= 0)
    table["category"][asked] = np.arange(len(asked))
    sets = [np.flatnonzero(rng.random(MOST_CATEGORIES) < 0.5) for _ in asked]
    return Forest(
        feature=table["feature"].astype(np.int32),
        threshold=table["threshold"].astype(np.float64),
        left=table["left"].astype(np.int32),
        right=table["right"].astype(np.int32),
        leaf=np.where(is_leaf, np.cumsum(is_leaf) - 1, -1).astype(np.int32),
        missing_left=table["missing"],
        roots=np.zeros(1, np.int32),
        values=np.arange(1.0, is_leaf.sum() + 1)[:, None],
        category=table["category"].astype(np.int32),
        set_starts=np.cumsum([0] + [len(s) for s in sets]).astype(np.int64),
        set_members=np.concatenate([np.zeros(0, np.int64), *sets]).astype(np.int64),
    )


def shuffled(forest: Forest, rng) -> Forest:
    """Return an equal forest with its nodes in any order, among others that no tree reaches."""
    lost = 3
    order = rng.permutation(forest.n_nodes + lost)
    new = np.argsort(order)

    def moved(table, of_lost, *, to_nodes=False):
        longer = np.append(table, np.full(lost, of_lost, table.dtype))
        return (np.where(longer < 0, -1, new[longer]).astype(np.int32) if to_nodes else longer)[order]

    return replace(
        forest,
        feature=moved(forest.feature, 0),
        threshold=moved(forest.threshold, 0.0),
        left=moved(forest.left, -1, to_nodes=True),
        right=moved(forest.right, -1, to_nodes=True),
        leaf=moved(forest.leaf, 0),
        missing_left=moved(forest.missing_left, of_lost=False),
        category=moved(forest.category, -1),
        roots=new[forest.roots].astype(np.int32),
    )


def oblivious_tree(rng, *, depth, n_features, missing=False, outputs=1) -> Forest:
    """Return a complete tree that asks one question a level; its leaves score their own number, counted from 1."""
    inner = 2**depth - 1
    number = np.arange(2 * inner + 1)
    level = np.repeat(np.arange(depth + 1), 2 ** np.arange(depth + 1))
    asks = number < inner
    thresholds = np.where(rng.random(depth + 1) < 0.5, rng.choice(THRESHOLDS, depth + 1), rng.normal(size=depth + 1))
    return Forest(
        feature=np.where(asks, rng.integers(n_features, size=depth + 1)[level], 0).astype(np.int32),
        threshold=np.where(asks, thresholds[level], 0.0),
        left=np.where(asks, 2 * number + 1, -1).astype(np.int32),
        right=np.where(asks, 2 * number + 2, -1).astype(np.int32),
        leaf=np.where(asks, -1, number - inner).astype(np.int32),
        missing_left=asks & missing & (rng.random(depth + 1) < 0.5)[level],
        roots=np.zeros(1, np.int32),
        values=np.arange(1.0, (inner + 1) * outputs + 1).reshape(inner + 1, outputs),
        category=np.full(len(number), -1, np.int32),
    )


@st.composite
def forests(draw, *, most_depth=5, categories=None, missing=None):
    """Draw a forest; the sum over its trees is a whole number, so that any order of adding gives the same bits."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), "seed"))
    n_features = draw(st.integers(1, 5), "n_features")
    options = {
        "categories": draw(st.booleans(), "categories") if categories is None else categories,
        "missing": draw(st.booleans(), "missing") if missing is None else missing,
    }
    depths = draw(st.lists(st.integers(0, most_depth), min_size=1, max_size=5), "depths")
    trees = [tree_of(rng, depth=d, n_features=n_features, **options) for d in depths]
    kind = draw(st.sampled_from(["one output", "an output a tree", "all outputs"]), "values")
    return concatenate([_scoring(t, i, len(trees), kind, rng) for i, t in enumerate(trees)]), n_features


def _scoring(tree, number, n_trees, kind, rng):
    """Return `tree` with scores on one output, on an output of its own, or on all."""
    if kind == "one output":
        return tree
    values = rng.integers(1, 100, (len(tree.values), n_trees)).astype(np.float64)
    if kind == "an output a tree":
        values[:] = 0
        values[:, number] = tree.values[:, 0]
    return Forest.from_tables([values if t is tree.values else t for t in tree.tables()])


def rows_at(forest: Forest, n_features: int, dtype, *, seed=0, rows=200):
    """Return rows of thresholds, the numbers next to them, categories and special values."""
    rng = np.random.default_rng(seed)
    own = forest.threshold[~forest.is_leaf]
    with np.errstate(over="ignore"):
        near = np.concatenate([own, np.zeros(1)]).astype(dtype)
    beside = [np.nextafter(near, dtype(side)) for side in (-np.inf, np.inf)]
    odd = np.array([-1, MOST_CATEGORIES - 1, MOST_CATEGORIES, MOST_CATEGORIES + 1, 300, 2.5, -0.5], dtype)
    pool = np.concatenate([near, *beside, np.array(SPECIAL, dtype), np.arange(MOST_CATEGORIES).astype(dtype), odd])
    return rng.choice(pool, (rows, n_features))


def walk(forest: Forest, x) -> np.ndarray:
    """Return the sums of a forest, one node after another, as its docstring says; thresholds stay float64."""
    total = np.zeros((len(x), forest.n_outputs))
    for row, numbers in enumerate(x.astype(np.float64)):
        for root in forest.roots:
            node = root
            while forest.left[node] >= 0:
                goes_left = _goes_left(forest, node, numbers[forest.feature[node]])
                node = forest.left[node] if goes_left else forest.right[node]
            total[row] += forest.values[forest.leaf[node]]
    return total


def _goes_left(forest: Forest, node: int, value: float) -> bool:
    if np.isnan(value):
        return bool(forest.missing_left[node])
    if forest.category[node] < 0:
        return bool(value <= forest.threshold[node])
    start, end = forest.set_starts[forest.category[node] :][:2]
    # A number below zero is in no set, though the integer part of -0.5 is 0.
    return bool(value >= 0) and int(min(value, 1e9)) in forest.set_members[start:end]
