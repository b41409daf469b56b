"""A second, plain comparison of two answers: container, shape, dtype and labels, without bridge's own code."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

TIE = 1e-12
"""As in bridge.verify.tolerance: a label may differ where the estimator's own two best scores are closer than this."""


def differences(expected: Any, actual: Any, ties: Any) -> str:
    """Return what differs besides numbers, or an empty text; labels may differ in the rows of `ties`."""
    if isinstance(expected, (list, tuple)):
        if type(actual) is not type(expected) or len(actual) != len(expected):
            return f"a {type(actual).__name__} instead of a {type(expected).__name__} of {len(expected)}"
        return next(filter(None, map(differences, expected, actual, [ties] * len(expected))), "")
    formats = [
        getattr(answer, "format", "dense") if sparse.issparse(answer) else "dense" for answer in (actual, expected)
    ]
    if formats[0] != formats[1]:
        return f"{formats[0]} instead of {formats[1]}"
    if sparse.issparse(expected):
        return _sparse_differences(expected, actual, ties)
    if hasattr(expected, "columns"):
        return _frame_differences(expected, actual, ties)
    is_array = isinstance(actual, np.ndarray)
    return _array_differences(np.asarray(expected), actual, ties) if is_array else _no_array(actual)


def _no_array(actual: Any) -> str:
    return f"a {type(actual).__name__} instead of an array"


def _sparse_differences(expected: Any, actual: Any, ties: Any) -> str:
    if actual.shape != expected.shape:
        return f"shape {actual.shape} instead of {expected.shape}"
    used = np.union1d(actual.nonzero()[1], expected.nonzero()[1])  # of a million columns few have entries
    return _array_differences(expected.tocsc()[:, used].toarray(), actual.tocsc()[:, used].toarray(), ties)


def _frame_differences(expected: Any, actual: Any, ties: Any) -> str:
    if type(actual) is not type(expected):
        return f"a {type(actual).__name__} instead of a {type(expected).__module__} frame"
    if list(actual.columns) != list(expected.columns):
        return f"columns {list(actual.columns)} instead of {list(expected.columns)}"
    if list(actual.dtypes) != list(expected.dtypes):
        return f"dtypes {list(actual.dtypes)} instead of {list(expected.dtypes)}"
    if hasattr(expected, "index") and list(actual.index) != list(expected.index):
        return "another index"
    return _array_differences(expected.to_numpy(), actual.to_numpy(), ties)


def _array_differences(expected: Any, actual: Any, ties: Any) -> str:
    if actual.shape != expected.shape:
        return f"shape {actual.shape} instead of {expected.shape}"
    if actual.dtype != expected.dtype:
        return f"dtype {actual.dtype} instead of {expected.dtype}"
    if expected.dtype == object and len(expected) and isinstance(expected.flat[0], np.ndarray):  # as many as are near
        pairs = zip(expected.flat, actual.flat, strict=True)
        return next((f"dtype {a.dtype} instead of {e.dtype}" for e, a in pairs if e.dtype != a.dtype), "")
    return _labels(expected, actual, ties) if expected.dtype.kind in "biuUO" else ""


def _labels(expected: Any, actual: Any, ties: Any) -> str:
    rows = len(expected)
    both_missing = np.array([e != e and a != a for e, a in zip(expected.ravel(), actual.ravel(), strict=True)], bool)  # noqa: PLR0124
    both_floats = [
        isinstance(e, float) and isinstance(a, float) for e, a in zip(expected.flat, actual.flat, strict=True)
    ]
    if expected.dtype == object:  # floats among text, which bridge.verify compares
        both_missing |= np.array(both_floats, bool)
    differ = ((expected != actual) & ~both_missing.reshape(expected.shape)).reshape(rows, -1).any(axis=1)
    bad = np.flatnonzero(differ & ~ties(rows))
    return f"{len(bad)} of {rows} labels: {actual[bad[0]]} instead of {expected[bad[0]]}" if len(bad) else ""


def tied_rows(estimator: Any, rows: Any) -> Any:
    """Return a function that says in which of the rows rounding decides between the estimator's two best scores."""

    def ties(count: int) -> Any:
        for method in ("predict_proba", "decision_function"):
            if not hasattr(estimator, method):
                continue
            try:
                scores = getattr(estimator, method)(rows)
            except Exception:  # noqa: BLE001 - some have the method and raise
                continue
            if isinstance(scores, list):
                break
            if np.ndim(scores) == 1:
                return np.abs(scores) <= TIE
            best = np.sort(scores, axis=1)[:, -2:]
            return best[:, -1] - best[:, 0] <= TIE * np.abs(best[:, -1])
        return np.zeros(count, bool)

    return ties
