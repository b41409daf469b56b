"""Read the columns of a DataFrame, whoever made it: pandas, polars, Arrow."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def is_frame(data: object) -> bool:
    """Return whether `data` is a table with named columns, as pandas, polars and pyarrow have them."""
    return has(data, "shape") and (has(data, "columns") or has(data, "column_names"))


def frame_columns(frame: Any) -> list[Any]:
    """Return the column names of a pandas, polars or Arrow table, in order."""
    if has(frame, "column_names"):
        return list(frame.column_names)
    columns = frame.columns
    # Half the time that a pandas Index takes to iterate over.
    return list(columns.tolist() if hasattr(columns, "tolist") else columns)


def raw_column(frame: Any, position: int) -> Any:
    """Return a column as the table holds it: an array, a pandas extension array, a polars Series, an Arrow array."""
    frame_type: Any = type(frame)
    return _column_reader(frame_type)(frame, position)


@cache
def _column_reader(frame_type: Any) -> Callable[[Any, int], Any]:
    """Return how tables of a type give a column; asked once a type, because an attribute that is not there is slow."""
    if hasattr(frame_type, "_get_column_array"):
        # What frame.iloc[:, position] wraps into a Series, which takes 20 us a column, against 0.5 us.
        return cast("Callable[[Any, int], Any]", frame_type._get_column_array)  # noqa: SLF001
    if hasattr(frame_type, "iloc"):
        return lambda frame, position: frame.iloc[:, position].array
    if hasattr(frame_type, "to_series"):
        return lambda frame, position: frame.to_series(position)
    if hasattr(frame_type, "column_names"):
        return lambda frame, position: frame.column(position)
    return lambda frame, position: frame[frame_columns(frame)[position]]


def as_values(column: Any) -> NDArray[Any]:
    """Return a raw column as a one-dimensional array.

    Nullable numbers become float64 with NaN; missing text becomes None, NaN or NA, as the column's type has it.
    """
    if type(column) is np.ndarray:
        return column
    if has(column, "to_pylist") and str(column.type).startswith("dictionary"):  # pyarrow 26 loses the nulls
        column = column.cast(column.type.value_type)
    values = np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)
    if values.dtype.kind == "O" and _is_nullable_number(column):
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    return values


def has(value: object, name: str) -> bool:
    """Return whether the class of `value` has a method or property: asked once a class."""
    cls: Any = type(value)
    return _class_has(cls, name)


@cache
def _class_has(cls: Any, name: str) -> bool:
    return hasattr(cls, name)


def missing_mask(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which entries of a one-dimensional array are None, NaN or NA."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind != "O":
        return np.zeros(len(values), np.bool_)
    return np.fromiter(map(_is_missing, values.tolist()), np.bool_, len(values))


def _is_nullable_number(column: Any) -> bool:
    dtype = getattr(column, "dtype", None)
    return getattr(dtype, "kind", "") in tuple("iufb") and hasattr(dtype, "na_value")


def _is_missing(value: object) -> bool:
    """Return whether `value` is None, NaN, NaT or pandas' NA, the values that differ from themselves."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124
    except (TypeError, ValueError):  # bool(pandas.NA) and bool(an array) refuse to answer
        return type(value).__name__ == "NAType"
