"""Rows whose nearest neighbours no distance decides."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.table import take_rows
from bridge.verify.tied_rows import (
    possible_graphs,
    possible_imputations,
    possible_outliers,
    possible_places,
    range_of_mean,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bridge.verify.tolerance import Bounds

BY_EQUALITY = frozenset({
    "dice", "hamming", "jaccard", "matching", "rogerstanimoto", "russellrao", "sokalmichener", "sokalsneath", "yule",
})  # fmt: skip
"""Metrics that count equal numbers: to move a number by its last bit makes another point of it."""
PARTITIONED = BY_EQUALITY | {"correlation", "cosine", "nan_euclidean", "precomputed"}
"""Metrics of which scikit-learn's brute force finds the nearest by `numpy.argpartition`: between rows at one distance
that chooses by its way through the numbers, another on every kind of CPU."""

VOTE_ROUNDING = 1e-6
"""Votes are counted to this, so that float32 files are held to the same."""
HIT_ROUNDINGS = 16 * 2.0**-52
"""What products of directions leave of a distance of 0 (cosine, correlation): as many roundings as in a comparison."""
MOST_DISTANCES = 2**22
"""The estimator is asked for so many distances at a time: 64 MB with their indices."""


def counts_equals(estimator: Any) -> bool:
    """Return whether an estimator, or one within it, has a metric of `BY_EQUALITY`."""
    parameters = estimator.get_params() if hasattr(estimator, "get_params") else {}
    return any(k.split("__")[-1] == "metric" and isinstance(v, str) and v in BY_EQUALITY for k, v in parameters.items())


@contextmanager
def in_one_thread() -> Iterator[None]:
    """Let scikit-learn's own loops run in one thread, until the block ends.

    In several, its brute force has a heap for each and merges them: which of the rows at one distance it takes then
    hangs on how many threads there are (400 rows of 40 bits: for 137 of 200 rows others in two threads than in one).
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # comes with scikit-learn, and an estimator may be of another library
        yield
        return
    with threadpool_limits(1, user_api="openmp"):
        yield


def possible_by_ties(
    estimator: Any, method: str, data: Any, actual: Any, expected: Any, bounds: Bounds
) -> NDArray[np.bool_]:
    """Return which rows' answers some choice among the neighbours at the last distance gives.

    Only of searches that leave that choice to `numpy.argpartition`, and only where the last of the estimator's
    neighbours is as far away as the next, which it leaves out. What the nearer neighbours say is certain: an answer is
    possible between the least and the most that the tied ones can add to it.
    """
    search = getattr(estimator, "nbrs_", estimator)
    possible = np.zeros(len(actual), np.bool_)
    if hasattr(estimator, "_mask_fit_X") and hasattr(estimator, "n_neighbors"):
        possible = possible_imputations(estimator, data, actual, expected, bounds)
    elif not _is_partitioned(search):
        return possible
    elif hasattr(estimator, "kernel_pca_"):
        possible = possible_places(estimator, data, actual, bounds)
    elif hasattr(estimator, "_lrd"):
        possible = possible_outliers(estimator, method, data, actual, bounds)
    elif hasattr(estimator, "mode") and method == "transform":
        possible = possible_graphs(estimator, data, actual, bounds)
    elif search is estimator:
        possible = _possible_votes(estimator, method, data, actual)
    return possible


def _is_partitioned(search: Any) -> bool:
    """Return whether a search takes its k nearest by `numpy.argpartition`; one within a radius has no k."""
    metric = getattr(search, "effective_metric_", None)
    is_brute = getattr(search, "_fit_method", None) == "brute" and metric in PARTITIONED
    return is_brute and getattr(search, "n_neighbors", None) is not None


def _possible_votes(estimator: Any, method: str, data: Any, actual: Any) -> NDArray[np.bool_]:
    possible = np.zeros(len(actual), np.bool_)
    said = np.asarray(getattr(estimator, "_y", np.zeros((0, 0))))
    weights = getattr(estimator, "weights", None)
    count = estimator.n_neighbors
    if said.ndim != 1 or weights not in ("uniform", "distance") or count >= len(said):
        return possible
    classes = getattr(estimator, "classes_", None)
    votes = said[:, None] if classes is None else np.eye(len(classes))[said]
    size = max(1, MOST_DISTANCES // len(said))
    noise = HIT_ROUNDINGS if estimator.effective_metric_ in {"correlation", "cosine"} else -1.0
    for start in range(0, len(possible), size):
        some = np.arange(start, min(start + size, len(possible)))
        distance, index = estimator.kneighbors(take_rows(data, some), n_neighbors=len(said))
        for row, near, order in zip(some, distance, index, strict=True):
            near = np.where(np.isnan(near), np.inf, near)  # noqa: PLW2901 - rows that share no column come last
            hits = near <= noise
            if weights == "distance" and hits.sum() > 1:  # 1 / rounding says which of them count
                given = votes[order[hits]].astype(np.float64)
                possible[row] = _is_within(actual[row], given.min(axis=0), given.max(axis=0), method, classes)
                continue
            found = range_of_mean(near, votes[order].astype(np.float64), count, weights)
            if found is not None:
                possible[row] = _is_within(actual[row], *found, method, classes)
    return possible


def _is_within(
    answer: Any, least: NDArray[np.float64], most: NDArray[np.float64], method: str, classes: NDArray[Any] | None
) -> bool:
    """Return whether an answer lies between the bounds; a label, whether it may have the most votes."""
    if method == "predict" and classes is not None:
        chosen = classes == answer
        return bool(chosen.any() and most[chosen][0] >= least.max() - VOTE_ROUNDING)
    values = np.exp(answer) if method == "predict_log_proba" else np.atleast_1d(answer)
    slack = VOTE_ROUNDING * np.maximum(np.abs(most), np.abs(least)).max(initial=1.0)
    return bool(((least - slack <= values) & (values <= most + slack)).all())


def distances_of(estimator: Any, method: str, data: Any, given: NDArray[Any], expected: Any) -> NDArray[Any]:
    """Return how far each row of the data is, by the estimator, from the fitted rows of these indices, in their shape.

    NaN for an index that is none, that is given twice, or beyond the radius. `given` are the indices that a model
    answers with, `expected` is the estimator's own answer to `method`.
    """
    own = np.empty(given.shape, np.float64 if given.dtype != object else object)
    for i, (index, distance) in enumerate(_known_distances(estimator, method, data, expected)):
        own[i] = _look_up(given[i], index, distance)
    return own


def _known_distances(
    estimator: Any, method: str, data: Any, expected: Any
) -> Iterator[tuple[NDArray[np.integer], NDArray[np.floating]]]:
    """Yield, for each row, the fitted rows that may be its neighbours, and how far they are."""
    if method != "kneighbors":
        yield from zip(expected[1], expected[0], strict=True)
        return
    count = estimator.n_samples_fit_
    size = max(1, MOST_DISTANCES // count)
    for start in range(0, len(expected[0]), size):
        some = take_rows(data, np.arange(start, min(start + size, len(expected[0]))))
        distance, index = estimator.kneighbors(some, n_neighbors=count)
        yield from zip(index, distance, strict=True)


def _look_up(
    wanted: NDArray[np.integer], index: NDArray[np.integer], distance: NDArray[np.floating]
) -> NDArray[np.float64]:
    order = np.argsort(index)
    place = order[np.minimum(np.searchsorted(index, wanted, sorter=order), len(index) - 1)]
    _, first = np.unique(wanted, return_index=True)
    is_known = (index[place] == wanted) & np.isin(np.arange(len(wanted)), first)
    return np.where(is_known, distance[place], np.nan).astype(np.float64)
