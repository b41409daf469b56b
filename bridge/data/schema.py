"""What a model takes: columns, dtypes, vocabularies, read from a sample of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import prod
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.data.frame import as_values, frame_columns, is_frame, missing_mask, raw_column
from bridge.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from bridge.data.analysis import Analysis
    from bridge.data.naming import Naming

Kind = Literal["frame", "array", "sparse", "vector", "images"]
Scalar = str | int | float | bool

UNKNOWN_CODE = -1
"""The code of a text value that the vocabulary does not hold."""
MISSING_CODE = -2
"""The code of NaN and NA in a text column."""
NONE_CODE = -3
"""The code of None in a text column: scikit-learn's imputers and encoders tell it from NaN."""
OBJECTS = "objects"
"""The dtype of a column of dicts, lists or sets."""
ARRAY_INPUT = "X"
"""The name of the one input of a model that takes a numeric array."""

NAMING = (Mapping, list, tuple, set, frozenset, np.ndarray)
"""Objects that may name things, any number of them."""

_HINTS = {
    "M": "Turn dates into numbers, such as year, month and day, before the model.",
    "m": "Turn durations into numbers, such as seconds, before the model.",
    "c": "Take the real part, or the magnitude.",
    "S": "It holds bytes: turn them into text with astype(str).",
    "V": "It holds records: give a DataFrame.",
}
"""What to do about the kinds of dtypes that no model takes."""


@dataclass(frozen=True)
class Column:
    """One graph input: a column of a DataFrame (width 1) or a whole numeric array (width n_features).

    Attributes
    ----------
    name
        The column's own name, unchanged; it is the name of the graph's input.
    dtype
        The dtype in the sample: a NumPy name, "text" for strings, which the host codes as integers, or "objects" for
        dicts, lists and sets, of which the host makes positions and values.
    tensor
        The dtype of the graph's input.
    width, index
        How many columns of the table this input takes, and the position of the first.
    image
        The shape of a row that is an image, of `width` numbers; () for rows of columns.
    vocabulary
        For text: the value of each code, or with an `analysis` each term. Empty until the export has met the encoders.
    allowed, allowed_counts
        For numbers that an encoder checks: the values that it accepts. Of several columns they stand one after
        another, and `allowed_counts` says how many are each column's; -1 for one that is not checked.
    strict
        Whether the estimator raises on a value that `vocabulary` or `allowed` does not hold.
    allow_nan, allow_none, allow_inf, allow_huge
        Whether the estimator accepts NaN, None (in text), infinities and numbers beyond float32 here.
    nan_columns, inf_columns, huge_columns
        Where this input has several columns and only some accept such numbers: their positions in it.
    analysis
        For text that the host takes apart into terms, and for objects that name things: how. The input then holds
        positions, and there is a second one for the counts or values there.
    problem
        Why no graph can take this column, for one that the model may not use at all; else empty.
    """

    name: str
    dtype: str
    tensor: str
    width: int = 1
    index: int = 0
    image: tuple[int, ...] = ()
    vocabulary: tuple[Scalar, ...] = ()
    allowed: tuple[float, ...] = ()
    allowed_counts: tuple[int, ...] = ()
    strict: bool = False
    allow_nan: bool = True
    allow_none: bool = True
    allow_inf: bool = True
    allow_huge: bool = True
    nan_columns: tuple[int, ...] = ()
    inf_columns: tuple[int, ...] = ()
    huge_columns: tuple[int, ...] = ()
    analysis: Analysis | Naming | None = None
    problem: str = ""

    @property
    def is_text(self) -> bool:
        return self.dtype == "text"

    @property
    def holds_objects(self) -> bool:
        return self.dtype == OBJECTS

    def takes(self, kind: Literal["nan", "inf", "huge"], position: int | None = None) -> bool:
        """Return whether the estimator accepts such numbers in one of this input's columns, or in any."""
        some: tuple[int, ...] = getattr(self, f"{kind}_columns")
        return getattr(self, f"allow_{kind}") or (bool(some) if position is None else position in some)

    def is_checked(self, position: int = 0) -> bool:
        """Return whether an encoder accepts only some values in one of this input's columns."""
        return self.strict and (not self.allowed_counts or self.allowed_counts[position] >= 0)


@dataclass(frozen=True)
class Schema:
    """The inputs of a model, in order.

    Attributes
    ----------
    kind
        "frame": one input a column, found by name. "array" and "sparse": columns found by position. "vector": one
        column without a second dimension, such as a list of texts. "images": an array of more than two dimensions.
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

    @property
    def reads_objects(self) -> bool:
        """Whether a row is one object that names things: a dict, a list or a set."""
        return self.kind == "vector" and any(c.holds_objects for c in self.columns)

    def with_columns(self, columns: Iterable[Column]) -> Schema:
        return replace(self, columns=tuple(columns))


def infer_schema(sample: object, *, takes_vector: bool = False, takes_images: bool = False) -> Schema:
    """Return the schema of `sample`: a DataFrame (pandas, polars, Arrow), an array, or a scipy sparse matrix.

    One-dimensional data is taken where it is text, and with `takes_vector` where it is numbers; arrays of three and
    more dimensions with `takes_images`.

    dtypes are taken from every row of the sample. Raises `InputError` for what no graph can take (complex numbers,
    dates), `InputTypeError` for what is no table at all. A column of a DataFrame that no graph can take has the reason
    as its `problem`: whether it matters shows when the model is known.
    """
    if is_frame(sample):
        return _infer_frame(sample)
    if is_sparse(sample):
        dtype = np.dtype(sample.dtype)  # type: ignore[attr-defined]
        width = int(sample.shape[1])  # type: ignore[attr-defined]
        return Schema("sparse", (Column(ARRAY_INPUT, dtype.name, _tensor_dtype(dtype, "the matrix"), width),), width)
    if takes_images and isinstance(sample, np.ndarray) and sample.ndim > 2:
        width = prod(sample.shape[1:])
        tensor = _tensor_dtype(sample.dtype, "the array of images")
        images = Column(ARRAY_INPUT, sample.dtype.name, tensor, width, image=sample.shape[1:])
        return Schema("images", (images,), width)
    vector = as_vector(sample)
    if vector is not None and (takes_vector or vector.dtype.kind in "OUT"):
        return Schema("vector", (_infer_or_note(ARRAY_INPUT, 0, vector, are_rows=True),), 1)
    return _infer_array(as_table(sample))


def _infer_array(array: NDArray[Any]) -> Schema:
    if not array.shape[1]:
        raise InputError("the array has no columns; expected at least one.")
    if array.dtype.kind in "OUT":
        columns = tuple(_infer_column(f"x{i}", i, array[:, i]) for i in range(array.shape[1]))
        if any(c.is_text for c in columns):
            return Schema("array", columns, len(columns))
        return Schema("array", (Column(ARRAY_INPUT, "float64", "float64", len(columns)),), len(columns))
    tensor = _tensor_dtype(array.dtype, "the array")
    return Schema("array", (Column(ARRAY_INPUT, array.dtype.name, tensor, array.shape[1]),), array.shape[1])


def as_vector(data: object) -> NDArray[Any] | None:
    """Return one-dimensional data (a Series, an array, a list of texts) as an array; None for anything else."""
    if isinstance(data, (list, tuple)):
        # NumPy would give every text the room of the longest.
        is_vector = bool(data) and all(v is None or isinstance(v, (str, Real)) for v in data)
        holds_text = is_vector and any(isinstance(v, str) for v in data)
        return np.array(data, object if holds_text else None) if is_vector else None
    if isinstance(data, np.ndarray):
        if data.ndim != 1:
            return None
        return data.astype(object) if data.dtype.kind in "UT" else data  # which holds None and NaN too
    is_series = hasattr(data, "to_numpy") and len(getattr(data, "shape", (0,))) == 1
    return as_values(data) if is_series else None


def is_sparse(data: object) -> bool:
    """Return whether `data` is a scipy sparse matrix or array, without importing scipy."""
    return hasattr(data, "toarray") and hasattr(data, "nnz")


def as_table(data: object) -> NDArray[Any]:
    """Return `data` as a two-dimensional array of numbers, text or objects, or raise with what was found."""
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise InputError(
            f"the rows are of different lengths; expected a table of rows and columns.\nNumPy says: {error}"
        ) from error
    if array.ndim == 0:
        raise InputTypeError(
            f"expected a DataFrame, a 2-dimensional array or a sparse matrix, found {type(data).__name__}.\n"
            "Give one row per sample."
        )
    if isinstance(data, (list, tuple)) and data:
        if isinstance(data[0], dict):
            raise InputError("expected a table of rows and columns, found dicts.\nGive pandas.DataFrame(X).")
        if array.dtype.kind == "U":  # numbers beside text became text
            array = np.asarray(data, dtype=object)
    if array.ndim != 2:
        hint = "Reshape it with X.reshape(1, -1) for one row." if array.ndim == 1 else "Give one row per sample."
        raise InputError(f"expected a 2-dimensional table of rows and columns, found shape {array.shape}.\n{hint}")
    if array.dtype.kind in _HINTS:
        raise InputError(f"X has dtype {array.dtype}; expected numbers or text.\n{_HINTS[array.dtype.kind]}")
    return array


def _infer_frame(frame: Any) -> Schema:
    names = frame_columns(frame)
    if len(set(names)) != len(names):
        twice = sorted({str(n) for n in names if names.count(n) > 1})
        raise InputError(f"column names are not unique: {', '.join(map(repr, twice))}. Rename them first.")
    if not names:
        raise InputError("the DataFrame has no columns; expected at least one.")
    if "" in names:
        raise InputError(f"column {names.index('')} has the empty name '', which no input can have. Rename it first.")
    named = [isinstance(n, str) for n in names]
    if any(named) and not all(named):
        raise InputError("some column names are text and some are not.\nGive X.rename(columns=str).")
    columns = tuple(_infer_or_note(str(n), i, as_values(raw_column(frame, i))) for i, n in enumerate(names))
    return Schema("frame", columns, len(columns), tuple(names) if all(named) else None)


def _infer_or_note(name: str, index: int, values: NDArray[Any], *, are_rows: bool = False) -> Column:
    """Return the column, with the reason where no graph can take it: a ColumnTransformer may leave it out.

    Objects can be taken by what reads their names alone. With `are_rows` all else raises.
    """
    try:
        return _infer_column(name, index, values)
    except InputError as error:
        if values.dtype.kind == "O" and len(values) and all(isinstance(v, NAMING) for v in values.tolist()):
            return Column(name, OBJECTS, "int64", index=index, problem=str(error))
        if are_rows:
            raise
        return Column(name, str(values.dtype), "float64", index=index, problem=str(error))


def _infer_column(name: str, index: int, values: NDArray[Any]) -> Column:
    where = f"column {name!r}"
    if values.dtype.kind in "UT":
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
    return isinstance(value, (Real, Decimal, np.bool_))


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
    hint = _HINTS.get(dtype.kind, "Cast it to float64." if dtype.kind == "f" else "Cast it to a number or to text.")
    raise InputError(f"{where} has dtype {dtype}; expected numbers or text.\n{hint}")
