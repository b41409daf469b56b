"""Lay trees out in tables of one row a tree, for walks that take all trees a level down at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.passes.lowering.trees.cost import cheapest, estimate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import DTypeLike, NDArray

    from bridge.forest import Forest

FEW_SLOTS = 2**20
"""Tables of up to this many slots may be padded at will, larger ones to at most twice the nodes."""


@dataclass(frozen=True)
class Group:
    """Some trees of a forest, padded to the same number of slots; the root is in slot 0, siblings are neighbours.

    A row in slot i goes on to slot ``right[i] - (x[feature[i]] <= threshold[i])``. A leaf asks what its parent asked,
    so the answer is known, NaN included, and leads to the leaf again: who arrives early waits.

    Attributes
    ----------
    feature, right, leaf
        int32 (trees, slots); `leaf` is a row of the forest's values, 0 at inner nodes.
    threshold
        float64 (trees, slots).
    depth
        The number of decisions after which every row is at a leaf, at least 1.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    right: NDArray[np.int32]
    leaf: NDArray[np.int32]
    depth: int


@dataclass(frozen=True)
class _Slots:
    """One entry a node of any tree, level by level: its tree and slot, what it asks, where it leads."""

    tree: NDArray[np.int64]
    slot: NDArray[np.int64]
    asks: NDArray[np.int64]
    right: NDArray[np.int64]
    node: NDArray[np.int64]
    depth_of_tree: NDArray[np.int64]
    nodes_of_tree: NDArray[np.int64]


def lay_out(forest: Forest) -> list[Group]:
    """Return the trees of a forest in groups of like depth; every decision of it must be `x <= t`."""
    forest = _with_decisions(forest)
    slots = _number(forest)
    order = np.argsort(slots.depth_of_tree, kind="stable")
    cuts = _cuts(slots.depth_of_tree[order])
    return [
        _tables(forest, slots, trees)
        for start, end in pairwise(cuts)
        for trees in _alike(order[start:end], slots.nodes_of_tree)
    ]


def _with_decisions(forest: Forest) -> Forest:
    """Return an equal forest in which a tree that is one leaf is a decision between two copies of it."""
    lone = np.flatnonzero(forest.is_leaf[forest.roots])
    if not lone.size:
        return forest
    n, k = forest.n_nodes, len(lone)
    old = forest.roots[lone]
    added = n + np.arange(3 * k, dtype=np.int32).reshape(3, k)  # roots, left leaves, right leaves

    def append(table: NDArray[Any], of_root: Any) -> NDArray[Any]:
        return np.concatenate([table, np.broadcast_to(of_root, k).astype(table.dtype), table[old], table[old]])

    roots = forest.roots.copy()
    roots[lone] = added[0]
    return replace(
        forest,
        feature=append(forest.feature, 0),
        threshold=append(forest.threshold, 0.0),
        left=append(forest.left, added[1]),
        right=append(forest.right, added[2]),
        leaf=append(forest.leaf, -1),
        missing_left=append(forest.missing_left, False),
        category=append(forest.category, -1),
        roots=roots,
    )


def _number(forest: Forest) -> _Slots:
    """Give the nodes of every tree their slots, level by level."""
    is_leaf = forest.is_leaf
    tree = np.arange(forest.n_trees)
    node, slot, parent = forest.roots.astype(np.int64), np.zeros(len(tree), np.int64), np.full(len(tree), -1)
    used, depth = np.ones(len(tree), np.int64), np.zeros(len(tree), np.int64)
    levels: list[tuple[NDArray[np.int64], ...]] = []
    while node.size:
        leaf = is_leaf[node]
        inner = ~leaf
        inner_tree = tree[inner]
        in_tree = np.bincount(inner_tree, minlength=forest.n_trees)
        rank = np.arange(len(inner_tree)) - (np.cumsum(in_tree) - in_tree)[inner_tree]
        left = used[inner_tree] + 2 * rank
        # Left children stand in odd slots: there the known answer takes one off.
        right = np.where(leaf, slot + slot % 2, 0)
        right[inner] = left + 1
        levels.append((tree, slot, np.where(leaf, parent, node), right, node))
        used += 2 * in_tree
        depth += in_tree > 0
        parents = node[inner]
        node = np.stack([forest.left[parents], forest.right[parents]], axis=1).ravel().astype(np.int64)
        slot = np.stack([left, left + 1], axis=1).ravel()
        tree, parent = np.repeat(inner_tree, 2), np.repeat(parents, 2)
    tree, slot, asks, right, node = (np.concatenate(column) for column in zip(*levels, strict=True))
    return _Slots(tree, slot, asks, right, node, depth_of_tree=depth, nodes_of_tree=used)


def _cuts(depths: NDArray[np.int64]) -> list[int]:
    """Return where to cut trees of ascending depth into groups so that all together cost least."""
    ends = [*np.flatnonzero(np.diff(depths)) + 1, len(depths)]
    best = {0: (0.0, 0)}
    """For the first so many trees: the least cost, and where the last of their groups starts."""
    for end in ends:
        depth = int(depths[end - 1])
        best[end] = min((cost + _least_cost(depth, end - start), start) for start, (cost, _) in best.items())
    cuts = [len(depths)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    return cuts[::-1]


def _least_cost(depth: int, trees: int) -> float:
    return estimate(cheapest(depth, trees), depth, trees)


def _alike(trees: NDArray[np.int64], nodes_of_tree: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Split trees whose tables would be large and mostly padding."""
    trees = trees[np.argsort(nodes_of_tree[trees], kind="stable")[::-1]]
    while trees.size:
        sizes = nodes_of_tree[trees]
        taken = np.arange(1, len(trees) + 1)
        padded = sizes[0] * taken
        fits = (padded <= FEW_SLOTS) | (padded <= 2 * np.cumsum(sizes))
        count = len(trees) if fits[-1] else int(np.argmin(fits))
        yield np.sort(trees[:count])
        trees = trees[count:]


def _tables(forest: Forest, slots: _Slots, trees: NDArray[np.int64]) -> Group:
    place = np.full(forest.n_trees, -1)
    place[trees] = np.arange(len(trees))
    chosen = np.flatnonzero(place[slots.tree] >= 0) if len(trees) < forest.n_trees else slice(None)
    shape = (len(trees), int(slots.nodes_of_tree[trees].max()))
    at = place[slots.tree[chosen]] * shape[1] + slots.slot[chosen]
    node, asks = slots.node[chosen], slots.asks[chosen]

    def table(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        filled: NDArray[Any] = np.zeros(shape[0] * shape[1], dtype)
        filled[at] = values
        return filled.reshape(shape)

    return Group(
        feature=table(forest.feature[asks], np.int32),
        threshold=table(forest.threshold[asks], np.float64),
        right=table(slots.right[chosen], np.int32),
        leaf=table(np.maximum(forest.leaf[node], 0), np.int32),
        depth=int(slots.depth_of_tree[trees].max()),
    )
