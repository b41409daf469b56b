"""The bounds that decide whether two answers are equal, each with its derivation.

Errors are *scaled*: the absolute difference divided by the larger of the reference's own size and the typical size
(root mean square) of its column, so that a value near zero in a column of thousands is not held to its own digits.

What scikit-learn's KernelDensity loses by subtracting is derived in bridge.verify.density, from its tree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLOAT64_UNIT = float(np.finfo(np.float64).epsneg)
FLOAT32_UNIT = float(np.finfo(np.float32).epsneg)
"""The relative errors of one rounding, 2**-53 and 2**-24."""


@dataclass(frozen=True)
class Bounds:
    """What counts as equal.

    Attributes
    ----------
    scaled
        The largest scaled error of a value.
    margin
        A label may differ where the estimator's own two best scores are closer than this: rounding decides there.
    loose_rows
        The share of rows that may exceed `scaled` or differ in the label without such a margin.
    unit
        The relative error of one rounding in the model's own arithmetic.
    absolute_probabilities
        Whether a probability is held to its absolute error.
    smallest
        Errors up to this are none: float32 has nothing but 0, and on some machines not even that, below 2**-126.
    """

    scaled: float
    margin: float
    loose_rows: float
    unit: float = FLOAT64_UNIT
    absolute_probabilities: bool = False
    smallest: float = 0.0


# A sum of n terms in another order differs by at most n * eps relative to the sum of magnitudes (Higham 2002,
# section 4.2). 1e5 terms, times 10 for cancellation: 1e6 * 2**-53 is 1e-10.
_EXACT = Bounds(scaled=1e-10, margin=1e-12, loose_rows=0.0)

# The same bound with 2**-24 and 1e3 terms is 6e-5. A decision after float32 arithmetic can fall on the other side
# where the float64 value lies within one rounding of a threshold: no more than 3 rows in 100,000.
_FLOAT32 = Bounds(scaled=6e-5, margin=6e-5, loose_rows=3e-5, unit=FLOAT32_UNIT, smallest=2.0**-126)

# A library that computes in float32 itself (XGBoost) has its own rounding in every answer: it is met to that, and
# its labels to the ties that float32 sums make.
_FLOAT32_LIBRARY = Bounds(scaled=_FLOAT32.scaled, margin=1e-6, loose_rows=0.0, smallest=_FLOAT32.smallest)

ROOM = 0.5
"""Errors on a sample of up to this share of the bound leave room for other rows: of normal errors, the largest of 1e6
is twice that of 60."""

PROBABILITIES = frozenset({"predict_proba", "predict_log_proba"})
"""Methods whose answers are, or are compared as, numbers from 0 to 1."""

# 2**-11 for each of four roundings in a row (operand, weight, result, sum of the results) is 2e-3, where the terms of a
# sum are rounded on their own and not all to one side. Two scores may each move by that.
# Of a probability it is the absolute error: a softmax moves by no more than its scores, whatever the probability.
_FLOAT16 = Bounds(
    scaled=2e-3, margin=4e-3, loose_rows=_FLOAT32.loose_rows, unit=FLOAT32_UNIT, absolute_probabilities=True
)

_BOUNDS = {"exact": _EXACT, "float32": _FLOAT32, "float16": _FLOAT16}


def bounds_for(precision: str, *, float32_library: bool = False) -> Bounds:
    """Return the bounds for a precision; those of float32 for a model whose precision is not known.

    `float32_library` says that the estimator itself answers in float32.
    """
    bounds = _BOUNDS.get(precision, _FLOAT32)
    return _FLOAT32_LIBRARY if float32_library and bounds is _EXACT else bounds


def scaled_error(actual: np.ndarray, expected: np.ndarray, *, one: bool = False, smallest: float = 0.0) -> np.ndarray:
    """Return the scaled error of every value; equal infinities and NaN on both sides count as 0, else as infinity.

    With `one` the size of every value is taken to be 1. Differences up to `smallest` count as 0.
    """
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        finite = np.isfinite(expected)
        known = np.where(finite, expected, 0.0)
        largest = np.abs(known).max(axis=0, keepdims=True, initial=0.0)  # whose square may be beyond float64
        shares = known / np.where(largest > 0, largest, 1.0)
        typical = largest * np.sqrt(np.sum(np.square(shares), axis=0, keepdims=True) / max(len(expected), 1))
        size = np.maximum(np.abs(expected), typical)
        error = np.abs(actual - expected) / np.where((size > 0) & (not one), size, 1.0)
        same = (actual == expected) | (np.abs(actual - expected) <= smallest) | (np.isnan(actual) & np.isnan(expected))
        return np.where(same, 0.0, np.where(finite & np.isfinite(actual), error, np.inf))
