"""Rows of which an iteration may stop a turn earlier or later, because rounding decides its test."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.table import take_rows
from bridge.verify.rounding import BACKWARD_ERROR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def answers_at_other_stops(estimator: Any, data: Any, rows: NDArray[np.intp]) -> Iterator[NDArray[np.floating]]:
    """Yield answers of a LatentDirichletAllocation with its tolerance moved as far as rounding moves what it tests.

    A document stops where its k topics, which add up to T, change by less than the tolerance on average. Each is a sum
    in the dtype of the fitted topics, with an error of 16 last bits (Higham 2002, section 4.2), and so is the change of
    each: on average, 16 units T / k. Whether a change that near to the tolerance is below it hangs on the order in
    which a BLAS adds; one turn more moves the answer by the tolerance (in float32, 1 of 60 documents of 16 words).

    Yields nothing for other estimators.
    """
    if not rows.size or type(estimator).__name__ != "LatentDirichletAllocation":
        return
    some = take_rows(data, rows)
    topics = np.asarray(estimator.transform(some, normalize=False))
    unit = float(np.finfo(estimator.components_.dtype).eps)
    error = BACKWARD_ERROR * unit * topics.sum(axis=1) / topics.shape[1]
    moved = copy.copy(estimator)
    for sign in (-1, 1):
        answers = np.empty_like(topics)
        for i, distance in enumerate(error):
            moved.mean_change_tol = max(estimator.mean_change_tol + sign * distance, 0.0)
            answers[i] = np.asarray(moved.transform(take_rows(some, np.array([i]))))[0]
        yield answers
