"""Ask a fitted estimator what it accepts: NaN, infinities, other column orders, bare arrays."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.schema import Column, Schema, as_table, frame_columns, is_frame, is_sparse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_PROBES = 200
"""An estimator is asked at most this often; columns not told apart by then count as refusing."""


def rows(sample: Any, count: int) -> Any:
    """Return the first `count` rows of a sample, of its own type."""
    if is_frame(sample):
        if hasattr(sample, "iloc"):
            return sample.iloc[:count]
        return sample[:count] if hasattr(sample, "with_columns") else sample.slice(0, count)
    if is_sparse(sample):
        return sample.tocsr()[:count]
    return as_table(sample)[:count]


def probe_schema(estimator: Any, schema: Schema, sample: Any, method: str) -> Schema:
    """Return `schema` with what `estimator` accepts in each column, found by asking it with one row."""
    few = rows(sample, 1)
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

    takes_nan = _columns_that_take(np.nan, schema, few, accepts)
    takes_inf = _columns_that_take(np.inf, schema, few, accepts)
    columns = [
        replace(c, allow_nan=c.name in takes_nan, allow_inf=c.name in takes_inf) if _is_open(c) else c
        for c in schema.columns
    ]
    reorder = positional = True
    if schema.kind == "frame" and schema.feature_names is not None:
        reorder = accepts(_reversed(few)) if len(schema.feature_names) > 1 else False
        positional = accepts(few.to_numpy()) if hasattr(few, "to_numpy") else False
    return replace(schema.with_columns(columns), reorder=reorder, positional=positional)


def _is_open(column: Column) -> bool:
    return column.is_text or column.tensor.startswith("float")


def _columns_that_take(
    value: float, schema: Schema, few: Any, accepts: Callable[[Any], bool]
) -> set[str]:
    """Return the names of the columns in which `value` is accepted, found by halving."""
    candidates = [c for c in schema.columns if _is_open(c) and not (c.is_text and np.isinf(value))]

    def search(columns: Sequence[Column]) -> set[str]:
        if not columns:
            return set()
        if accepts(_with_value(few, columns, value)):
            return {c.name for c in columns}
        if len(columns) == 1:
            return set()
        middle = len(columns) // 2
        return search(columns[:middle]) | search(columns[middle:])

    return search(candidates)


def _with_value(few: Any, columns: Sequence[Column], value: float) -> Any:
    """Return a copy of `few` with `value` in `columns`; None, for text."""
    if is_sparse(few):
        return type(few)(np.full(few.shape, value, few.dtype))
    if not is_frame(few):
        array = as_table(few).copy()
        for column in columns:
            array[:, column.index : column.index + column.width] = None if column.is_text else value
        return array
    names = [frame_columns(few)[c.index] for c in columns]
    if hasattr(few, "iloc"):
        changed = few.copy()
        for name, column in zip(names, columns, strict=True):
            filler = type(changed[name])([None if column.is_text else value] * len(changed), index=changed.index)
            changed[name] = filler.astype(changed[name].dtype)
        return changed
    import polars as pl

    return few.with_columns(
        **{n: pl.Series([None if c.is_text else value], dtype=few[n].dtype) for n, c in zip(names, columns, strict=True)}
    )


def _reversed(few: Any) -> Any:
    names = frame_columns(few)[::-1]
    return few[names] if hasattr(few, "iloc") else few.select(names)
