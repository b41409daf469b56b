"""What a ball tree leaves out, and lets in, of metrics for which a way round may be shorter than the straight one.

scikit-learn's BallTree also takes Bray-Curtis and Dice dissimilarities, which break the triangle inequality: its bounds
then pass over rows that are near. Its answer is what its walk through the nodes finds, so the graph walks them too. The
nodes, their centres and radii are fixed at the fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.export.builder import dtype_of
from bridge.export.converters.neighbour_ties import visits
from bridge.export.loop import repeat

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder
    from bridge.export.converters.metrics import Metric
    from bridge.export.converters.neighbour_ties import Tree

WITHOUT_TRIANGLES = frozenset({"braycurtis", "dice"})
"""Metrics of `BallTree.valid_metrics` that break the triangle inequality."""


def met_by_search(b: Builder, reduced: ir.Value, least: ir.Value, tree: Tree, k: int) -> ir.Value:
    """Return `reduced` (rows, points) with infinity for the points that the search of the k nearest does not meet.

    A node is passed over if the least that it allows is above the k-th smallest so far (`_query_single_depthfirst`).
    Which of equal distances are kept does not matter to that.

    Parameters
    ----------
    reduced
        The distances, or what has their order, to the points in the order of the tree.
    least
        (rows, nodes), the bounds of `Tree.least`.
    """
    above = _nodes_above(tree)
    leaves, depth = above.shape
    if not depth:
        return reduced
    turns = visits(b, least, len(tree.radii))
    _, order = b.sorted_rows(turns, leaves)
    entered = (np.arange(leaves)[:, None] % 2 ** np.arange(depth - 1, -1, -1)[None] == 0).astype(dtype_of(least))
    padded = b.concat([reduced, b.where(_falsehoods(b, least), b.like(np.inf, reduced), b.like(np.inf, reduced))])
    members = _members(tree)

    def visit(turn: ir.Value, state: list[ir.Value]) -> tuple[None, list[ir.Value]]:
        heap, passed, met = state
        leaf = b.op("Gather", order, turn, axis=1)
        bounds = b.op("GatherElements", least, b.op("Gather", b.constant(above), leaf, axis=0), axis=1)
        is_beyond = b.cast(b.op("Greater", bounds, b.take_columns(heap, [k - 1])), dtype_of(least))
        # What was decided for a node holds until the walk comes to the next on its level.
        is_new = b.reshape(b.op("Gather", b.constant(entered), turn, axis=0), [1, -1])
        passed = b.add(b.mul(is_beyond, is_new), b.mul(passed, b.sub(b.like(1, passed), is_new)))
        is_met = b.op("Equal", b.sum(passed, keepdims=True), b.like(0, passed))
        values = b.op("GatherElements", padded, b.op("Gather", b.constant(members), leaf, axis=0), axis=1)
        heap, _ = b.sorted_rows(b.concat([heap, b.where(is_met, values, b.like(np.inf, values))]), k)
        is_here = b.cast(b.op("Equal", b.constant(np.arange(leaves)[None]), turn), dtype_of(least))
        return None, [heap, passed, b.add(met, b.mul(is_here, b.cast(is_met, dtype_of(least))))]

    nothing = b.cast(_falsehoods(b, least), dtype_of(least))
    start = [b.add(nothing, b.constant(np.full((1, n), v), dtype_of(least))) for n, v in ((k, np.inf), (depth, 0))]
    state = [*start, b.add(nothing, b.constant(np.zeros((1, leaves)), dtype_of(least)))]
    _, _, met = repeat(b, visit, state, leaves)
    by_leaf = b.op("GatherElements", met, b.cast(turns, np.int64), axis=1)
    is_met = b.op("Greater", b.op("Gather", by_leaf, b.constant(tree.leaf_of), axis=1), b.like(0, met))
    return b.where(is_met, reduced, b.like(np.inf, reduced))


def within_by_tree(b: Builder, inside: ir.Value, centers: ir.Value, tree: Tree, radius: float) -> ir.Value:
    """Return bool (rows, points), which points scikit-learn's tree says to be within a radius.

    It takes no point of a node that its bounds put beyond the radius, all points of one that they put within it, and
    those `inside` of the other leaves (`_query_radius_single`). `centers` are the distances to the nodes' centres.
    """
    radii = b.constant(tree.radii[None], dtype_of(centers))
    beyond = b.cast(b.op("Greater", b.sub(centers, radii), b.like(radius, centers)), dtype_of(centers))
    whole = b.cast(b.op("LessOrEqual", b.add(centers, radii), b.like(radius, centers)), dtype_of(centers))
    above = np.column_stack([np.zeros(len(_nodes_above(tree)), np.int64), _nodes_above(tree)])
    is_open, is_whole = None, None
    for nodes in above.T:
        out, all_in = (b.take_columns(decided, nodes) for decided in (beyond, whole))
        inner = b.mul(b.sub(b.like(1, out), out), all_in)
        rest = b.mul(b.sub(b.like(1, out), out), b.sub(b.like(1, all_in), all_in))
        is_whole = inner if is_whole is None or is_open is None else b.add(is_whole, b.mul(is_open, inner))
        is_open = rest if is_open is None else b.mul(is_open, rest)
    if is_open is None or is_whole is None:
        raise TypeError("a tree without nodes")
    tested = b.mul(b.op("Gather", is_open, b.constant(tree.leaf_of), axis=1), b.cast(inside, dtype_of(centers)))
    taken = b.add(b.op("Gather", is_whole, b.constant(tree.leaf_of), axis=1), tested)
    return b.op("Greater", taken, b.like(0, taken))


def distances_met_by_density(
    b: Builder, distances: ir.Value, centers: ir.Value, tree: Tree, width: float, kernel: str
) -> ir.Value:
    """Return `distances` (rows, points) as a KernelDensity counts them, of a kernel that ends at `width`.

    It takes no point of a node whose bound is not within the width. Where a kernel is as large at both bounds of the
    root, which only a tophat is, it takes all of them to be so near (`_kde_single_breadthfirst`, its first case).
    """
    radii = b.constant(tree.radii[None], dtype_of(centers))
    beyond = b.cast(b.op("GreaterOrEqual", b.sub(centers, radii), b.like(width, centers)), dtype_of(centers))
    above = np.column_stack([np.zeros(len(_nodes_above(tree)), np.int64), _nodes_above(tree)])
    passed = b.take_columns(beyond, above[:, 0])
    for nodes in above.T[1:]:
        passed = b.add(passed, b.take_columns(beyond, nodes))
    by_point = b.op("Gather", passed, b.constant(tree.leaf_of), axis=1)
    counted = b.where(b.op("Greater", by_point, b.like(0, by_point)), b.like(np.inf, distances), distances)
    if kernel != "tophat":
        return counted
    farthest = b.take_columns(b.add(centers, radii), [0])
    return b.where(b.op("Less", farthest, b.like(width, farthest)), b.like(0, counted), counted)


def distances_to_centers(b: Builder, x: ir.Value, tree: Tree, metric: Metric) -> ir.Value:
    """Return (rows, nodes), how far the centre of each ball is."""
    return metric.root(b, metric.reduced(b, x, tree.bounds[0]))


def _nodes_above(tree: Tree) -> NDArray[np.int64]:
    """Return (leaves, levels), the nodes on the way to each leaf and the leaf itself, without the root."""
    leaves = (len(tree.radii) + 1) // 2
    depth = leaves.bit_length() - 1
    levels = np.arange(1, depth + 1)
    return 2**levels - 1 + (np.arange(leaves)[:, None] >> (depth - levels)[None])


def _members(tree: Tree) -> NDArray[np.int64]:
    """Return (leaves, most), the points of each leaf, filled up with the place after the last point."""
    counts = np.bincount(tree.leaf_of)
    starts = np.cumsum(counts) - counts
    places = np.arange(counts.max())
    return np.where(places < counts[:, None], starts[:, None] + places, len(tree.leaf_of))


def _falsehoods(b: Builder, x: ir.Value) -> ir.Value:
    """Return a column of False for each row."""
    first = b.take_columns(x, [0])
    return b.op("Less", first, first)
