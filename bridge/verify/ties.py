"""Rows whose nearest neighbours no distance decides."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTITIONED = frozenset({
    "correlation", "cosine", "dice", "hamming", "jaccard", "matching", "precomputed", "rogerstanimoto", "russellrao",
    "sokalmichener", "sokalsneath", "yule",
})  # fmt: skip
"""Metrics of which scikit-learn's brute force finds the nearest by `numpy.argpartition`: between rows at one distance
that chooses by its way through the numbers, another on every kind of CPU."""


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
