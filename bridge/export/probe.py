"""Ask a fitted estimator what it accepts: NaN, infinities, other column orders, bare arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.frame import frame_columns, missing_mask
from bridge.data.table import replace_columns, row_count, select_columns, take_rows
from bridge.export.asking import answer_quietly

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bridge.data.schema import Column, Schema

MOST_PROBES = 200
"""An estimator is asked about values at most this often; columns not told apart by then count as refusing."""
HUGE = 1e300
"""A number beyond float32."""
ORDER_ROWS = 50
"""Rows on which an estimator that knows no column names shows whether it reads columns by name or by position."""


def probe_schema(estimator: Any, schema: Schema, sample: Any, methods: Sequence[str]) -> Schema:
    """Return `schema` with what `estimator` accepts in each column, found by asking it with one row."""
    row = take_rows(sample, np.zeros(1, np.int64))
    ask = _Question(estimator, methods[0], iter(range(MOST_PROBES)))
    return _probe_order(estimator, _probe_values(schema, row, ask), sample, methods)


@dataclass(frozen=True)
class _Question:
    """One method of an estimator, and how often it may still be asked."""

    estimator: Any
    method: str
    budget: Iterator[int]

    def accepts(self, data: Any) -> bool:
        return next(self.budget, None) is not None and _answer(self.estimator, self.method, data) is not None


def _answer(estimator: Any, method: str, data: Any) -> Any:
    """Return the estimator's answer, or None where it refuses."""
    try:
        return answer_quietly(estimator, method, data)
    except Exception:  # noqa: BLE001 -- estimators refuse with whatever their code happens to raise
        return None


def _probe_values(schema: Schema, row: Any, ask: _Question) -> Schema:
    floats = [c for c in schema.columns if c.tensor.startswith("float")]
    texts = [c for c in schema.columns if c.is_text]
    # Only pandas and NumPy hold NaN beside text; elsewhere None is the one missing value.
    holds_nan = not hasattr(row, "with_columns") and not hasattr(row, "column_names")
    takes_none = _columns_that_take(None, texts, row, ask)
    takes_nan = _columns_that_take(np.nan, [*floats, *texts] if holds_nan else floats, row, ask)
    takes_nan |= set() if holds_nan else takes_none
    takes_inf = _columns_that_take(np.inf, floats, row, replace(ask, budget=islice(ask.budget, MOST_PROBES // 4)))
    # All or none: what refuses a number that float32 cannot hold, a forest, comes last and takes all that is left.
    wide = [c for c in floats if c.tensor == "float64" and c.name not in takes_inf]
    takes_huge = not wide or ask.accepts(replace_columns(row, _filled(wide, HUGE)))

    def described(column: Column) -> Column:
        name = column.name
        if column.is_text:
            return replace(column, allow_nan=name in takes_nan, allow_none=name in takes_none)
        if column not in floats:
            return column
        return replace(
            column,
            allow_nan=name in takes_nan,
            allow_inf=name in takes_inf,
            allow_huge=takes_huge or column not in wide,
        )

    return schema.with_columns(map(described, schema.columns))


def _columns_that_take(value: float | None, candidates: Sequence[Column], row: Any, ask: _Question) -> set[str]:
    """Return the names of the columns in which `value` is accepted, found by halving."""
    if not candidates:
        return set()
    if ask.accepts(replace_columns(row, _filled(candidates, value))):
        return {c.name for c in candidates}
    if len(candidates) == 1:
        return set()
    middle = len(candidates) // 2
    return _columns_that_take(value, candidates[:middle], row, ask) | _columns_that_take(
        value, candidates[middle:], row, ask
    )


def _filled(columns: Sequence[Column], value: float | None) -> dict[int, NDArray[Any]]:
    """Return `value` for every position of the columns, for a table of one row."""
    return {
        position: np.array([value], object if column.is_text else np.float64)
        for column in columns
        for position in range(column.index, column.index + column.width)
    }


def _probe_order(estimator: Any, schema: Schema, sample: Any, methods: Sequence[str]) -> Schema:
    """Return `schema` with whether columns are found by name or by position."""
    fitted_names = getattr(estimator, "feature_names_in_", None)
    if schema.kind != "frame":
        names = None if fitted_names is None else tuple(map(str, fitted_names))
        return replace(schema, feature_names=names)
    if schema.feature_names is None:
        return schema
    rows = take_rows(sample, np.arange(min(ORDER_ROWS, row_count(sample))))
    if fitted_names is None and _reads_by_position(estimator, rows, methods):
        return replace(schema, feature_names=None)
    row = take_rows(rows, np.zeros(1, np.int64))
    return replace(
        schema,
        reorder=_answer(estimator, methods[0], _with_another(_reversed(row))) is not None,
        positional=hasattr(row, "to_numpy") and _answer(estimator, methods[0], row.to_numpy()) is not None,
    )


def _reads_by_position(estimator: Any, rows: Any, methods: Sequence[str]) -> bool:
    """Return whether the estimator takes columns in any order, with another answer."""
    for method in methods:
        expected, found = _answer(estimator, method, rows), _answer(estimator, method, _reversed(rows))
        if found is None:
            return False
        if not _equal(found, expected):
            return True
    return False


def _equal(found: Any, expected: Any) -> bool:
    if isinstance(expected, (list, tuple)):
        return all(map(_equal, found, expected))
    found, expected = (np.asarray(a.toarray() if hasattr(a, "toarray") else a) for a in (found, expected))
    if found.shape != expected.shape:
        return False
    both_missing = missing_mask(found.ravel()) & missing_mask(expected.ravel())
    return bool(((found == expected).ravel() | both_missing).all())


def _reversed(rows: Any) -> Any:
    return select_columns(rows, frame_columns(rows)[::-1])


def _with_another(rows: Any) -> Any:
    """Return the table with one more column, after the others."""
    name = max(map(str, frame_columns(rows)), key=len) + "_another"
    if hasattr(rows, "iloc"):
        return rows.assign(**{name: rows.iloc[:, 0]})
    if hasattr(rows, "with_columns"):
        return rows.with_columns(rows.to_series(0).alias(name))
    return rows.append_column(name, rows.column(0))
