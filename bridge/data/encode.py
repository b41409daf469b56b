"""From a user's table to the tensors that a graph takes, with every check that the estimator would make."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.schema import (
    ARRAY_INPUT,
    MISSING_CODE,
    NONE_CODE,
    UNKNOWN_CODE,
    Column,
    Schema,
    as_table,
    column_values,
    frame_columns,
    is_frame,
    is_sparse,
    missing_mask,
    require_table,
)
from bridge.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Feeds = dict[str, NDArray[Any]]

SMALL_BATCH = 64
"""Up to this many rows a Python loop over a dict beats a hash join (measured: 64 rows, 8 us against 60 us)."""


@dataclass(frozen=True)
class Encoder:
    """Turns tables into the input tensors of one schema."""

    schema: Schema

    def __call__(self, data: object) -> Feeds:
        """Return one array per graph input, each of shape (rows, width).

        Raises `InputError` for missing, extra or misplaced columns, a wrong width, text where a number was, unknown
        categories that the estimator refuses, and NaN or infinities that the estimator refuses.
        """
        if self._takes_matrix and type(data) is np.ndarray and data.ndim == 2:
            return {self.schema.columns[0].name: self._matrix(data)}
        require_table(data)
        if is_frame(data):
            return self._encode_frame(data)
        if self.schema.kind == "frame":
            return self._encode_positions(self._unnamed(data))
        if is_sparse(data):
            data = data.toarray()  # type: ignore[attr-defined]
        array = as_table(data)
        return {self.schema.columns[0].name: self._matrix(array)} if self._takes_matrix else self._encode_positions(array)

    @cached_property
    def _takes_matrix(self) -> bool:
        columns = self.schema.columns
        return self.schema.kind != "frame" and len(columns) == 1 and not columns[0].is_text

    @cached_property
    def _codes(self) -> dict[str, dict[Any, int]]:
        return {c.name: {v: i for i, v in enumerate(c.vocabulary)} for c in self.schema.columns if c.is_text}

    def _matrix(self, array: NDArray[Any]) -> NDArray[Any]:
        column = self.schema.columns[0]
        self._check_width(array.shape[1])
        return _numbers(column, array)

    def _check_width(self, width: int) -> None:
        if width != self.schema.n_features and self.schema.n_features:  # a plain model may not say its width
            raise InputError(
                f"X has {width} features, but the model is expecting {self.schema.n_features} features as input."
            )

    def _unnamed(self, data: object) -> NDArray[Any]:
        if not self.schema.positional:
            raise InputError(
                f"the model was exported for a DataFrame with the columns {_listed(self.schema.feature_names)}; "
                f"found {type(data).__name__} without column names.\nGive a DataFrame with these columns."
            )
        return as_table(data)

    def _encode_positions(self, array: NDArray[Any]) -> Feeds:
        self._check_width(array.shape[1])
        return {c.name: self._encode_column(c, array[:, c.index]) for c in self.schema.columns}

    def _encode_frame(self, frame: Any) -> Feeds:
        found = frame_columns(frame)
        names = self.schema.feature_names
        if names is None:
            self._check_width(len(found))
            if self._takes_matrix:
                return {self.schema.columns[0].name: self._matrix(np.column_stack([column_values(frame, n) for n in found]))}
            names = tuple(found)
        elif tuple(found) != names:
            self._check_names(found, names)
        return {c.name: self._encode_column(c, column_values(frame, names[c.index])) for c in self.schema.columns}

    def _check_names(self, found: list[str], names: tuple[str, ...]) -> None:
        expected = [names[c.index] for c in self.schema.columns] if self.schema.reorder else names
        missing = [n for n in expected if n not in found]
        extra = [n for n in found if n not in names]
        if missing:
            raise InputError(
                f"missing column(s): {_listed(missing)}. The model was exported for {_listed(names)}."
                + (f"\nNot expected: {_listed(extra)}." if extra else "")
            )
        if self.schema.reorder:
            return
        if extra:
            raise InputError(
                f"unexpected column(s): {_listed(extra)}. The model was exported for {_listed(names)}.\nDrop them."
            )
        raise InputError(
            "the columns are in another order than those the model was fitted on, which its estimator refuses.\n"
            f"Expected {_listed(names)}; use X[model.feature_names_in_]."
        )

    def _encode_column(self, column: Column, values: NDArray[Any]) -> NDArray[Any]:
        if column.is_text:
            return self._text(column, values)
        return _numbers(column, values.reshape(-1, 1))

    def _text(self, column: Column, values: NDArray[Any]) -> NDArray[Any]:
        if values.dtype.kind == "f" and np.isnan(values).all():  # what is left of the dtype where all is missing
            values = values.astype(object)
        if values.dtype.kind not in "OUST":
            raise InputError(
                f"column {column.name!r} has dtype {values.dtype}, but the model was exported for text.\n"
                "Cast it, or export again with a sample of the new data."
            )
        if column.tensor == "str":  # a plain model that takes the text itself
            return values.astype(object).reshape(-1, 1)
        table = self._codes[column.name]
        if len(values) > SMALL_BATCH and (pandas := sys.modules.get("pandas")) is not None and table:
            codes = pandas.Index(list(table), dtype=object).get_indexer(values.astype(object)).astype(np.int64)
        else:
            codes = np.fromiter((table.get(v, UNKNOWN_CODE) for v in values.tolist()), np.int64, len(values))
        unknown = np.flatnonzero(codes < 0)
        if unknown.size:
            absent = unknown[missing_mask(values[unknown])]
            codes[absent] = [NONE_CODE if values[i] is None else MISSING_CODE for i in absent]
            self._check_text(column, values, codes)
        return codes.reshape(-1, 1)

    def _check_text(self, column: Column, values: NDArray[Any], codes: NDArray[np.int64]) -> None:
        for code, allowed, name in ((MISSING_CODE, column.allow_nan, "NaN"), (NONE_CODE, column.allow_none, "None")):
            if not allowed and (codes == code).any():
                row = int(np.flatnonzero(codes == code)[0])
                raise InputError(
                    f"column {column.name!r} has a missing value ({name}) in row {row}, "
                    "which the estimator does not accept.\n"
                    "Impute it, or put an imputer into the pipeline and export again."
                )
        unknown = np.flatnonzero(codes == UNKNOWN_CODE)
        if not unknown.size:
            return
        if not all(isinstance(v, str) for v in values[unknown].tolist()):
            raise InputError(f"column {column.name!r} holds values that are not text, for example {values[unknown[0]]!r}.")
        if column.strict:
            raise InputError(_unknown_message(column, values[unknown].tolist()))


def _numbers(column: Column, array: NDArray[Any]) -> NDArray[Any]:
    """Return `array` in the dtype of the graph's input, checked as the estimator would."""
    where = "X" if column.name == ARRAY_INPUT else f"column {column.name!r}"
    if array.dtype.kind in "OUST":
        array = _from_objects(array, where)
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"{where} has dtype {array.dtype}, but the model was exported for {column.dtype}.\n"
            "Cast it, or export again with a sample of the new data."
        )
    if array.dtype.kind == "f" and not (column.allow_nan and column.allow_inf):
        _check_finite(column, array, where)
    if array.dtype != column.tensor:
        array = _cast(column, array, where)
    if column.strict:
        _check_allowed(column, array)
    return array


def _from_objects(array: NDArray[Any], where: str) -> NDArray[np.float64]:
    try:
        if any(isinstance(v, str) for v in array.ravel().tolist()):
            raise TypeError
        return np.where(missing_mask(array.ravel()).reshape(array.shape), np.nan, array).astype(np.float64)
    except (TypeError, ValueError):
        bad = next((v for v in array.ravel().tolist() if isinstance(v, str) or not np.isscalar(v)), None)
        raise InputError(
            f"{where} has dtype {array.dtype} and holds {bad!r}, but the model was exported for numbers.\n"
            "Cast it, or export again with a sample of the new data."
        ) from None


def _check_finite(column: Column, array: NDArray[Any], where: str) -> None:
    if np.isfinite(array).all():
        return
    if not column.allow_nan and np.isnan(array).any():
        raise InputError(
            f"{where} contains NaN in row {_first_row(np.isnan(array))}, which the estimator does not accept.\n"
            "Impute it, or put an imputer into the pipeline and export again."
        )
    if not column.allow_inf and np.isinf(array).any():
        raise InputError(
            f"{where} contains infinity in row {_first_row(np.isinf(array))}, which the estimator does not accept.\n"
            "Clip or drop it."
        )


def _cast(column: Column, array: NDArray[Any], where: str) -> NDArray[Any]:
    with np.errstate(invalid="ignore", over="ignore"):
        cast = array.astype(column.tensor)
    if array.dtype.kind == "f" and np.dtype(column.tensor).kind == "i" and not (cast == array).all():
        row = _first_row(cast != array)
        raise InputError(
            f"{where} has dtype {array.dtype} and holds {array[row].ravel()[0]!r} in row {row}, "
            f"but the model was exported for {column.dtype}.\nExport again with a sample of the new data."
        )
    return cast


def _check_allowed(column: Column, array: NDArray[Any]) -> None:
    known = np.isin(array, np.asarray(column.allowed, array.dtype)) | np.isnan(array)
    if not known.all():
        raise InputError(_unknown_message(column, array[~known].tolist()))


def _unknown_message(column: Column, values: list[object]) -> str:
    return (
        f"column {column.name!r} holds unknown categories: {_listed(sorted(set(map(str, values))))}.\n"
        "The encoder was fitted with handle_unknown='error'."
    )


def _first_row(mask: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(mask.any(axis=1))[0])


def _listed(names: Any, most: int = 8) -> str:
    shown = [repr(str(n)) for n in list(names)[:most]]
    more = len(list(names)) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
