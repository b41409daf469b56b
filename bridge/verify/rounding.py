"""Move the numbers of rows by their last bits: how far an answer then moves is what rounding may do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.table import numbers_at, replace_columns, take_rows
from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from bridge.data.schema import Column

TRIES = 8
BACKWARD_ERROR = 16
"""By how many last bits of its terms a sum of some dozens may be wrong (Higham 2002, section 4.2: by n)."""


MOST_ALONE = 64
"""Rows that the estimator is asked about one by one."""


def answers_moved_by_rounding(
    question: Callable[[Any], Any], data: Any, rows: NDArray[np.intp], columns: Sequence[Column], expected: Any
) -> Iterator[Any]:
    """Yield the estimator's answers for `data` with `rows` moved by their last bits: in their batch, and each alone.

    An algorithm that is backward stable answers right for numbers moved by some last bits, which it cannot tell from
    those given (Higham 2002, section 1.5); products of matrices round a row otherwise in another batch. How far these
    answers lie from `expected`, the estimator's own, is what its rounding decides, and what a model may differ by.
    """
    for moved in rows_moved_by_rounding(data, rows, columns):
        try:
            yield question(moved)
            if isinstance(expected, np.ndarray) and expected.dtype.kind == "f":
                again = expected.copy()
                for row in rows[:MOST_ALONE]:
                    again[row] = question(take_rows(moved, np.array([row])))[0]
                yield again
        except InputError:  # a number just outside of what the estimator takes
            continue


def rows_moved_by_rounding(
    data: Any, rows: NDArray[np.intp], columns: Sequence[Column], *, seed: int = 0
) -> Iterator[Any]:
    """Yield `data` with the floats of `rows` moved by up to 16 units in the last place, at random.

    The unit is that of the input's dtype in the file. Numbers keep their signs, 0 and what is not finite stays; the
    other rows stay too, since some estimators round a row according to its place in the batch.
    """
    open_columns = [c for c in columns if c.tensor.startswith("float")]
    positions = [c.index + i for c in open_columns for i in range(c.width) if not c.is_checked(i)]
    units = [float(np.finfo(c.tensor).eps) for c in open_columns for i in range(c.width) if not c.is_checked(i)]
    if not positions:
        return
    rng = np.random.default_rng(seed)
    start = numbers_at(data, positions)
    for _ in range(TRIES):
        numbers = start.copy()
        bits = rng.integers(-BACKWARD_ERROR, BACKWARD_ERROR, endpoint=True, size=(len(rows), len(positions)))
        numbers[rows] = numbers[rows] * (1 + bits * np.array(units))
        yield replace_columns(data, {p: numbers[:, i] for i, p in enumerate(positions)})
