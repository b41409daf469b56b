"""Rows whose nearest neighbours no distance decides."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.table import take_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

PARTITIONED = frozenset({
    "correlation", "cosine", "dice", "hamming", "jaccard", "matching", "precomputed", "rogerstanimoto", "russellrao",
    "sokalmichener", "sokalsneath", "yule",
})  # fmt: skip
"""Metrics of which scikit-learn's brute force finds the nearest by `numpy.argpartition`: between rows at one distance
that chooses by its way through the numbers, another on every kind of CPU."""

MOST_DISTANCES = 2**22
"""The estimator is asked for so many distances at a time: 64 MB with their indices."""


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


def tied_neighbours(estimator: Any, data: Any, rows: int) -> NDArray[np.bool_]:
    """Return for which rows the last of the estimator's neighbours is as far away as the next, which it leaves out."""
    nobody = np.zeros(rows, np.bool_)
    estimator = getattr(estimator, "nbrs_", estimator)  # an embedding has a search inside
    metric = getattr(estimator, "effective_metric_", None)
    if getattr(estimator, "_fit_method", None) != "brute" or metric not in PARTITIONED:
        return nobody
    count = getattr(estimator, "n_neighbors_", getattr(estimator, "n_neighbors", None))
    if count is None or count >= estimator.n_samples_fit_ or not hasattr(estimator, "kneighbors"):
        return nobody
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        distance = estimator.kneighbors(data, n_neighbors=count + 1)[0]
    return np.asarray(distance[:, -1] == distance[:, -2])


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
