"""Make the rows on which a wrong model shows: on thresholds, missing, infinite, zero with a sign, very large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.table import numbers_at, replace_columns, row_count, take_rows
from bridge.errors import InputError
from bridge.verify.compare import ask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.data.schema import Column, Schema

BOUNDARY_PAIRS = 256
"""Pairs of rows between which a threshold is searched."""
LEAST_HALVINGS = 8
"""Between two rows of the same answer, a threshold may still show up in the first halvings."""
SPECIAL_ROWS = 64
JUMP = 1e-7
"""A smaller change between neighbouring inputs is the slope of a smooth model, not a threshold."""


def boundary_rows(estimator: Any, method: str, data: Any, schema: Schema, *, seed: int = 0) -> Any | None:
    """Return rows that lie on the estimator's own thresholds, and one representable number beside them.

    The estimator alone is asked: between two rows that differ in one float column and in the answer, the interval is
    halved until its ends are neighbouring numbers of the graph's input dtype. What is left are the last number on
    one side and the first on the other. Returns None where no column has a jump (a smooth model, or no float
    columns), and where the estimator refuses numbers between those of the data (labels).
    """
    floats = _float_positions(schema)
    count = row_count(data)
    if not floats or count < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn, column = np.unique(rng.integers(len(floats), size=BOUNDARY_PAIRS), return_inverse=True)
    positions = [list(floats)[i] for i in drawn]
    base = take_rows(data, rng.integers(count, size=BOUNDARY_PAIRS))
    other = take_rows(data, rng.integers(count, size=BOUNDARY_PAIRS))
    pick = np.arange(BOUNDARY_PAIRS)
    dtype = np.result_type(*[np.dtype(floats[p]) for p in positions])
    start = numbers_at(base, positions).astype(dtype)
    low = start[pick, column]
    high = numbers_at(other, positions).astype(dtype)[pick, column]

    def answer(values: NDArray[Any]) -> NDArray[np.float64]:
        numbers = start.copy()
        numbers[pick, column] = values
        table = replace_columns(base, {p: numbers[:, i] for i, p in enumerate(positions)})
        return _as_matrix(ask(estimator, method, table), len(values))

    keep = np.isfinite(low) & np.isfinite(high) & (low != high)
    high = np.where(keep, high, low)
    at_low, at_high = answer(low), answer(high)
    for halving in range(2 * np.finfo(dtype).nmant + 16):
        middle = (low / 2 + high / 2).astype(dtype)
        open_ = (middle != low) & (middle != high)
        if halving >= LEAST_HALVINGS and not (open_ & (_distance(at_low, at_high) > JUMP)).any():
            break  # what is still open is the slope of a smooth model
        at_middle = answer(np.where(open_, middle, low))
        same = (at_middle == at_low).all(axis=1)
        low = np.where(open_ & same, middle, low)
        high = np.where(open_ & ~same, middle, high)
        at_high = np.where((open_ & ~same)[:, None], at_middle, at_high)
    jumps = keep & (_distance(at_low, at_high) > JUMP)
    if not jumps.any():
        return None
    numbers = np.concatenate([start[jumps], start[jumps]])
    numbers[np.arange(len(numbers)), np.tile(column[jumps], 2)] = np.concatenate([low[jumps], high[jumps]])
    rows = take_rows(base, np.tile(np.flatnonzero(jumps), 2))
    return replace_columns(rows, {p: numbers[:, i] for i, p in enumerate(positions)})


def special_rows(data: Any, schema: Schema, *, wide: bool = True, negative: bool = True, seed: int = 0) -> Any | None:
    """Return rows with NaN, infinities, -0.0 and the smallest numbers wherever the model accepts them.

    With `wide` also large numbers, beside which those of the data vanish in float32; below zero only with `negative`.
    """
    columns = [c for c in schema.columns if c.tensor.startswith("float")]
    count = row_count(data)
    if not columns or not count:
        return None
    rng = np.random.default_rng(seed)
    rows = take_rows(data, rng.integers(count, size=SPECIAL_ROWS))
    changes = {}
    for column in columns:
        positions = _open_positions(column)
        numbers = numbers_at(rows, positions).astype(np.float64) if positions else np.zeros((0, 0))
        for position, values in zip(positions, numbers.T, strict=True):
            found = _specials(column, position - column.index, wide=wide)
            specials = np.array([v for v in found if negative or not v < 0])
            chosen = rng.integers(len(specials) * 3, size=SPECIAL_ROWS)  # two in three values stay as they are
            changes[position] = np.where(chosen < len(specials), specials[chosen % len(specials)], values)
    return replace_columns(rows, changes)


def accepted_rows(estimator: Any, method: str, data: Any) -> Any | None:
    """Return the rows that the estimator takes, found by halving: a logarithm refuses what is not above zero.

    Returns None where it takes none.
    """
    taken = _taken(estimator, method, data, np.arange(row_count(data)))
    return take_rows(data, taken) if taken.size else None


def _taken(estimator: Any, method: str, data: Any, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    try:
        ask(estimator, method, take_rows(data, rows))
    except InputError:
        if len(rows) == 1:
            return rows[:0]
        return np.concatenate([_taken(estimator, method, data, half) for half in np.array_split(rows, 2)])
    return rows


def _specials(column: Column, position: int, *, wide: bool) -> list[float]:
    values = [-0.0, 0.0, 1e-45, *([1e6, -1e6] if wide else [])]
    if column.takes("nan", position):
        values.append(np.nan)
    if column.takes("inf", position):
        values += [np.inf, -np.inf]
    return values


def _float_positions(schema: Schema) -> dict[int, str]:
    floats = [c for c in schema.columns if c.tensor.startswith("float")]
    return {position: c.tensor for c in floats for position in _open_positions(c)}


def _open_positions(column: Column) -> list[int]:
    """Return where in the table the columns of an input are; without those that hold only an encoder's categories."""
    return [column.index + i for i in range(column.width) if not column.is_checked(i)]


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by row how far two answers are apart, in the value where they are farthest."""
    return np.asarray(np.abs(one - other).max(axis=1, initial=0.0))


def _as_matrix(answer: Any, rows: int) -> NDArray[np.float64]:
    """Return an answer as finite numbers (rows, values); labels by their position among those that occur."""
    if isinstance(answer, (list, tuple)):
        return np.hstack([_as_matrix(a, rows) for a in answer])
    if rows and getattr(answer, "ndim", 0) == 1 and isinstance(answer[0], np.ndarray):
        return np.array([[len(one), one.sum()] for one in answer], np.float64)
    dense = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    if dense.dtype.kind == "O":  # text beside numbers has no order
        dense = np.array(list(map(repr, dense.ravel().tolist())))
    if dense.dtype.kind not in "fiub":
        dense = np.unique(dense, return_inverse=True)[1]
    return np.nan_to_num(dense.astype(np.float64).reshape(rows, -1), nan=-1e300)
