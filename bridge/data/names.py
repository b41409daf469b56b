"""Turn dicts, pairs, lists of names and sets of labels into the positions of names, and their values."""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress, repeat
from numbers import Number
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from bridge.data.entries import COUNT_DTYPES, fill_rows, sum_alike
from bridge.data.frame import as_values
from bridge.data.hashes import Hashes
from bridge.data.numbers import FLOAT32_MAX
from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bridge.data.naming import Form, Naming
    from bridge.data.schema import Column

Named: TypeAlias = "tuple[list[Any], list[Any] | None]"
"""The names of a row, and the value of each; None where each is 1."""


@dataclass(frozen=True)
class NamedRows:
    """The names of all rows, one after another, how many are each row's, and their values; None where each is 1."""

    names: list[Any]
    lengths: list[int]
    values: list[Any] | None


class NamesReader:
    """Gives each row of a column of dicts, pairs, names or labels the positions of its names, and their values."""

    def __init__(self, column: Column, naming: Naming) -> None:
        known = len(column.vocabulary)
        if naming.dtype not in COUNT_DTYPES or naming.width < max(1, known):  # the file may be damaged
            raise ValueError(f"values of {naming.dtype} for {known} names at {naming.width} places")
        self.column = column
        self.naming = naming
        try:
            self._split = _SPLITTERS[naming.form, naming.is_hashed]
        except KeyError as error:
            raise ValueError(f"names cannot be read from {naming.form!r}") from error
        self._hashes = Hashes()
        self._positions = {name: position for position, name in enumerate(column.vocabulary)}

    def take_apart(self, values: Any) -> NamedRows:
        """Return the names of each row and their values; raise `InputError` for what scikit-learn refuses."""
        names: list[Any] = []
        lengths: list[int] = []
        numbers: list[Any] = []
        for i, row in enumerate(as_values(values)):
            try:
                found, given = self._split(row, self.naming.separator)
            except (TypeError, ValueError, AttributeError) as error:
                raise self._refused(i, str(error)) from error
            names += found
            lengths.append(len(found))
            numbers += given or ()
        return NamedRows(names, lengths, numbers if len(numbers) == len(names) else None)

    def __call__(self, rows: NamedRows) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return positions and values, both (rows, k), with k the most different names of a row, at least 1."""
        naming = self.naming
        owners = np.repeat(np.arange(len(rows.lengths)), rows.lengths)
        places, values, is_there = self._hash(rows, owners) if naming.is_hashed else self._look_up(rows, owners)
        owners, places = owners[is_there], places[is_there]
        self._check(values, owners)
        apart = len(values)
        with np.errstate(over="ignore"):
            owners, places, sums = sum_alike(owners, places, values, width=naming.width, dtype=naming.dtype)
        if naming.refuse_repeats and len(sums) < apart:
            raise InputError(
                f"column {naming.column!r} has a row that names one thing twice. scikit-learn keeps both in its "
                "sparse matrix, and the next step reads them as it happens to.\n"
                "Name it once, or fit with DictVectorizer(sparse=False), which adds them up."
            )
        if naming.form == "labels":
            sums = np.ones_like(sums)
        return fill_rows(owners, places, sums, rows=len(rows.lengths), width=naming.width)

    def _look_up(
        self, rows: NamedRows, owners: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.bool_]]:
        """Return the position of each name, -1 for none, the values of those that are known, and which these are."""
        try:
            places = np.fromiter(map(self._positions.get, rows.names, repeat(-1)), np.int64, len(rows.names))
        except TypeError as error:  # a label without a hash
            where = next(i for i, name in enumerate(rows.names) if type(name).__hash__ is None)
            raise self._refused(int(owners[where]), str(error)) from error
        is_known = places >= 0
        if self.naming.form == "labels" and not is_known.all():
            unknown = sorted({rows.names[i] for i in np.flatnonzero(~is_known)}, key=str)
            warnings.warn(f"unknown class(es) {unknown} will be ignored", stacklevel=2)
        if rows.values is None:
            return places, np.ones(int(is_known.sum())), is_known
        given = list(compress(rows.values, is_known.tolist()))
        whole = self.naming.dtype.startswith("int")
        try:
            return places, np.array(given, np.int64 if whole else np.float64), is_known
        except (TypeError, ValueError, OverflowError) as error:
            where = next(i for i, value in enumerate(given) if not _is_numeric(value, whole=whole))
            raise self._refused(int(owners[is_known][where]), str(error)) from error

    def _hash(
        self, rows: NamedRows, owners: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.bool_]]:
        """Return the same for hashed names: none is unknown, and a value of 0 leaves its name out."""
        values = self._as_doubles(rows, owners)
        is_there = values != 0
        names = list(compress(rows.names, is_there.tolist()))
        try:
            hashes = self._hashes(names)
        except UnicodeEncodeError as error:
            where = next(i for i, name in enumerate(rows.names) if name == error.object)
            raise self._refused(int(owners[where]), "half of a surrogate pair, which UTF-8 does not have") from error
        except TypeError as error:
            wrong = next(i for i, name in enumerate(rows.names) if is_there[i] and not isinstance(name, (str, bytes)))
            raise self._refused(int(owners[wrong]), "feature names must be strings") from error
        values = values[is_there]
        if self.naming.alternate_sign:
            values = np.where(hashes < 0, -values, values)
        places = np.zeros(len(is_there), np.int64)
        places[is_there] = np.abs(hashes) % self.naming.width
        return places, values, is_there

    def _as_doubles(self, rows: NamedRows, owners: NDArray[np.int64]) -> NDArray[np.float64]:
        if rows.values is None:
            return np.ones(len(rows.names))
        try:
            return np.frombuffer(array("d", rows.values), np.float64)
        except (TypeError, OverflowError) as error:
            where = next(i for i, value in enumerate(rows.values) if not _is_double(value))
            raise self._refused(int(owners[where]), str(error)) from error

    def _check(self, values: NDArray[Any], owners: NDArray[np.int64]) -> None:
        """Raise for numbers that the estimator refuses, or the graph cannot hold."""
        if values.dtype.kind != "f" or not len(values):
            return
        column, dtype = self.column, np.dtype(self.naming.dtype)
        narrow = dtype == np.float32 or not column.allow_huge
        for refused, bad, what in (
            (not column.allow_nan or dtype.kind == "i", np.isnan(values), "NaN"),
            (not column.allow_inf or dtype.kind == "i", np.isinf(values), "infinity"),
            (narrow, np.isfinite(values) & (np.abs(values) > FLOAT32_MAX), "a number beyond float32"),
        ):
            if refused and bad.any():
                raise self._refused(int(owners[bad][0]), f"a value is {what}, which the model does not accept")

    def _refused(self, row: int, reason: str) -> InputError:
        naming = self.naming
        return InputError(
            f"column {naming.column!r}, row {row}: {reason}.\nThe model was exported for {naming}; "
            f"expected {_EXPECTED[naming.form]}."
        )


def _of_dict(row: Any, separator: str) -> Named:
    """Return what DictVectorizer finds in a dict: text is part of the name, and lists of text are several names."""
    names: list[Any] = []
    values: list[Any] = []
    for name, value in row.items():
        if isinstance(value, str):
            names.append(f"{name!s}{separator}{value!s}")
            values.append(1)
        elif value is None or isinstance(value, Number):
            names.append(name)
            values.append(value)
        elif isinstance(value, Iterable) and not isinstance(value, Mapping):
            for each in value:
                if not isinstance(each, str):
                    raise TypeError(f"{name!r} has a list with {each!r} in it, and only text can stand in one")
                names.append(f"{name!s}{separator}{each!s}")
                values.append(1)
        else:
            raise TypeError(f"{name!r} is {value!r}, which is neither a number, nor text, nor a list of text")
    return names, values


def _of_pairs(row: Any, separator: str) -> Named:
    """Return what FeatureHasher finds in pairs."""
    names: list[Any] = []
    values: list[Any] = []
    for name, value in row:
        is_text = isinstance(value, str)
        names.append(f"{name!s}{separator}{value!s}" if is_text else name)
        values.append(1.0 if is_text else value)
    return names, values


def _of_hashed_dict(row: Any, separator: str) -> Named:
    return _of_pairs(row.items(), separator)


def _of_names(row: Any, _separator: str) -> Named:
    return list(row), None


_SPLITTERS: dict[tuple[Form, bool], Callable[[Any, str], Named]] = {
    ("dict", False): _of_dict,
    ("dict", True): _of_hashed_dict,
    ("pairs", True): _of_pairs,
    ("names", True): _of_names,
    ("labels", False): _of_names,
}
_EXPECTED: dict[Form, str] = {
    "dict": "a dict from names to numbers or text",
    "pairs": "an iterable of pairs, each a name and a number or text",
    "names": "an iterable of text",
    "labels": "an iterable of labels",
}


def _is_double(value: Any) -> bool:
    try:
        array("d", [value])
    except (TypeError, OverflowError):
        return False
    return True


def _is_numeric(value: Any, *, whole: bool) -> bool:
    try:
        np.array([value], np.int64 if whole else np.float64)
    except (TypeError, ValueError, OverflowError):
        return False
    return True
