"""Ask a fitted estimator what it accepts: NaN, infinities, other column orders, bare arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.frame import frame_columns, missing_mask
from bridge.data.naming import Naming
from bridge.data.table import replace_columns, row_count, select_columns, take_rows
from bridge.export.asking import answer_quietly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from bridge.data.schema import Column, Schema

    _Group = tuple[int, ...]

MOST_PROBES = 200
"""An estimator is asked about values at most this often; columns not told apart by then count as refusing."""
HUGE = 1e300
"""A number beyond float32."""
MOST_DEPTH = 6
MOST_INSIDE = 8
"""Estimators in estimators, and in a list of them, that are looked at: those of an ensemble are alike."""
_LIBRARIES = ("sklearn.", "lightgbm.", "xgboost.", "catboost.")
_APART = ("transformers_", "estimators_features_", "is_categorical_", "get_support", "features_", "categories_")
"""What ColumnTransformer, Bagging*, HistGradientBoosting*, selectors of columns, MissingIndicator and encoders have."""
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
    apart = tells_columns_apart(ask.estimator)
    floats = _groups([c for c in schema.columns if c.tensor.startswith("float")], apart=apart)
    texts = _groups([c for c in schema.columns if c.is_text], apart=apart)
    texts_at = {position for group in texts for position in group}
    # Only pandas and NumPy hold NaN beside text; elsewhere None is the one missing value.
    holds_nan = not hasattr(row, "with_columns") and not hasattr(row, "column_names")

    def accepts(groups: Sequence[_Group], value: float | None) -> bool:
        return ask.accepts(replace_columns(row, _filled(groups, value, texts_at)))

    takes_none = _groups_that_take(texts, partial(accepts, value=None))
    takes_nan = _groups_that_take([*floats, *texts] if holds_nan else floats, partial(accepts, value=np.nan))
    takes_nan |= set() if holds_nan else takes_none
    few = replace(ask, budget=islice(ask.budget, MOST_PROBES // 4))
    takes_inf = _groups_that_take(floats, lambda g: few.accepts(replace_columns(row, _filled(g, np.inf, texts_at))))
    # All or none: what refuses a number that float32 cannot hold, a forest, comes last and takes all that is left.
    doubles = {c.index + i for c in schema.columns if c.tensor == "float64" for i in range(c.width)}
    wide = [g for g in floats if doubles.issuperset(g) and not takes_inf.issuperset(g)]
    takes_huge = not wide or accepts(wide, HUGE)
    refuses_huge = {position for group in wide for position in group} if not takes_huge else set()

    def described(column: Column) -> Column:
        if isinstance(column.analysis, Naming):
            return _probe_object(column, column.analysis, row, ask)
        places = range(column.index, column.index + column.width)
        if column.is_text:
            return replace(column, allow_nan=column.index in takes_nan, allow_none=column.index in takes_none)
        if not column.tensor.startswith("float"):
            return column
        return replace(
            column,
            **_accepted("nan", [p in takes_nan for p in places]),
            **_accepted("inf", [p in takes_inf for p in places]),
            **_accepted("huge", [p not in refuses_huge for p in places]),
        )

    return schema.with_columns(map(described, schema.columns))


def _probe_object(column: Column, naming: Naming, row: Any, ask: _Question) -> Column:
    """Return the column of dicts or pairs with what it may hold as a value."""
    if naming.form not in ("dict", "pairs"):
        return column
    name = column.vocabulary[0] if column.vocabulary else "name"

    def takes(value: float) -> bool:
        holding = np.empty(1, object)
        holding[0] = {name: value} if naming.form == "dict" else [(name, value)]
        return ask.accepts(replace_columns(row, {column.index: holding}))

    return replace(column, allow_nan=takes(np.nan), allow_inf=takes(np.inf), allow_huge=takes(HUGE))


def tells_columns_apart(estimator: Any, depth: int = 0) -> bool:
    """Return whether an estimator may treat the columns of an array differently: if not, one answer is for all.

    By the attributes of scikit-learn's fitted estimators, those inside included. Of others' nothing is known.
    """
    attributes = vars(estimator) if hasattr(estimator, "__dict__") else {}
    if not type(estimator).__module__.startswith(_LIBRARIES) or any(hasattr(estimator, a) for a in _APART):
        return True
    if getattr(estimator, "metric", None) == "nan_euclidean":  # takes rows with NaN in some columns, not in all
        return True
    inside = [part for value in attributes.values() for part in _estimators_in(value)]
    return depth < MOST_DEPTH and any(tells_columns_apart(part, depth + 1) for part in inside)


def _estimators_in(value: Any) -> Iterator[Any]:
    """Yield the fitted or unfitted estimators in an attribute: itself, or the first few of a list of them."""
    for part in list(value)[:MOST_INSIDE] if isinstance(value, (list, tuple)) else [value]:
        for one in part if isinstance(part, tuple) else [part]:  # steps have names
            if hasattr(one, "get_params") and not isinstance(one, type):
                yield one


def _groups(columns: Sequence[Column], *, apart: bool) -> list[_Group]:
    """Return the positions of these inputs' columns in the table, those together that one answer is for."""
    whole = [tuple(range(c.index, c.index + c.width)) for c in columns]
    return [(position,) for group in whole for position in group] if apart else whole


def _groups_that_take(groups: Sequence[_Group], accepts: Callable[[Sequence[_Group]], bool]) -> set[int]:
    """Return the positions in which a value is accepted, found by halving."""
    if not groups:
        return set()
    if accepts(groups):
        return {position for group in groups for position in group}
    if len(groups) == 1:
        return set()
    middle = len(groups) // 2
    return _groups_that_take(groups[:middle], accepts) | _groups_that_take(groups[middle:], accepts)


def _filled(groups: Sequence[_Group], value: float | None, texts_at: set[int]) -> dict[int, NDArray[Any]]:
    """Return `value` for every position of the groups, for a table of one row."""
    return {p: np.array([value], object if p in texts_at else np.float64) for group in groups for p in group}


def _accepted(kind: str, taken: Sequence[bool]) -> dict[str, Any]:
    """Return what a Column says of numbers of a kind that these of its columns take."""
    some = () if all(taken) else tuple(i for i, is_taken in enumerate(taken) if is_taken)
    return {f"allow_{kind}": all(taken), f"{kind}_columns": some}


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
