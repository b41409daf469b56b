"""The search that scikit-learn's neighbours estimators share: the k nearest of the rows that they were fitted on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.metrics._pairwise_distances_reduction import ArgKmin
from sklearn.neighbors import NearestNeighbors

from bridge.errors import UnsupportedError
from bridge.export.builder import Rounding, dtype_of, set_rounding
from bridge.export.converters.formulas import MOST_COLUMNS
from bridge.export.converters.kernels import shortest_direction
from bridge.export.converters.metrics import Metric, metric_of
from bridge.export.converters.neighbour_ties import Tree, expects_ties, resolve_ties
from bridge.export.converters.tree_pruning import (
    WITHOUT_TRIANGLES,
    distances_to_centers,
    met_by_search,
    within_by_tree,
)
from bridge.export.dense import to_dense
from bridge.export.held import hold_positive
from bridge.export.registry import Neighbours
from bridge.opset import ARBITRARY_TIES

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

PRODUCTS = frozenset({"euclidean", "sqeuclidean", "nan_euclidean", "cosine", "mahalanobis", "correlation"})
BLOCK = 256
"""The rows that scikit-learn's brute force multiplies at once."""


@dataclass(frozen=True)
class Search:
    """The rows to choose from, and how scikit-learn finds the nearest of them.

    Attributes
    ----------
    points
        The rows that the estimator was fitted on, in the order in which scikit-learn meets them where it can be known:
        a tree keeps rows of a leaf together. None where the data are distances to those rows themselves.
    order
        For each of `points`, its place among the rows given to `fit`.
    metric
        The metric, by its effective name.
    noise
        For each of `points`, the distance that scikit-learn finds from it to itself, or None where that is 0.
    multiplied
        Whether scikit-learn finds the distances by a product of matrices, whose last bits are its own.
    narrow
        Whether scikit-learn's brute force keeps each distance in float32, as it does between rows of float32.
    single
        Whether both sides are float32, which scikit-learn's products of matrices then are too.
    tree
        The tree that scikit-learn looks through, or None for brute force.
    tied
        Says for a number of neighbours whether ties are to be expected; None where scikit-learn decides them in a way
        of its own, by `numpy.argpartition`.
    """

    points: NDArray[Any] | None
    order: NDArray[np.int64]
    metric: Metric
    noise: NDArray[np.float64] | None = None
    multiplied: bool = False
    narrow: bool = False
    single: bool = False
    tree: Tree | None = None
    tied: Callable[[int], bool] | None = None

    def reduced(self, b: Builder, x: Block) -> ir.Value:
        """Return (rows, points), numbers in the order of the distances, float64."""
        if self.points is None:
            return x.matrix(np.float64)
        if not self.narrow or self.metric.name == "euclidean":  # whose squares stay float64
            return self.metric.reduced(b, x.matrix(np.float64), self.points)
        dtype = np.float32 if self.metric.is_sum_of_differences else np.float64
        return _as_float32(b, self.metric.reduced(b, x.matrix(dtype), self.points.astype(dtype)))

    def root(self, b: Builder, reduced: ir.Value) -> ir.Value:
        """Return the distances, float64, of what `reduced` or `nearest` found."""
        if not self.narrow:
            return self.metric.root(b, reduced)
        return _as_float32(b, self.metric.root(b, _as_float32(b, reduced)))

    def within(self, b: Builder, x: Block, radius: float) -> tuple[ir.Value, ir.Value]:
        """Return (rows, points): the distances, float64, and whether they are within `radius`."""
        goes_around = self.metric.name == "haversine" and radius >= np.pi
        if goes_around and self.tree is None:
            raise UnsupportedError(
                f"a radius of {radius!r} reaches around the globe, which scikit-learn's brute force finds no rows in.\n"
                "Fit with a radius below pi, or with algorithm='ball_tree'."
            )
        if self.metric.name == "braycurtis":  # whose formula has 0 there, and scikit-learn's brute force NaN
            self._refuse_undefined(b, x)
        reduced = self.reduced(b, x)
        inside = b.op("LessOrEqual", reduced, b.like(self.metric.reduced_radius(radius), reduced))
        if self.multiplied:
            note_ties(inside)
        if self.tree is not None and (self._walks_tree or goes_around):
            centers = distances_to_centers(b, x.matrix(np.float64), self.tree, self.metric)
            inside = within_by_tree(b, inside, centers, self.tree, radius)
        distance = self.root(b, reduced)
        if self.noise is not None:
            same = b.op("Equal", reduced, b.like(0, reduced))
            distance = b.where(same, b.constant(self.noise[None]), distance)
        return distance, inside

    def neighbours(self, b: Builder, distance: ir.Value, inside: ir.Value) -> Neighbours:
        """Return the answer of `radius_neighbors` for what `within` found."""
        index = b.where(inside, b.constant(self.order[None], np.int64), b.constant(-1, np.int64))
        return Neighbours(distance, index, ragged=True, rounding=self.rounding)

    def as_matrix(self, x: Block, matrix: ir.Value, *, holds_distances: bool) -> Block:
        """Return the sparse answer of a transformer, whose distances are compared as those of `neighbours` are."""
        if holds_distances and self.rounding:
            set_rounding(matrix, Rounding(self.rounding, size=1.0))
        is_root = holds_distances and not self.rounding
        return replace(x.of(matrix, len(self.order)), sparse=True, roots=is_root)

    @property
    def rounding(self) -> float:
        """The error of a distance that is what 1 leaves of a product; 0.0 for the other metrics."""
        if self.metric.name not in {"cosine", "correlation"}:
            return 0.0
        return float(np.finfo(np.float32 if self.single and self.metric.name == "cosine" else np.float64).eps)

    def nearest(self, b: Builder, x: Block, k: int) -> tuple[ir.Value, ir.Value]:
        """Return the distances (rows, k), ascending, and the int64 positions in `points`; of equals the first come."""
        self._refuse_undefined(b, x)
        if self.tied is not None and self.tied(k):
            reduced, place = self._nearest_with_ties(b, x, k)
        elif self._is_wide(k):
            reduced, place = self._nearest_of_candidates(b, x, k)
            note_ties(place)
        else:
            reduced, place = b.sorted_rows(self._met(b, x, k), k)
            note_ties(place)
        distance = self.root(b, reduced)
        if self.noise is not None:
            same = b.op("Equal", reduced, b.like(0, reduced))
            distance = b.where(same, b.op("Gather", b.constant(self.noise), place, axis=0), distance)
        if self.metric.name == "nan_euclidean":  # from rows with which one shares no column
            distance = b.where(b.op("IsInf", distance), b.like(np.nan, distance), distance)
        return distance, place

    def given(self, b: Builder, place: ir.Value) -> ir.Value:
        """Return the places among the rows given to `fit` of positions in `points`."""
        if np.array_equal(self.order, np.arange(len(self.order))):
            return place
        return b.op("Gather", b.constant(self.order), place, axis=0)

    def _refuse_undefined(self, b: Builder, x: Block) -> None:
        if self.points is None:
            return
        undefined = self.metric.undefined(b, x.matrix(np.float64), self.points, has_tree=self.tree is not None)
        if undefined is not None:
            b.refuse(
                undefined,
                f"by {self.metric.name} a row of zeros is 0 / 0 away from fitted rows of zeros, and what scikit-learn "
                "takes for its neighbours hangs on the place of NaN among the distances",
            )

    @property
    def _walks_tree(self) -> bool:
        return self.tree is not None and self.tree.is_ball and self.metric.name in WITHOUT_TRIANGLES

    def _met(self, b: Builder, x: Block, k: int) -> ir.Value:
        """Return `reduced`, with infinity for the points that scikit-learn's tree passes over."""
        reduced = self.reduced(b, x)
        if self.tree is None or not self._walks_tree:
            return reduced
        return met_by_search(b, reduced, self.tree.least(b, x.matrix(np.float64), self.metric), self.tree, k)

    def _nearest_with_ties(self, b: Builder, x: Block, k: int) -> tuple[ir.Value, ir.Value]:
        near, place = b.sorted_rows(self._met(b, x, k), k + 1)
        if self.multiplied:
            note_ties(place)

        def again(rows: ir.Value) -> tuple[ir.Value, ir.Value | None]:
            some = x.of(b.op("Gather", x.matrix(), rows, axis=0), x.width)
            least = None if self.tree is None else self.tree.least(b, some.matrix(np.float64), self.metric)
            return self._met(b, some, k), least

        resolved = resolve_ties(b, near, place, k, again=again, tree=self.tree, points=len(self.order))
        return b.take_columns(near, range(k)), resolved

    def _is_wide(self, k: int) -> bool:
        """Return whether distances come from a product of matrices, whose rounding is not that of differences."""
        if self.points is None or self.metric.name != "euclidean":
            return False
        return self.points.shape[1] > MOST_COLUMNS and len(self.points) > 2 * k + 8

    def _nearest_of_candidates(self, b: Builder, x: Block, k: int) -> tuple[ir.Value, ir.Value]:
        """Return the nearest of the 2 k + 8 that the product finds, by squares of differences.

        What the product loses to cancellation may change the order of rows at nearly one distance, which
        scikit-learn's own product decides by its rounding, but does not move a row behind k + 8 others.
        """
        if self.points is None:
            raise TypeError("distances that are given have no candidates")
        _, found = b.sorted_rows(self.reduced(b, x), 2 * k + 8)
        # In ascending order of place, so that of equals the first still comes first.
        places, _ = b.sorted_rows(found, 2 * k + 8)
        others = b.op("Gather", b.constant(self.points), places, axis=0)
        column = b.reshape(x.matrix(np.float64), [-1, 1, self.points.shape[1]])
        difference = b.sub(column, others)
        squares = b.op("ReduceSumSquare", difference, axes=[2], keepdims=0)
        best, among = b.sorted_rows(squares, k)
        return best, b.op("GatherElements", places, among, axis=1)


def _as_float32(b: Builder, x: ir.Value) -> ir.Value:
    return b.cast(b.cast(x, np.float32), np.float64)


def note_ties(place: ir.Value) -> None:
    """Note that which of two rows at one distance is nearer hangs on the order in which scikit-learn meets them."""
    for node in (place.producer(),):
        if node is not None:
            node.meta[ARBITRARY_TIES] = True


def search_of(estimator: Any, x: Block, *, with_distances: bool = True) -> Search:
    """Return the search of a fitted estimator with scikit-learn's `NeighborsBase`.

    `with_distances` says that the distances themselves count, not the order of the rows alone.
    """
    metric = estimator.effective_metric_
    rows = np.arange(estimator.n_samples_fit_)
    if metric == "precomputed":
        if x.sparse or sparse.issparse(estimator._fit_X):
            raise UnsupportedError(
                f"{type(estimator).__name__} with metric='precomputed' on sparse matrices cannot be exported: what is "
                "not stored there is no neighbour.\nGive dense distances."
            )
        reason = f"{type(estimator).__name__}(metric='precomputed') takes no negative distances"
        hold_positive(x.builder, x.matrix(), reason=reason)
        return Search(None, rows, Metric("precomputed", {}))
    chosen = metric_of(metric, estimator.effective_metric_params_)
    fitted = estimator._fit_X
    given = np.ascontiguousarray(to_dense(fitted))
    points = given.astype(np.float64)
    if estimator._tree is not None:
        order = np.asarray(estimator._tree.get_arrays()[1]).astype(np.int64)
        tied = partial(expects_ties, estimator, given)
        return Search(points[order], order, chosen, tree=Tree.of(estimator._tree), tied=tied)
    single = x.dtype == given.dtype == np.float32
    if chosen.name == "cosine":
        shortest = shortest_direction(fitted, np.float32 if single else np.float64)
        chosen = replace(chosen, params={**chosen.params, "shortest": shortest})
    noise = None
    if with_distances and chosen.name == "euclidean" and x.dtype == given.dtype and not sparse.issparse(fitted):
        noise = _own_distances(given)
    narrow = single and ArgKmin.is_usable_for(given, given, metric)
    heaps = x.dtype == given.dtype and ArgKmin.is_usable_for(given, given, metric)
    expects = partial(expects_ties, estimator, given) if heaps else None
    if narrow and chosen.name not in PRODUCTS:  # float32 has few distances far away
        expects = partial(_has_more_than, given)
    multiplied = chosen.name in PRODUCTS
    return Search(points, rows, chosen, noise, multiplied=multiplied, narrow=narrow, single=single, tied=expects)


def _has_more_than(points: NDArray[Any], k: int) -> bool:
    return len(points) > k


def _own_distances(points: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return the distance from each row to itself by scikit-learn's brute force, which is not always 0.

    It takes |x|^2 - 2 x.x + |x|^2, whose products round differently. Weights of 1 / distance make that count: so rows
    that are among the fitted ones get scikit-learn's own numbers. None where all are 0.
    """
    if points.dtype not in (np.float32, np.float64):
        return None
    found = np.zeros(len(points))
    for start in range(0, len(points), BLOCK):
        block = points[max(0, min(start, len(points) - BLOCK)) :][:BLOCK]
        first = max(0, min(start, len(points) - BLOCK))
        search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(block)
        distance, place = search.kneighbors(block)
        is_same = (block[place[:, 0]] == block).all(axis=1)
        found[first : first + len(block)] = np.where(is_same, distance[:, 0], 0.0)
    return found if found.any() else None


def inverse_weights(b: Builder, distance: ir.Value) -> ir.Value:
    """Return 1 / distance; in a row with distances of 0, 1 for these and 0 for the others."""
    inverse = b.div(b.like(1, distance), distance)
    infinite = b.cast(b.op("IsInf", inverse), dtype_of(distance))
    has_infinite = b.op("Greater", b.sum(infinite, keepdims=True), b.like(0, infinite))
    return b.where(has_infinite, infinite, inverse)
