"""Ask a fitted estimator what it accepts: NaN, infinities, other column orders, bare arrays."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.schema import Column, Schema, frame_columns
from bridge.data.table import replace_columns, take_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_PROBES = 200
"""An estimator is asked at most this often; columns not told apart by then count as refusing."""


def probe_schema(estimator: Any, schema: Schema, sample: Any, method: str) -> Schema:
    """Return `schema` with what `estimator` accepts in each column, found by asking it with one row."""
    row = take_rows(sample, np.zeros(1, np.int64))
    budget = iter(range(MOST_PROBES))

    def accepts(data: Any) -> bool:
        if next(budget, None) is None:
            return False
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                getattr(estimator, method)(data)
        except (ValueError, TypeError, KeyError, AttributeError):
            return False
        return True

    floats = [c for c in schema.columns if c.tensor.startswith("float")]
    texts = [c for c in schema.columns if c.is_text]
    takes_none = _columns_that_take(None, texts, row, accepts)
    # Only pandas and NumPy hold NaN beside text; elsewhere None is the one missing value.
    holds_nan = not hasattr(row, "with_columns") and not hasattr(row, "column_names")
    takes_nan = _columns_that_take(np.nan, [*floats, *texts] if holds_nan else floats, row, accepts)
    takes_nan |= set() if holds_nan else takes_none
    takes_inf = _columns_that_take(np.inf, floats, row, accepts)
    open_columns = {c.name for c in [*floats, *texts]}
    columns = [
        replace(
            c,
            allow_nan=c.name in takes_nan,
            allow_none=c.name in takes_none or not c.is_text,
            allow_inf=c.name in takes_inf,
        )
        if c.name in open_columns
        else c
        for c in schema.columns
    ]
    reorder = positional = True
    if schema.kind == "frame" and schema.feature_names is not None:
        reorder = len(schema.feature_names) > 1 and accepts(_reversed(row))
        positional = hasattr(row, "to_numpy") and accepts(row.to_numpy())
    return replace(schema.with_columns(columns), reorder=reorder, positional=positional)


def _columns_that_take(
    value: float | None, candidates: Sequence[Column], row: Any, accepts: Callable[[Any], bool]
) -> set[str]:
    """Return the names of the columns in which `value` is accepted, found by halving."""
    if not candidates:
        return set()
    changes: dict[int, np.ndarray[Any, Any]] = {}
    for column in candidates:
        filler = np.array([value], object if column.is_text else np.float64)
        changes |= {column.index + i: filler for i in range(column.width)}
    if accepts(replace_columns(row, changes)):
        return {c.name for c in candidates}
    if len(candidates) == 1:
        return set()
    middle = len(candidates) // 2
    return _columns_that_take(value, candidates[:middle], row, accepts) | _columns_that_take(
        value, candidates[middle:], row, accepts
    )


def _reversed(row: Any) -> Any:
    names = frame_columns(row)[::-1]
    return row[names] if hasattr(row, "iloc") else row.select(names)
