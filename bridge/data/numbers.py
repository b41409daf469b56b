"""Turn a column, or a whole array, of numbers into the tensor that a graph takes, checked as the estimator would."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.data.frame import missing_mask
from bridge.data.schema import ARRAY_INPUT
from bridge.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from bridge.data.schema import Column

Kind = Literal["nan", "inf", "huge"]
_KINDS: tuple[Kind, ...] = ("nan", "inf", "huge")
FLOAT32_MAX = float(np.finfo(np.float32).max)
ONE_THREAD = 10_000
"""Numbers beyond which OpenBLAS takes several threads for a product: 4 us, or 20 ms where others use the cores."""


class NumberReader:
    """Gives the values of one numeric input the dtype of the graph."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self._dtype = np.dtype(column.tensor)
        self._is_matrix = column.width > 1 or column.name == ARRAY_INPUT
        # Finds the columns of each kind that refuse it; positions that a damaged file makes up show here.
        self._refusing = {kind: _refusing(column, kind) for kind in _KINDS}
        self._is_of_images = bool(column.image)
        self._takes_all_floats = column.allow_nan and column.allow_inf and column.allow_huge
        self._most = {np.dtype(d): _most_square(d, narrow=not column.allow_huge) for d in (np.float32, np.float64)}
        # Arrays of the dtype itself are most often all that comes, one row at a time: this spares them 0.5 us each.
        self._most_here = None if column.strict else self._most.get(self._dtype)

    def __call__(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return `array`, of shape (rows, width), in the dtype of the input.

        Raises `InputError` for text, for NaN, infinities, large numbers and unknown categories where the estimator
        refuses them, and for numbers that the input's dtype cannot hold.
        """
        most = self._most_here
        is_usual = most is not None and array.dtype == self._dtype
        if is_usual and (self._takes_all_floats or _sum_of_squares(array) <= most):
            return array
        if array.dtype.kind in "OUST":
            array = self._from_objects(array)
        elif array.dtype.kind not in "biuf":
            raise self._wrong_dtype(array)
        if not self._takes_all_floats and array.dtype.kind == "f":
            self._check_floats(array)
        if array.dtype != self._dtype:
            array = self._cast(array)
        if self.column.strict:
            self._check_categories(array)
        return array

    @cached_property
    def _categories(self) -> list[tuple[int, str, frozenset[float]]]:
        """For every column that is checked: its position, its name, and the values that it may hold."""
        allowed, counts = np.asarray(self.column.allowed, self._dtype), self.column.allowed_counts
        if not counts:
            return [(0, self.column.name, frozenset(allowed.tolist()))]
        ends = np.cumsum(np.maximum(counts, 0))
        known = [frozenset(allowed[end - max(n, 0) : end].tolist()) for n, end in zip(counts, ends, strict=True)]
        return [(i, str(i), known[i]) for i, count in enumerate(counts) if count >= 0]

    def _from_objects(self, array: NDArray[Any]) -> NDArray[np.float64]:
        values = array.ravel()
        kinds = set(map(type, values.tolist()))
        if any(issubclass(kind, (str, bytes)) for kind in kinds):
            text = next(v for v in values.tolist() if isinstance(v, (str, bytes)))
            raise InputError(
                f"{self._where()} holds the text {text!r}, but the model was exported for {self.column.dtype}.\n"
                "Cast it to numbers, or export again with a sample of the new data."
            )
        try:
            return array.astype(np.float64)  # None becomes NaN
        except (TypeError, ValueError, OverflowError):
            pass
        numbers = np.where(missing_mask(values), np.nan, values)
        try:
            return numbers.astype(np.float64).reshape(array.shape)
        except (TypeError, ValueError, OverflowError) as error:
            bad = next((v for v in numbers.tolist() if not _is_float(v)), None)
            raise self._wrong_dtype(array, bad) from error

    def _wrong_dtype(self, array: NDArray[Any], *found: object) -> InputError:
        holds = "".join(f" and holds {value!r}" for value in found)
        return InputError(
            f"{self._where()} has dtype {array.dtype}{holds}, but the model was exported for "
            f"{self.column.dtype}.\nCast it, or export again with a sample of the new data."
        )

    def _refused(self, found: NDArray[np.bool_], kind: Kind) -> NDArray[np.bool_]:
        """Return `found`, (rows, width), in the columns alone that refuse such numbers."""
        refusing = self._refusing[kind]
        return found if refusing is None else found & refusing

    def _check_floats(self, array: NDArray[Any]) -> None:
        """Raise for floats that the estimator refuses."""
        column = self.column
        if self._is_harmless(array):
            return
        if not column.allow_nan and (bad := self._refused(np.isnan(array), "nan")).any():
            raise InputError(
                f"{self._where(bad)} contains NaN{_in_row(bad)}, which the estimator does not accept.\n"
                "Impute it, or put an imputer into the pipeline and export again."
            )
        if not column.allow_inf and (bad := self._refused(np.isinf(array), "inf")).any():
            raise InputError(
                f"{self._where(bad)} contains infinity{_in_row(bad)}, which the estimator does not accept.\n"
                "Clip or drop it."
            )
        if column.allow_huge:
            return
        is_huge = np.isfinite(array) & (np.abs(array.astype(float)) > FLOAT32_MAX)
        if (bad := self._refused(is_huge, "huge")).any():
            raise InputError(
                f"{self._where(bad)} contains {_first(array, bad)!r}{_in_row(bad)}; the estimator accepts numbers up "
                f"to {FLOAT32_MAX:.2g} (float32).\nClip or drop it."
            )

    def _is_harmless(self, array: NDArray[Any]) -> bool:
        """Return whether no value can be refused: all are finite, and small enough where size counts."""
        narrow = not self.column.allow_huge
        if array.size == 1:  # a reduction by NumPy takes 2 us, and one row of a DataFrame has many columns
            value = abs(array.item())
            return bool(value <= FLOAT32_MAX if narrow else math.isfinite(value))
        most = self._most.get(array.dtype)
        return bool(_sum_of_squares(array) <= (_most_square(array.dtype, narrow=narrow) if most is None else most))

    def _cast(self, array: NDArray[Any]) -> NDArray[Any]:
        if array.size == 1 and self._dtype.kind == "f" and not abs(array.item()) > FLOAT32_MAX:
            return array.astype(self._dtype)  # nothing to check, in a third of the time
        with np.errstate(invalid="ignore", over="ignore"):
            cast = array.astype(self._dtype)
        if self._dtype.kind == "i":
            if (bad := cast != array).any():
                raise InputError(
                    f"{self._where(bad)} has dtype {array.dtype} and holds {_first(array, bad)!r}{_in_row(bad)}, but "
                    f"the model was exported for {self.column.dtype}.\nExport again with a sample of the new data."
                )
        elif array.dtype.kind == "f" and np.isinf(cast).any() and (bad := np.isinf(cast) & np.isfinite(array)).any():
            raise InputError(
                f"{self._where(bad)} contains {_first(array, bad)!r}{_in_row(bad)}, which is beyond "
                f"{self._dtype.name}, the dtype that this model takes.\n"
                "Clip or drop it, or export from float64 data with target='cpu'."
            )
        return cast

    def _check_categories(self, array: NDArray[Any]) -> None:
        """Raise for values other than the fitted categories, compared in the dtype of the graph; NaN may pass."""
        for position, name, known in self._categories:
            values = array[:, position]
            if values.size > 1:
                values = values[~(np.isin(values, list(known)) | np.isnan(values))]
            unknown = {v for v in values.tolist() if v not in known and v == v}  # noqa: PLR0124
            if unknown:
                raise unknown_categories(name, unknown)

    def _where(self, bad: NDArray[np.bool_] | None = None) -> str:
        """Name the input, and the column of the first bad value where the input has several."""
        if not self._is_matrix:
            return f"column {self.column.name!r}"
        return "X" if bad is None or self._is_of_images else f"column {int(np.argwhere(bad)[0, 1])} of X"


def _sum_of_squares(array: NDArray[Any]) -> Any:
    if array.size <= ONE_THREAD:
        return np.vdot(array, array)
    flat = array.ravel()
    return np.einsum("i,i->", flat, flat)


def _most_square(dtype: DTypeLike, *, narrow: bool) -> float:
    """Return up to which sum of squares no number of an array can be refused; `narrow` is whether large ones are.

    The sum shows NaN, infinities and large numbers in a third of the time of looking at each; where it overflows by
    itself, the caller looks.
    """
    limits = np.finfo(dtype)
    return FLOAT32_MAX * FLOAT32_MAX if narrow and limits.bits > 32 else float(limits.max)


def _refusing(column: Column, kind: Kind) -> NDArray[np.bool_] | None:
    """Return which columns, (width,), refuse numbers of a kind where some do and some do not, else None."""
    if not (taken := list(getattr(column, f"{kind}_columns"))):
        return None
    refusing = np.ones(column.width, np.bool_)
    refusing[taken] = False
    return refusing


def unknown_categories(column: str, values: set[Any]) -> InputError:
    """Return the error for values that an encoder with handle_unknown="error" was not fitted on."""
    shown = sorted(repr(str(v)) for v in values)
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    return InputError(
        f"column {column!r} holds unknown categories: {', '.join(shown[:8])}{more}.\n"
        "The encoder was fitted with handle_unknown='error'; drop these rows, or fit it with handle_unknown='ignore'."
    )


def _first(array: NDArray[Any], bad: NDArray[np.bool_]) -> object:
    """Return the first bad value, as a Python number."""
    return array[bad][0].item()


def _in_row(bad: NDArray[np.bool_]) -> str:
    return f" in row {int(np.argwhere(bad)[0, 0])}"


def _is_float(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False
    return True
