"""Make the rows on which a wrong model shows: on thresholds, missing, infinite, zero with a sign, very large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.table import column_at, replace_columns, row_count, take_rows
from bridge.verify.compare import ask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.data.schema import Column, Schema

BOUNDARY_PAIRS = 256
"""Pairs of rows between which a threshold is searched."""
SPECIAL_ROWS = 64
JUMP = 1e-7
"""A smaller change between neighbouring inputs is the slope of a smooth model, not a threshold."""


def boundary_rows(estimator: Any, method: str, data: Any, schema: Schema, *, seed: int = 0) -> Any | None:
    """Return rows that lie on the estimator's own thresholds, and one representable number beside them.

    The estimator alone is asked: between two rows that differ in one float column and in the answer, the interval is
    halved until its ends are neighbouring numbers of the graph's input dtype. What is left are the last number on
    one side and the first on the other. Returns None where no column has a jump (a smooth model, or no float
    columns).
    """
    positions = _float_positions(schema)
    count = row_count(data)
    if not positions or count < 2:
        return None
    rng = np.random.default_rng(seed)
    column = rng.integers(len(positions), size=BOUNDARY_PAIRS)
    base = take_rows(data, rng.integers(count, size=BOUNDARY_PAIRS))
    other = take_rows(data, rng.integers(count, size=BOUNDARY_PAIRS))
    pick = np.arange(BOUNDARY_PAIRS)
    dtypes = [np.dtype(dtype) for dtype in positions.values()]
    dtype = np.result_type(*dtypes)
    start = np.column_stack([column_at(base, p) for p in positions]).astype(dtype)
    low = start[pick, column]
    high = np.column_stack([column_at(other, p) for p in positions]).astype(dtype)[pick, column]

    def answer(values: NDArray[Any]) -> NDArray[np.float64]:
        numbers = start.copy()
        numbers[pick, column] = values
        table = replace_columns(base, {p: numbers[:, i] for i, p in enumerate(positions)})
        return _as_matrix(ask(estimator, method, table), len(values))

    keep = np.isfinite(low) & np.isfinite(high) & (low != high)
    high = np.where(keep, high, low)
    at_low, at_high = answer(low), answer(high)
    for _ in range(2 * np.finfo(dtype).nmant + 16):
        middle = (low / 2 + high / 2).astype(dtype)
        open_ = (middle != low) & (middle != high)
        if not open_.any():
            break
        at_middle = answer(np.where(open_, middle, low))
        same = (at_middle == at_low).all(axis=1)
        low = np.where(open_ & same, middle, low)
        high = np.where(open_ & ~same, middle, high)
        at_high = np.where((open_ & ~same)[:, None], at_middle, at_high)
    jumps = keep & (np.abs(at_high - at_low).max(axis=1, initial=0.0) > JUMP)
    if not jumps.any():
        return None
    numbers = np.concatenate([start[jumps], start[jumps]])
    numbers[np.arange(len(numbers)), np.tile(column[jumps], 2)] = np.concatenate([low[jumps], high[jumps]])
    rows = take_rows(base, np.tile(np.flatnonzero(jumps), 2))
    return replace_columns(rows, {p: numbers[:, i] for i, p in enumerate(positions)})


def special_rows(data: Any, schema: Schema, *, wide: bool = True, seed: int = 0) -> Any | None:
    """Return rows with NaN, infinities, -0.0 and the smallest numbers wherever the model accepts them.

    With `wide` also large numbers, beside which those of the data vanish in float32.
    """
    columns = [c for c in schema.columns if c.tensor.startswith("float")]
    count = row_count(data)
    if not columns or not count:
        return None
    rng = np.random.default_rng(seed)
    rows = take_rows(data, rng.integers(count, size=SPECIAL_ROWS))
    changes = {}
    for column in columns:
        for position in _open_positions(column):
            values = np.array(column_at(rows, position), np.float64)
            specials = _specials(column, wide=wide)
            chosen = rng.integers(len(specials) * 3, size=SPECIAL_ROWS)  # two in three values stay as they are
            values = np.where(chosen < len(specials), np.array(specials)[chosen % len(specials)], values)
            changes[position] = values
    return replace_columns(rows, changes)


def _specials(column: Column, *, wide: bool) -> list[float]:
    values = [-0.0, 0.0, 1e-45, *([1e6, -1e6] if wide else [])]
    if column.allow_nan:
        values.append(np.nan)
    if column.allow_inf:
        values += [np.inf, -np.inf]
    return values


def _float_positions(schema: Schema) -> dict[int, str]:
    floats = [c for c in schema.columns if c.tensor.startswith("float")]
    return {position: c.tensor for c in floats for position in _open_positions(c)}


def _open_positions(column: Column) -> list[int]:
    """Return where in the table the columns of an input are; without those that hold only an encoder's categories."""
    return [column.index + i for i in range(column.width) if not column.is_checked(i)]


def _as_matrix(answer: Any, rows: int) -> NDArray[np.float64]:
    """Return an answer as finite numbers (rows, values); labels by their position among those that occur."""
    if isinstance(answer, list):
        return np.hstack([_as_matrix(a, rows) for a in answer])
    dense = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    if dense.dtype.kind not in "fiub":
        dense = np.unique(dense, return_inverse=True)[1]
    return np.nan_to_num(dense.astype(np.float64).reshape(rows, -1), nan=-1e300)
