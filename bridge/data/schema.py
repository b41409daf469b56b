"""What a model takes: columns, dtypes, vocabularies, read from a sample of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Kind = Literal["frame", "array", "sparse"]
Scalar = str | int | float | bool

UNKNOWN_CODE = -1
"""The code of a text value that the vocabulary does not hold."""
MISSING_CODE = -2
"""The code of NaN and NA in a text column."""
NONE_CODE = -3
"""The code of None in a text column: scikit-learn's imputers and encoders tell it from NaN."""
ARRAY_INPUT = "X"
"""The name of the one input of a model that takes a numeric array."""


@dataclass(frozen=True)
class Column:
    """One graph input: a column of a DataFrame (width 1) or a whole numeric array (width n_features).

    Attributes
    ----------
    name
        The column's own name, unchanged; it is the name of the graph's input.
    dtype
        The dtype in the sample: a NumPy name, or "text" for strings, which the host codes as integers.
    tensor
        The dtype of the graph's input.
    width, index
        How many columns of the table this input takes, and the position of the first.
    vocabulary
        For text: the value of each code. Empty until the export has met the encoders.
    allowed
        For a numeric column that an encoder checks: the values that it accepts.
    strict
        Whether the estimator raises on a value that `vocabulary` or `allowed` does not hold.
    allow_nan, allow_none, allow_inf
        Whether the estimator accepts NaN, None (in text) and infinities here.
    """

    name: str
    dtype: str
    tensor: str
    width: int = 1
    index: int = 0
    vocabulary: tuple[Scalar, ...] = ()
    allowed: tuple[float, ...] = ()
    strict: bool = False
    allow_nan: bool = True
    allow_none: bool = True
    allow_inf: bool = True

    @property
    def is_text(self) -> bool:
        return self.dtype == "text"


@dataclass(frozen=True)
class Schema:
    """The inputs of a model, in order.

    Attributes
    ----------
    kind
        "frame": one input a column, found by name. "array" and "sparse": columns found by position.
    columns
        The graph's inputs; columns that the model does not use are not among them.
    n_features
        The number of columns of the table.
    feature_names
        The names of all columns of the table where all are strings, else None.
    reorder
        Whether columns are found by name in any order, further ones ignored (a ColumnTransformer in front).
    positional
        Whether a table without column names is taken, by position.
    """

    kind: Kind
    columns: tuple[Column, ...]
    n_features: int
    feature_names: tuple[str, ...] | None = None
    reorder: bool = False
    positional: bool = True

    def with_columns(self, columns: Iterable[Column]) -> Schema:
        return replace(self, columns=tuple(columns))


def infer_schema(sample: object) -> Schema:
    """Return the schema of `sample`: a DataFrame (pandas, polars, Arrow), an array, or a scipy sparse matrix.

    dtypes are taken from every row of the sample. Raises `InputError` for what no graph can take (complex numbers,
    dates, columns that mix text and numbers), `InputTypeError` for what is no table at all.
    """
    if is_frame(sample):
        return _infer_frame(sample)
    if is_sparse(sample):
        dtype = np.dtype(sample.dtype)  # type: ignore[attr-defined]
        width = int(sample.shape[1])  # type: ignore[attr-defined]
        return Schema("sparse", (Column(ARRAY_INPUT, dtype.name, _tensor_dtype(dtype, "the matrix"), width),), width)
    array = as_table(sample)
    if array.dtype.kind in "OUST":
        columns = tuple(_infer_column(f"x{i}", i, array[:, i]) for i in range(array.shape[1]))
        if any(c.is_text for c in columns):
            return Schema("array", columns, len(columns))
        array = array.astype(np.float64)
    tensor = _tensor_dtype(array.dtype, "the array")
    return Schema("array", (Column(ARRAY_INPUT, array.dtype.name, tensor, array.shape[1]),), array.shape[1])


def is_frame(data: object) -> bool:
    """Return whether `data` is a table with named columns, as pandas, polars and pyarrow have them."""
    return (hasattr(data, "columns") or hasattr(data, "column_names")) and hasattr(data, "__getitem__")


def is_sparse(data: object) -> bool:
    """Return whether `data` is a scipy sparse matrix or array, without importing scipy."""
    return hasattr(data, "toarray") and hasattr(data, "nnz")


def frame_columns(frame: Any) -> list[Any]:
    """Return the column names of a pandas, polars or Arrow table, in order."""
    return list(frame.column_names if hasattr(frame, "column_names") else frame.columns)


def as_table(data: object) -> NDArray[Any]:
    """Return `data` as a two-dimensional array, or raise with the shape that was found."""
    array = np.asarray(data)
    if array.ndim != 2:
        hint = "Reshape it with X.reshape(1, -1) for one row." if array.ndim == 1 else "Give one row per sample."
        raise InputError(f"expected a 2-dimensional table of rows and columns, found shape {array.shape}.\n{hint}")
    if array.dtype.kind == "c":
        raise InputError("the array has complex numbers; expected real ones.\nTake the real part, or the magnitude.")
    return array


def column_values(frame: Any, name: Any) -> NDArray[Any]:
    """Return one column of a pandas, polars or Arrow table as a one-dimensional array.

    Nullable numbers become float64 with NaN; missing text becomes None or NaN.
    """
    values = np.asarray(frame[name].to_numpy())
    if values.dtype.kind == "O" and _is_nullable_number(frame[name]):
        return np.array([np.nan if _is_missing(v) else v for v in values], np.float64)
    return values


def _is_nullable_number(column: Any) -> bool:
    dtype = getattr(column, "dtype", None)
    return getattr(dtype, "kind", "") in tuple("iufb") and hasattr(dtype, "na_value")


def _is_missing(value: object) -> bool:
    """Return whether `value` is None, NaN, NaT or pandas' NA, the values that differ from themselves."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124
    except TypeError:  # bool(pandas.NA) refuses to answer
        return True


def missing_mask(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which entries of a one-dimensional array are None, NaN or NA."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind != "O":
        return np.zeros(len(values), np.bool_)
    return np.fromiter((_is_missing(v) for v in values), np.bool_, len(values))


def _infer_frame(frame: Any) -> Schema:
    names = frame_columns(frame)
    if len(set(names)) != len(names):
        twice = sorted({str(n) for n in names if names.count(n) > 1})
        raise InputError(f"column names are not unique: {', '.join(map(repr, twice))}. Rename them first.")
    named = all(isinstance(n, str) for n in names)
    columns = tuple(_infer_column(str(n), i, column_values(frame, n)) for i, n in enumerate(names))
    if not columns:
        raise InputError("the DataFrame has no columns; expected at least one.")
    return Schema("frame", columns, len(columns), tuple(names) if named else None)


def _infer_column(name: str, index: int, values: NDArray[Any]) -> Column:
    where = f"column {name!r}"
    if values.dtype.kind in "UST":
        return Column(name, "text", "int64", index=index)
    if values.dtype.kind != "O":
        return Column(name, values.dtype.name, _tensor_dtype(values.dtype, where), index=index)
    present = values[~missing_mask(values)]
    kinds = {"text" if isinstance(v, str) else "number" if _is_number(v) else type(v).__name__ for v in present}
    if kinds <= {"text"}:
        return Column(name, "text", "int64", index=index)
    if kinds == {"number"}:
        return Column(name, "float64", "float64", index=index)
    raise InputError(
        f"{where} has dtype object and holds {' and '.join(sorted(kinds))}; expected text alone or numbers alone.\n"
        "Cast it to one of them."
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating))


def _tensor_dtype(dtype: np.dtype[Any], where: str) -> str:
    """Return the graph's dtype for data of `dtype`: the same, or the smallest common one that holds its values."""
    if dtype.name in ("float32", "float64", "int32", "int64"):
        return dtype.name
    if dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize <= 2):
        return "int32"
    if dtype.kind in "iu":
        return "int64"
    if dtype.kind == "f" and dtype.itemsize <= 2:
        return "float64"
    hint = {
        "M": "Turn dates into numbers, such as year, month and day, before the model.",
        "m": "Turn durations into numbers, such as seconds, before the model.",
        "c": "Take the real part, or the magnitude.",
    }.get(dtype.kind, "Cast it to a number or to text.")
    raise InputError(f"{where} has dtype {dtype}; expected numbers or text.\n{hint}")


def require_table(data: object) -> None:
    """Raise `InputTypeError` where `data` is nothing that a table could be made of."""
    if data is None or isinstance(data, (str, bytes, dict)):
        raise InputTypeError(
            f"expected a DataFrame, a 2-dimensional array or a sparse matrix, found {type(data).__name__}"
        )
