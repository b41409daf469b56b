"""Lay trees out in tables of one row a tree, for walks that take all trees a level down at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.passes.lowering.trees.cost import OPERATOR_US, least_cost
from bridge.passes.lowering.trees.levels import find_oblivious

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bridge.forest import Forest
    from bridge.targets import Strategy

FEW_SLOTS = 2**20
"""Tables of up to this many slots may be padded at will, larger ones to at most twice the nodes."""


AT_A_TIME = 2**14
"""Nodes whose tables fit into a cache together."""


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
    oblivious
        Whether every tree asks one question a level, whatever the answers before, and has all its leaves at one depth.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    right: NDArray[np.int32]
    leaf: NDArray[np.int32]
    depth: int
    oblivious: bool


@dataclass(frozen=True)
class _Plan:
    """Trees cut into groups of like depth, and what their cheapest forms cost together."""

    groups: list[NDArray[np.int64]]
    cost: float
    oblivious: bool


def lay_out(forest: Forest, strategy: Strategy = "auto", operator_us: float = OPERATOR_US) -> Iterator[Group]:
    """Yield the trees of a forest in groups of like depth; every decision of it must be `x <= t`.

    Oblivious trees stand apart where `strategy` asks for them, or where that costs less. The more microseconds an
    operator takes to start, the fewer groups there are.
    """
    forest = _tree_by_tree(_with_decisions(forest))
    depth, nodes = forest.levels.depth, forest.levels.size
    for plan in _plans(depth, find_oblivious(forest), strategy, operator_us):
        for alike in plan.groups:
            for trees in _alike(alike, nodes):
                slots, levels = int(nodes[trees].max()), int(depth[trees].max())
                yield _tables(forest, trees, slots=slots, depth=levels, oblivious=plan.oblivious)


def _plans(
    depth: NDArray[np.int32], oblivious: NDArray[np.bool_], strategy: Strategy, operator_us: float
) -> list[_Plan]:
    """Return the plan for all trees, or one for the oblivious and one for the others."""
    together = _cut(np.arange(len(depth)), depth, operator_us, oblivious=bool(oblivious.all()))
    if not oblivious.any() or oblivious.all() or strategy not in {"auto", "oblivious"}:
        return [together]
    apart = [_cut(np.flatnonzero(oblivious == kind), depth, operator_us, oblivious=kind) for kind in (True, False)]
    return apart if strategy == "oblivious" or sum(p.cost for p in apart) < together.cost else [together]


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


def _tree_by_tree(forest: Forest) -> Forest:
    """Return an equal forest whose trees stand one after another, each in one piece that begins with its root."""
    if forest.stands_tree_by_tree:
        return forest
    size = forest.levels.size
    roots = np.cumsum(size, dtype=np.int32) - size
    tree = forest.tree_of_node
    old = np.flatnonzero(tree >= 0)
    new = np.full(forest.n_nodes, -1, np.int32)
    new[old] = roots[tree[old]] + forest.levels.place[old]
    order = np.empty(len(old), np.int32)
    order[new[old]] = old
    is_leaf = forest.is_leaf[order]
    return replace(
        forest,
        feature=forest.feature[order],
        threshold=forest.threshold[order],
        left=np.where(is_leaf, -1, new[forest.left[order]]),
        right=np.where(is_leaf, -1, new[forest.right[order]]),
        leaf=forest.leaf[order],
        missing_left=forest.missing_left[order],
        category=forest.category[order],
        roots=roots,
    )


def _cut(trees: NDArray[np.int64], depth_of_tree: NDArray[np.int32], operator_us: float, *, oblivious: bool) -> _Plan:
    """Return how to cut these trees so that all together cost least."""
    trees = trees[np.argsort(depth_of_tree[trees], kind="stable")]
    depths = depth_of_tree[trees]
    ends = [*np.flatnonzero(np.diff(depths)) + 1, len(depths)]
    best = {0: (0.0, 0)}
    """For the first so many trees: the least cost, and where the last of their groups starts."""
    for end in ends:
        depth = int(depths[end - 1])
        best[end] = min(
            (cost + least_cost(depth, end - start, oblivious=oblivious, operator_us=operator_us), start)
            for start, (cost, _) in best.items()
        )
    cuts = [len(depths)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    groups = [trees[start:end] for start, end in pairwise(cuts[::-1])]
    return _Plan(groups, best[len(depths)][0], oblivious=oblivious)


def _alike(trees: NDArray[np.int64], nodes_of_tree: NDArray[np.int32]) -> Iterator[NDArray[np.int64]]:
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


def _tables(forest: Forest, trees: NDArray[np.int64], *, slots: int, depth: int, oblivious: bool) -> Group:
    """Give the nodes of these trees their slots, few trees at a time: they stay in the cache from table to table."""
    shape = (len(trees), slots)
    group = Group(
        feature=np.zeros(shape, np.int32),
        threshold=np.zeros(shape),
        right=np.zeros(shape, np.int32),
        leaf=np.zeros(shape, np.int32),
        depth=depth,
        oblivious=oblivious,
    )
    taken = np.cumsum(forest.levels.size[trees]) // AT_A_TIME
    for start, end in pairwise([0, *np.flatnonzero(np.diff(taken)) + 1, len(trees)]):
        _fill(group, forest, trees[start:end], start)
    return group


def _fill(group: Group, forest: Forest, trees: NDArray[np.int64], row: int) -> None:
    """Write these trees into the rows of the group's tables from `row` on."""
    root, size = forest.roots[trees], forest.levels.size[trees]
    start = np.cumsum(size, dtype=np.int32) - size
    in_tree = np.arange(size.sum(), dtype=np.int32) - np.repeat(start, size)
    nodes: slice | NDArray[np.int32] = slice(root[0], root[0] + size[0])
    if len(trees) > 1:
        nodes = in_tree + np.repeat(root, size)
    place = forest.levels.place[nodes] + np.repeat(start, size)
    left = forest.left[nodes]
    inner = np.flatnonzero(left >= 0)
    child = place[left[inner] - np.repeat(root - start, size)[inner]]
    asks = np.empty(len(left), np.int32)
    asks[child], asks[child + 1] = inner, inner  # leaves ask what their parents ask
    asks[place[inner]] = inner
    right = in_tree + in_tree % 2  # left children stand in odd slots: there the known answer takes one off
    right[place[inner]] = in_tree[child] + 1
    leaf = np.empty(len(left), np.int32)
    leaf[place] = np.maximum(forest.leaf[nodes], 0)
    feature, threshold = forest.feature[nodes][asks], forest.threshold[nodes][asks]
    for i, (begin, length) in enumerate(zip(start.tolist(), size.tolist(), strict=True), start=row):
        here = slice(begin, begin + length)
        group.feature[i, :length], group.threshold[i, :length] = feature[here], threshold[here]
        group.right[i, :length], group.leaf[i, :length] = right[here], leaf[here]
