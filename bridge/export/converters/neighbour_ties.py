"""Decide between rows at one distance as scikit-learn does: by the order in which it meets them, and by its heap.

scikit-learn pushes the distances of a row one after another onto a heap of the k smallest. A distance enters if it is
below the largest of the heap, which leaves; of several that are largest the one at the top leaves. So which of equal
distances stay hangs on the whole sequence. Brute force meets the rows in their order; a tree goes down to the nearer
child first, and meets the rows of a leaf in their order. Rows of the batch without such a tie take none of this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from sklearn.neighbors import KDTree

from bridge.export.loop import repeat

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bridge.export.builder import Builder
    from bridge.export.converters.metrics import Metric

ASKED = 200
"""Fitted rows that are asked for their neighbours, to see whether ties are to be expected."""
GROWTH = 4
"""Each part of the sequence is so many times all parts before: few rows below the largest of these are in it."""
FIRST = 64
"""The first part of the sequence of brute force; with a tree it is the first leaf."""


@dataclass(frozen=True)
class Tree:
    """A KDTree or BallTree of scikit-learn: complete, its nodes numbered level by level, its leaves all on the last.

    Attributes
    ----------
    bounds
        Lower and upper bounds (2, nodes, columns) of a KDTree, or centers (1, nodes, columns) of a BallTree.
    radii
        The radius of each node.
    leaf_of
        The leaf of each row, the rows in the order of the tree.
    """

    bounds: NDArray[np.float64]
    radii: NDArray[np.float64]
    leaf_of: NDArray[np.int64]
    is_ball: bool

    @staticmethod
    def of(tree: Any) -> Tree:
        _, _, nodes, bounds = tree.get_arrays()
        leaves = np.asarray(nodes)[len(nodes) // 2 :]
        leaf_of = np.repeat(np.arange(len(leaves)), leaves["idx_end"] - leaves["idx_start"])
        return Tree(np.asarray(bounds), np.asarray(nodes)["radius"], leaf_of, not isinstance(tree, KDTree))

    def least(self, b: Builder, x: ir.Value, metric: Metric) -> ir.Value:
        """Return (rows, nodes), the least that `Metric.reduced` can be in each node, as scikit-learn bounds it."""
        if self.is_ball:
            distance = metric.root(b, metric.reduced(b, x, self.bounds[0]))
            beyond = b.op("Max", b.sub(distance, b.constant(self.radii[None])), b.like(0, distance))
            return metric.reduced_distance(b, beyond)
        lowest, highest = self.bounds
        return metric.reduced_outside(b, x, lowest, highest)


def expects_ties(estimator: Any, points: NDArray[Any], k: int) -> bool:
    """Return whether fitted rows, asked for their neighbours, have several at the k-th distance, or a row of zeros has.

    From zeros all rows are at one distance by Canberra and Bray-Curtis, which count by shares.
    """
    if k >= len(points):
        return False
    rows = points[np.linspace(0, len(points) - 1, min(ASKED, len(points))).astype(int)]
    rows = np.concatenate([rows, np.zeros_like(rows[:1])])
    distance = estimator.kneighbors(rows, n_neighbors=k + 1)[0]
    return bool((np.diff(distance, axis=1) == 0).any())


def resolve_ties(
    b: Builder,
    near: ir.Value,
    place: ir.Value,
    k: int,
    *,
    again: Callable[[ir.Value], tuple[ir.Value, ir.Value | None]],
    tree: Tree | None,
    points: int,
) -> ir.Value:
    """Return (rows, k), the places of the k nearest, in scikit-learn's order for k up to 15.

    Parameters
    ----------
    near, place
        The k + 1 smallest reduced distances and their places.
    again
        Gives for some rows of the batch all reduced distances (rows, points), and with a tree the least of its nodes.
    """
    equal = b.op("Equal", b.take_columns(near, range(k)), b.take_columns(near, range(1, k + 1)))
    is_tied = b.op("Greater", b.sum(b.cast(equal, np.float64)), b.constant(0.0))
    tied = b.reshape(b.op("NonZero", is_tied, dtype=ir.DataType.INT64), [-1])
    distances, least = again(tied)
    if tree is None or least is None:
        part = b.constant((np.arange(points) // FIRST)[None].astype(np.float64))
        rank = b.constant(np.arange(points, dtype=np.float64)[None])
        parts = -(-points // FIRST)
    else:
        part = b.op("Gather", visits(b, least, len(tree.radii)), b.constant(tree.leaf_of), axis=1)
        rank = b.add(b.mul(part, b.constant(float(points))), b.constant(np.arange(points, dtype=np.float64)[None]))
        parts = int(tree.leaf_of.max()) + 1
    values, places, count = _sequence(b, distances, part, rank, k, parts)
    kept = _push_all(b, values, places, count, k)
    first = b.take_columns(place, range(k))
    return b.op("ScatterND", first, b.reshape(tied, [-1, 1]), kept)


def visits(b: Builder, least: ir.Value, nodes: int) -> ir.Value:
    """Return (rows, leaves), the turn at which each leaf is met: 0 for the first."""
    left_nodes = np.arange(1, nodes, 2)
    later_left = b.op("Greater", b.take_columns(least, left_nodes), b.take_columns(least, left_nodes + 1))
    swapped = b.cast(later_left, np.float64)
    turn = b.take_columns(b.sub(least, least), [0])
    width = 1
    while width < (nodes + 1) // 2:
        swap = b.take_columns(swapped, range(width - 1, 2 * width - 1))
        doubled = b.add(turn, turn)
        pair = [b.add(doubled, swap), b.add(doubled, b.sub(b.like(1, swap), swap))]
        width *= 2
        turn = b.reshape(b.concat([b.reshape(p, [-1, width // 2, 1]) for p in pair], axis=2), [-1, width])
    return turn


def _sequence(
    b: Builder, distances: ir.Value, part: ir.Value, rank: ir.Value, k: int, parts: int
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return distances and places (rows, some) in the order in which they are met, without those that cannot enter.

    The third is how many these are. What is not below the k-th smallest of the parts before it enters no heap. Shorter
    rows end in infinity.
    """
    limit = b.like(np.inf, distances)
    end = 1
    while end < parts:
        known = b.where(b.op("Less", part, b.constant(float(end))), distances, b.like(np.inf, distances))
        worst = b.take_columns(b.sorted_rows(known, k)[0], [k - 1])
        limit = b.where(b.op("Less", part, b.constant(float(end))), limit, worst)
        end *= GROWTH
    may_enter = b.op("Less", distances, limit)
    turn = b.where(may_enter, rank, b.like(np.inf, distances))
    counts = b.sum(b.cast(may_enter, np.float64), keepdims=True)
    counts = b.reshape(b.concat([counts, b.constant([[1.0]])], axis=0), [1, -1])
    longest = b.reshape(b.cast(b.row_max(counts), np.int64), [1])
    turns, places = b.smallest(turn, longest)
    values = b.op("GatherElements", distances, places, axis=1)
    return b.where(b.op("IsInf", turns), b.like(np.inf, values), values), places, b.reshape(longest, [])


def _push_all(b: Builder, values: ir.Value, places: ir.Value, count: ir.Value, k: int) -> ir.Value:
    """Return (rows, k), the places that are left on the heap, by value and then by where they lie in it."""
    start = b.sum(b.sub(values, values), keepdims=True)  # NaN, 0 or nothing: only the number of rows counts
    empty = b.where(b.op("Equal", b.like(np.zeros((1, k)), start), start), b.like(np.inf, start), b.like(np.inf, start))

    def push(turn: ir.Value, state: list[ir.Value]) -> tuple[None, list[ir.Value]]:
        heap, held = state
        value = b.reshape(b.op("Gather", values, turn, axis=1), [-1, 1])
        place = b.reshape(b.op("Gather", places, turn, axis=1), [-1, 1])
        return None, _push(b, heap, held, value, place, k)

    nobody = b.where(b.op("IsInf", empty), b.constant(0, np.int64), b.constant(0, np.int64))
    heap, held = repeat(b, push, [empty, nobody], count)
    _, order = b.sorted_rows(heap, k)
    return b.op("GatherElements", held, order, axis=1)


def _push(b: Builder, heap: ir.Value, held: ir.Value, value: ir.Value, place: ir.Value, k: int) -> list[ir.Value]:
    """Return the heap after `value`: it takes the top, and goes down while one of the two below it is larger."""
    slots = b.constant(np.arange(k)[None])
    goes = b.op("Less", value, b.take_columns(heap, [0]))
    entered = goes
    slot = b.where(goes, b.constant([[0]]), b.constant([[0]]))
    for _ in range(int(np.log2(k))):
        below = b.add(slot, b.add(slot, b.constant([[1]])))
        left, right = (b.op("Min", b.add(below, b.constant([[i]])), b.constant([[k]])) for i in (0, 1))
        padded = b.concat([heap, b.where(entered, b.like(-np.inf, value), b.like(-np.inf, value))])
        at_left, at_right = (b.op("GatherElements", padded, child, axis=1) for child in (left, right))
        is_left = b.op("GreaterOrEqual", at_left, at_right)
        child, larger = b.where(is_left, left, right), b.where(is_left, at_left, at_right)
        goes = b.op("And", goes, b.op("Less", value, larger))
        moved = b.op("GatherElements", b.concat([held, place]), child, axis=1)
        here = b.op("And", b.op("Equal", slots, slot), goes)
        heap, held = b.where(here, larger, heap), b.where(here, moved, held)
        slot = b.where(goes, child, slot)
    here = b.op("And", b.op("Equal", slots, slot), entered)
    return [b.where(here, value, heap), b.where(here, place, held)]
