"""How far scikit-learn's own KernelDensity is off: it subtracts bounds, whose rounding is left where rows are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.table import take_rows
from bridge.verify.inner import inner_model
from bridge.verify.tolerance import FLOAT64_UNIT, scaled_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_DISTANCES = 2**22
"""So many distances are held at once: 64 MB with their indices."""


@dataclass(frozen=True)
class DensityRounding:
    """The rounding of scikit-learn's scores, for each row: of `exp(score - shift)` it is `error`, both (rows,)."""

    shift: NDArray[np.float64]
    error: NDArray[np.float64]

    def allows(self, got: NDArray[np.float64], want: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which scores (rows,) differ by no more: where that is much of a density, any model's may."""
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.abs(np.exp(got - self.shift) - np.exp(want - self.shift))
        return np.asarray(apart <= self.error)


def density_rounding(estimator: Any, data: Any) -> DensityRounding | None:
    """Return how far the answers of a KernelDensity, of a pipeline or search with one too, are off; None for others.

    scikit-learn starts with S, the most that the N fitted rows may add up to, N times the kernel at the least distance
    that its tree allows. It then replaces each node's part of S by those of the node's two children, and those of the
    leaves by nothing (`_kde_single_breadthfirst`): 2 m - 1 additions and subtractions for m nodes. Half of what is left
    of S, in truth 0, it adds to the density; and where rounding leaves nothing too early, it stops, short of as much.

    Both work on logarithms, r = a + log(v). With u = 2**-53, a rounding of r changes exp(r) by u |r| exp(r), which is
    at most u S (|log S| + 1) for exp(r) <= S; the sum or difference v of two exponentials is off by less than 3 u, and
    log(v) by u |log v|, where v |log v| < 1 for v <= 2. Each step so adds less than u S (|log S| + 5) to the error.
    """
    last, _ = inner_model(estimator, None)
    if not (hasattr(last, "bandwidth_") and hasattr(last, "tree_")):
        return None
    inner, given = inner_model(estimator, data)
    rows = np.ascontiguousarray(np.asarray(given, np.float64))
    tree = inner.tree_
    points, _, nodes, _ = tree.get_arrays()
    options = {"h": inner.bandwidth_, "kernel": inner.kernel, "return_log": True}
    norm = _kernel_at_zero(inner)
    # A tree of one row gives the kernel itself.
    line = type(tree)(np.zeros((1, 1)))
    least = np.column_stack([_least_distances(inner, rows), np.zeros(len(rows))])
    at_least, at_zero = (line.kernel_density(np.ascontiguousarray(d[:, None]), **options) for d in least.T)
    most = at_least - at_zero
    total = len(points) if tree.sample_weight is None else float(tree.sum_weight)
    logarithm = np.abs(np.where(np.isfinite(most), most, 0.0) + np.log(total))
    shift = np.where(np.isfinite(most), most, 0.0) + norm
    return DensityRounding(shift, np.where(np.isfinite(most), 2 * len(nodes) * FLOAT64_UNIT * (logarithm + 5), 0.0))


def errors_from_density(
    estimator: Any, data: Any, rows: NDArray[np.intp], got: Any, want: Any
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return which of these rows differ by no more than scikit-learn's rounding, and their errors from the density.

    The errors, (found,), are scaled. Of other estimators than `density_rounding` knows no row is found.
    """
    some = take_rows(data, rows) if rows.size else None
    rounding = None if some is None else density_rounding(estimator, some)
    if rounding is None:
        return rows[:0], np.zeros(0)
    kept = np.flatnonzero(rounding.allows(got[rows], want[rows]))
    if not kept.size:
        return rows[:0], np.zeros(0)
    return rows[kept], scaled_error(got[rows[kept]], density_of(estimator, take_rows(some, kept)))


def density_of(estimator: Any, data: Any) -> NDArray[np.float64]:
    """Return the scores (rows,) of a `density_rounding` estimator as their formula says, every fitted row looked at."""
    inner, given = inner_model(estimator, data)
    rows = np.ascontiguousarray(np.asarray(given, np.float64))
    count = len(inner.tree_.get_arrays()[0])
    weights = np.ones(count) if inner.tree_.sample_weight is None else np.asarray(inner.tree_.sample_weight)
    norm = _kernel_at_zero(inner) - np.log(weights.sum())
    scores = np.empty(len(rows))
    size = max(1, MOST_DISTANCES // count)
    for start in range(0, len(rows), size):
        near, distance = inner.tree_.query_radius(rows[start : start + size], np.inf, return_distance=True)
        with np.errstate(divide="ignore"):
            terms = _log_kernel(inner, np.stack(distance)) + np.log(weights[np.stack(near)])
            largest = terms.max(axis=1, keepdims=True)
            shares = np.exp(terms - np.where(np.isfinite(largest), largest, 0.0)).sum(axis=1)
            scores[start : start + size] = largest[:, 0] + np.log(np.where(np.isfinite(largest[:, 0]), shares, 1.0))
    return np.asarray(scores + norm)


def _log_kernel(model: Any, distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of a kernel at these distances, less that at 0 (scikit-learn's user guide, 2.8.2)."""
    share = distance / model.bandwidth_
    inside = np.minimum(share, 1.0)
    with np.errstate(divide="ignore"):
        match model.kernel:
            case "gaussian":
                return np.asarray(-0.5 * share**2)
            case "exponential":
                return np.asarray(-share)
            case "tophat":
                return np.where(share < 1, 0.0, -np.inf)
            case "epanechnikov":
                return np.asarray(np.log1p(-(inside**2)))
            case "linear":
                return np.asarray(np.log1p(-inside))
            case _:  # "cosine", 0 from 1 on
                return np.log(np.where(share < 1, np.cos(0.5 * np.pi * inside), 0.0))


def _kernel_at_zero(model: Any) -> float:
    """Return the logarithm of the kernel at 0, by a tree of one row."""
    row = np.asarray(model.tree_.get_arrays()[0])[:1]
    return float(_tree_of(model, row).kernel_density(row, h=model.bandwidth_, kernel=model.kernel, return_log=True)[0])


def _least_distances(model: Any, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least distance (rows,) that the tree's bounds allow to any fitted row."""
    _, _, nodes, bounds = model.tree_.get_arrays()
    if len(bounds) == 2:  # corners of boxes, which lie in that of the root
        beyond = rows - np.clip(rows, bounds[0, 0], bounds[1, 0])
        distance, _ = _tree_of(model, np.zeros((1, rows.shape[1]))).query(beyond)
        return np.asarray(distance[:, 0])
    distance, place = _tree_of(model, np.asarray(bounds[0])).query(rows, k=len(nodes))
    return np.asarray(np.maximum(0.0, distance - np.asarray(nodes)["radius"][place]).min(axis=1))


def _tree_of(model: Any, points: NDArray[np.float64]) -> Any:
    return type(model.tree_)(points, metric=model.metric, **(model.metric_params or {}))
