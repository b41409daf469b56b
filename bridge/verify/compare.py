"""Compare a model with its estimator, method by method, on data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.frame import frame_columns, is_frame, missing_mask
from bridge.data.schema import is_sparse
from bridge.data.table import numbers_at, replace_columns, row_count, take_rows
from bridge.errors import BridgeError, InputError
from bridge.method import SEARCHES, answer
from bridge.verify.density import errors_from_density
from bridge.verify.inner import inner_model
from bridge.verify.report import MethodReport, Report
from bridge.verify.rounding import answers_moved_by_rounding
from bridge.verify.stops import answers_at_other_stops
from bridge.verify.ties import counts_equals, distances_of, in_one_thread, possible_by_ties
from bridge.verify.tolerance import FLOAT64_UNIT, PROBABILITIES, ROOM, Bounds, bounds_for, scaled_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bridge.method import Method
    from bridge.runtime.predictor import Predictor

MOST_WORST = 5
MOST_VALUES = 2**22
"""Of sparse answers so many values are compared at once."""
MOST_UNSEEN = 4
"""A few tries of moving rows by rounding show its usual size, not the largest."""
MOST_SLOPE = 1e-6
"""How far last bits move an answer along a slope; a decision moves it by more, and exact models decide like theirs."""
MOST_ROUNDINGS = 16
"""Gaussian processes without noise, 40 pairs of kernels and data: no answer differed by more than 11 roundings."""


def compare(estimator: Any, predictor: Predictor, data: Any, *, suffix: str = "") -> Report:
    """Return how the predictor's answers for `data` differ from the estimator's, for every method it has."""
    precision = predictor.metadata.precision
    is_float32 = predictor.metadata.sums_float32 or any(m.dtype == "float32" for m in predictor.methods)
    bounds = bounds_for(precision, float32_library=is_float32)
    with in_one_thread():
        reports = [
            compare_method(estimator, predictor, data, m.name, bounds, label=m.name + suffix) for m in predictor.methods
        ]
    return Report(tuple(reports), bounds, precision)


def ask(model: Any, method: str, data: Any) -> Any:
    """Return what `model` answers to a method, without warnings: log(0) is part of the answer.

    Raises `InputError` where the model refuses the data.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return answer(model, method, data)
    except BridgeError:
        raise
    except Exception as error:  # estimators refuse with whatever their code happens to raise
        raise InputError(f"{type(model).__name__}.{method} itself refuses this data: {error}") from error


def compare_method(
    estimator: Any, predictor: Predictor, data: Any, method: str, bounds: Bounds, *, label: str
) -> MethodReport:
    """Return the comparison of one method.

    A row beyond the bound is explained, and does not count against the model, where rounding decides: the estimator's
    own two best scores agree to rounding, or the model takes float32 and the estimator itself gives the model's
    answer for the row in float32, or the estimator's own float64 sums cancel to less (`Method.rounding`), or the
    estimator stops an iteration elsewhere where rounding decides (`bridge.verify.stops`), or the
    estimator's own answer moves as far when the row moves by its last bits: along a slope (the cosine of a sum of large
    numbers), or, where the model does not decide exactly, by a decision.
    """
    rows = row_count(data)
    made = next(m for m in predictor.methods if m.name == method)
    expected, actual = _ask_by_row(estimator, made, data), _ask_by_row(predictor, made, data)
    if problem := _mismatch(actual, expected):
        return MethodReport(label, rows, problem=problem)
    found = _differences(actual, expected, made, estimator, bounds, rows)
    off = np.flatnonzero(found.scaled > ROOM * bounds.scaled) if method == "score_samples" else np.zeros(0, np.intp)
    off, errors = errors_from_density(estimator, data, off, actual, expected)
    found.beyond_rounding[off] = found.curable[off] = errors
    loose = found.labels | (found.scaled > bounds.scaled)
    explained = ~found.labels & (found.beyond_rounding <= bounds.scaled)
    if found.labels.any() and method in SEARCHES:
        unlike = np.flatnonzero(found.labels & (found.beyond_rounding <= bounds.scaled))
        explained[unlike] = _name_ties(estimator, made, take_rows(data, unlike), unlike, actual, expected, bounds)
    elif found.labels.any():
        explained |= found.labels & (_margins(estimator, data, rows) <= bounds.margin)
    suspects = np.flatnonzero(loose & ~explained)
    if suspects.size and not isinstance(actual, (list, tuple)):
        given, wanted = (_dense_rows(answers, suspects) for answers in (actual, expected))
        inner, rows_within = inner_model(estimator, take_rows(data, suspects))
        explained[suspects] = possible_by_ties(inner, method, rows_within, given, wanted, bounds)
        suspects = suspects[~explained[suspects]]
    if suspects.size:
        explained[suspects] = _explained_by_input(estimator, predictor, take_rows(data, suspects), made, bounds)
        suspects = suspects[~explained[suspects]]
        explained[suspects] = _explained_by_stops(estimator, made, data, suspects, actual, expected, bounds)
        suspects = suspects[~explained[suspects]]
    suspects = np.setdiff1d(suspects, off)  # where the estimator's own answers are rounding, they move by any amount
    if suspects.size and not counts_equals(estimator):
        decides_exactly = predictor.metadata.exact_decisions
        spread = np.zeros(rows)
        columns = predictor.metadata.schema.columns
        for again in answers_moved_by_rounding(
            partial(_ask_by_row, estimator, made), data, suspects, columns, expected
        ):
            spread = np.maximum(spread, _differences(again, expected, made, estimator, bounds, rows).scaled)
            if not decides_exactly:
                explained |= found.labels & ~_differences(actual, again, made, estimator, bounds, rows).labels
        is_slope = spread <= MOST_SLOPE if decides_exactly else True
        explained |= ~found.labels & is_slope & (found.scaled <= MOST_UNSEEN * spread)
    order = np.argsort(-(found.scaled + found.labels), kind="stable")[:MOST_WORST]
    return MethodReport(
        label,
        rows,
        labels_differing=int(found.labels.sum()),
        explained=int((loose & explained).sum()),
        max_absolute=float(found.absolute.max(initial=0.0)),
        max_scaled=float(found.scaled.max(initial=0.0)),
        max_curable=float(found.curable[~found.labels & (found.beyond_rounding <= bounds.scaled)].max(initial=0.0)),
        typical_scaled=float(np.median(found.scaled)) if rows else 0.0,
        loose_rows=int((loose & ~explained).sum()),
        worst_rows=tuple(int(i) for i in order if found.scaled[i] > 0 or found.labels[i]),
    )


def _ask_by_row(model: Any, method: Method, data: Any) -> Any:
    """Return `model.method(data)` with the rows on the first axis."""
    found = ask(model, method.name, data)
    if method.each > 1:
        found = found.reshape(-1, method.each, *found.shape[1:])
    return np.moveaxis(found, method.row_axis, 0) if method.row_axis else found


@dataclass(frozen=True)
class _Differences:
    """By row: whether a label differs, and the largest errors; of all values, or beyond `Method.rounding`.

    `curable` are those beyond the rounding of the estimator's own float64, which more digits would cure.
    """

    labels: NDArray[np.bool_]
    absolute: NDArray[np.float64]
    scaled: NDArray[np.float64]
    beyond_rounding: NDArray[np.float64]
    curable: NDArray[np.float64]


def _pairs(actual: Any, expected: Any) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield the arrays to compare; of sparse matrices the columns in which either has entries, some at once."""
    if isinstance(expected, (list, tuple)):
        for a, e in zip(actual, expected, strict=True):
            yield _alike(_dense(a), _dense(e))
        return
    if not (is_sparse(actual) and is_sparse(expected)):
        yield _dense(actual), _dense(expected)
        return
    got, want = actual.tocsc(), expected.tocsc()
    used = np.flatnonzero((np.diff(got.indptr) > 0) | (np.diff(want.indptr) > 0))
    size = max(1, MOST_VALUES // max(1, want.shape[0]))
    for start in range(0, len(used), size):
        columns = used[start : start + size]
        yield got[:, columns].toarray(), want[:, columns].toarray()


def _alike(got: NDArray[Any], want: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two arrays; arrays of arrays as matrices, filled up with NaN or -1."""
    if not (want.dtype.kind == "O" and want.size and isinstance(want.flat[0], np.ndarray)):
        return got, want
    width = max(len(row) for array in (got, want) for row in array)
    is_index = want[0].dtype.kind == "i"
    filled = np.full((2, len(want), width), -1 if is_index else np.nan, np.int64 if is_index else np.float64)
    for matrix, array in zip(filled, (got, want), strict=True):
        for line, row in zip(matrix, array, strict=True):
            line[: len(row)] = row
    return filled[0], filled[1]


def _mismatch(actual: Any, expected: Any) -> str:
    """Return why two answers cannot be compared, or an empty text."""
    for kind in (list, tuple):
        if isinstance(expected, kind) != isinstance(actual, kind):
            return f"{type(actual).__name__} instead of {type(expected).__name__}"
    if is_frame(actual) and is_frame(expected) and frame_columns(actual) != frame_columns(expected):
        return f"columns {frame_columns(actual)} instead of {frame_columns(expected)}"
    are_sparse = is_sparse(actual) and is_sparse(expected)
    for got, want in [(actual, expected)] if are_sparse else _pairs(actual, expected):
        if got.shape != want.shape or _family(got) != _family(want):
            return f"shape {got.shape} {got.dtype} instead of {want.shape} {want.dtype}"
    return ""


def _family(values: Any) -> str:
    """Return what kind of values an answer holds: a plain model gives text as objects."""
    kind = str(values.dtype.kind)
    return {"U": "text", "O": "text", "u": "integers", "i": "integers"}.get(kind, kind)


def _differences(actual: Any, expected: Any, method: Method, estimator: Any, bounds: Bounds, rows: int) -> _Differences:
    labels = np.zeros(rows, np.bool_)
    absolute, scaled, beyond, curable = np.zeros(rows), np.zeros(rows), np.zeros(rows), np.zeros(rows)
    own = replace(bounds, unit=FLOAT64_UNIT)
    for got, want in _pairs(actual, expected):
        if _holds_labels(method.name, want, estimator) or (method.tuple_of and want.dtype.kind == "i"):
            labels |= (got != want).reshape(rows, -1).any(axis=1)
            continue
        if want.dtype.kind in "OU":
            differs, got, want = _apart_from_text(got, want)  # noqa: PLW2901
            labels |= differs.reshape(rows, -1).any(axis=1)
        if method.name == "predict_log_proba":  # compared as probabilities: log turns one rounding near 0 into infinity
            got, want = np.exp(got), np.exp(want)  # noqa: PLW2901
        if method.roots:  # compared as squares: a root turns one rounding of 1e-16 near 0 into 1e-8
            got, want = np.square(got), np.square(want)  # noqa: PLW2901
        is_share = bounds.absolute_probabilities and method.name in PROBABILITIES
        error = scaled_error(got, want, one=is_share, smallest=bounds.smallest)
        with np.errstate(invalid="ignore"):
            distance = np.abs(got.astype(np.float64) - want.astype(np.float64))
        absolute = np.maximum(absolute, _by_row(np.where(error > 0, np.nan_to_num(distance, nan=np.inf), 0.0)))
        scaled = np.maximum(scaled, _by_row(error))
        beyond = np.maximum(beyond, _by_row(np.where(distance <= _roundings(want, method, bounds), 0.0, error)))
        curable = np.maximum(curable, _by_row(np.where(distance <= _roundings(want, method, own), 0.0, error)))
    return _Differences(labels, absolute, scaled, beyond, curable)


def _apart_from_text(
    got: NDArray[Any], want: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Return where two answers differ in anything but numbers, and their numbers, NaN elsewhere."""
    got, want = got.astype(object), want.astype(object)
    pairs = list(zip(got.ravel().tolist(), want.ravel().tolist(), strict=True))
    both = np.array([isinstance(g, Real) and isinstance(w, Real) for g, w in pairs], np.bool_).reshape(want.shape)
    missing = missing_mask(got.ravel()) & missing_mask(want.ravel())
    differs = ~both.ravel() & ~missing & np.array([g is not w and g != w for g, w in pairs], np.bool_)
    numbers = [np.where(both, values, np.nan).astype(np.float64) for values in (got, want)]
    return differs.reshape(want.shape), numbers[0], numbers[1]


def _roundings(want: NDArray[Any], method: Method, bounds: Bounds) -> NDArray[np.float64]:
    """Return, broadcast against `want`, by how much rounding alone may move the estimator's answers; 0 if not known.

    It is in proportion where an answer is larger than where it was measured. In a model that itself computes in float32
    each rounding is so much larger, as long as it is small beside the largest answer where it was measured.
    """
    if not method.rounding:
        return np.zeros([1] * want.ndim)
    size = _by_row(np.abs(np.nan_to_num(want.astype(np.float64))))
    growth = np.maximum(1.0, size / (method.rounding_size or np.inf))
    error = MOST_ROUNDINGS * method.rounding
    if bounds.unit > FLOAT64_UNIT:
        error = max(error, min(error * bounds.unit / FLOAT64_UNIT, bounds.scaled * method.rounding_size))
    return np.asarray(error * growth).reshape(-1, *[1] * (want.ndim - 1))


def _name_ties(
    estimator: Any, method: Method, data: Any, rows: NDArray[np.intp], actual: Any, expected: Any, bounds: Bounds
) -> NDArray[np.bool_]:
    """Return for which of these rows the estimator finds every neighbour named at the distance that is expected."""
    if not rows.size:
        return np.zeros(0, np.bool_)
    wanted = tuple(part[rows] for part in expected)
    own = distances_of(estimator, method.name, data, actual[1][rows], wanted)
    found = _differences((own, wanted[1]), wanted, method, estimator, bounds, len(rows))
    return np.asarray(found.beyond_rounding <= bounds.scaled)


def _explained_by_input(
    estimator: Any, predictor: Predictor, suspects: Any, method: Method, bounds: Bounds
) -> NDArray[np.bool_]:
    """Return for which rows the estimator gives the model's answer for numbers that are the same in float32.

    A model with float32 inputs cannot tell the numbers apart that round to one float32. The estimator is asked for that
    float32, and for the lowest number that rounds to it, because a threshold among them sends all of them left.
    """
    explained = np.zeros(row_count(suspects), np.bool_)
    narrow = [c.index + i for c in predictor.metadata.schema.columns if c.tensor == "float32" for i in range(c.width)]
    if not narrow:
        return explained
    actual = _ask_by_row(predictor, method, suspects)
    numbers = numbers_at(suspects, narrow).astype(np.float64)
    for rounding in (_rounded, _lowest_alike):
        same = replace_columns(suspects, dict(zip(narrow, rounding(numbers).T, strict=True)))
        try:
            expected = _ask_by_row(estimator, method, same)
        except InputError:  # a number just outside of what the estimator takes
            continue
        found = _differences(actual, expected, method, estimator, bounds, len(explained))
        explained |= ~found.labels & (found.beyond_rounding <= bounds.scaled)
    return explained


def _explained_by_stops(
    estimator: Any, method: Method, data: Any, rows: NDArray[np.intp], actual: Any, expected: Any, bounds: Bounds
) -> NDArray[np.bool_]:
    """Return for which of these rows the model's answer is the estimator's own at a stop that rounding may choose."""
    explained = np.zeros(len(rows), np.bool_)
    for again in answers_at_other_stops(estimator, data, rows):
        other = np.array(expected)
        other[rows] = again
        found = _differences(actual, other, method, estimator, bounds, len(other))
        explained |= found.scaled[rows] <= bounds.scaled
    return explained


def _rounded(values: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float64)


def _lowest_alike(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the lowest float64 that rounds to the same float32 as each value."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = values.astype(np.float32)
        below = np.nextafter(narrow, np.float32(-np.inf)).astype(np.float64)
        edge = np.nextafter((narrow.astype(np.float64) + below) / 2, np.inf)
    return np.where(np.isfinite(edge), edge, narrow.astype(np.float64))


def _dense(given: Any) -> NDArray[Any]:
    return np.asarray(given.toarray() if hasattr(given, "toarray") else given)


def _dense_rows(given: Any, rows: NDArray[np.intp]) -> NDArray[Any]:
    return np.asarray(given)[rows] if is_frame(given) else _dense(given[rows])


def _by_row(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(values.reshape(len(values), -1).max(axis=1, initial=0.0))


def _holds_labels(method: str, values: NDArray[Any], estimator: Any) -> bool:
    """Return whether an answer names classes; CatBoost's regressors have `classes_` too, and answer with numbers."""
    if method != "predict" or values.dtype.kind != "f":
        return method == "predict"
    classes = getattr(estimator, "classes_", ())
    return bool(np.isin(values, np.concatenate(classes) if isinstance(classes, list) else classes).all())


def _margins(estimator: Any, data: Any, rows: int) -> NDArray[np.float64]:
    """Return how far apart the estimator's two best scores are, relative to the larger; infinity where it has none."""
    for method in ("predict_proba", "decision_function"):
        if not hasattr(estimator, method):
            continue
        try:
            scores = ask(estimator, method, data)
        except InputError:  # as GaussianProcessClassifier's probabilities for "one_vs_one"
            continue
        if isinstance(scores, list):
            break
        scores = np.asarray(scores, np.float64)
        if scores.ndim == 1:
            return np.asarray(np.abs(scores))
        best = np.sort(scores, axis=1)[:, -2:]
        return np.asarray((best[:, 1] - best[:, 0]) / np.maximum(np.abs(best[:, 1]), 1e-300))
    return np.full(rows, np.inf)
