"""Compare a model with its estimator, method by method, on data."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bridge.data.table import row_count
from bridge.verify.report import MethodReport, Report
from bridge.verify.tolerance import Bounds, bounds_for, scaled_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_WORST = 5


class Answering(Protocol):
    """What has the estimator's methods: a `Predictor`, or a stand-in for it."""

    @property
    def methods(self) -> Sequence[Any]: ...


def compare(
    estimator: Any, predictor: Answering, data: Any, *, precision: str, suffix: str = ""
) -> Report:
    """Return how the predictor's answers for `data` differ from the estimator's, for every method it has."""
    bounds = bounds_for(precision)
    reports = [
        compare_method(estimator, predictor, data, m.name, bounds, label=m.name + suffix) for m in predictor.methods
    ]
    return Report(tuple(reports), bounds, precision)


def ask(model: Any, method: str, data: Any) -> Any:
    """Return `model.method(data)` without warnings: log(0) is part of the answer."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return getattr(model, method)(data)


def compare_method(
    estimator: Any, predictor: Any, data: Any, method: str, bounds: Bounds, *, label: str
) -> MethodReport:
    """Return the comparison of one method."""
    expected = ask(estimator, method, data)
    actual = ask(predictor, method, data)
    rows = row_count(data)
    if isinstance(expected, list) != isinstance(actual, list):
        return MethodReport(label, rows, problem=f"{type(actual).__name__} instead of {type(expected).__name__}")
    pairs = list(zip(actual, expected, strict=True)) if isinstance(expected, list) else [(actual, expected)]
    errors = np.zeros(rows)
    absolute = np.zeros(rows)
    differing = np.zeros(rows, np.bool_)
    for one, other in pairs:
        got, want = _dense(one), _dense(other)
        if got.shape != want.shape or got.dtype.kind != want.dtype.kind:
            problem = f"shape {got.shape} {got.dtype} instead of {want.shape} {want.dtype}"
            return MethodReport(label, rows, problem=problem)
        if _holds_labels(method, want, estimator):
            differing |= (got != want).reshape(rows, -1).any(axis=1)
            continue
        if method == "predict_log_proba":  # compared as probabilities: log turns one rounding near 0 into infinity
            got, want = np.exp(got), np.exp(want)
        errors = np.maximum(errors, _by_row(scaled_error(got, want)))
        with np.errstate(invalid="ignore"):
            difference = np.abs(got.astype(np.float64) - want.astype(np.float64))
        absolute = np.maximum(absolute, np.where(_by_row(scaled_error(got, want)) > 0, _by_row(difference), 0.0))
    ties = differing & (_margins(estimator, data, rows) <= bounds.margin) if differing.any() else differing
    loose = (differing & ~ties) | (errors > bounds.scaled)
    order = np.argsort(-(errors + differing), kind="stable")[:MOST_WORST]
    return MethodReport(
        label,
        rows,
        labels_differing=int(differing.sum()),
        near_ties=int(ties.sum()),
        max_absolute=float(np.nan_to_num(absolute, nan=np.inf).max(initial=0.0)),
        max_scaled=float(errors.max(initial=0.0)),
        loose_rows=int(loose.sum()),
        worst_rows=tuple(int(i) for i in order if errors[i] > 0 or differing[i]),
    )


def _dense(answer: Any) -> NDArray[Any]:
    return np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)


def _by_row(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(len(values), -1).max(axis=1, initial=0.0)


def _holds_labels(method: str, values: NDArray[Any], estimator: Any) -> bool:
    return method == "predict" and (values.dtype.kind != "f" or hasattr(estimator, "classes_"))


def _margins(estimator: Any, data: Any, rows: int) -> NDArray[np.float64]:
    """Return how far apart the estimator's two best scores are, relative to the larger; infinity where it has none."""
    for method in ("predict_proba", "decision_function"):
        if not hasattr(estimator, method):
            continue
        scores = ask(estimator, method, data)
        if isinstance(scores, list):
            break
        scores = np.asarray(scores, np.float64)
        if scores.ndim == 1:
            return np.abs(scores)
        best = np.sort(scores, axis=1)[:, -2:]
        return (best[:, 1] - best[:, 0]) / np.maximum(np.abs(best[:, 1]), 1e-300)
    return np.full(rows, np.inf)
