"""From a user's table to the tensors that a graph takes, with every check that the estimator would make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from bridge.data.frame import as_values, frame_columns, is_frame, raw_column
from bridge.data.names import NamesReader
from bridge.data.naming import Naming
from bridge.data.numbers import NumberReader
from bridge.data.objects import as_objects
from bridge.data.schema import Column, Schema, as_table, as_vector, is_sparse
from bridge.data.terms import TermsReader
from bridge.data.text import TextReader
from bridge.errors import InputError, InputTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from bridge.data.analysis import Analysis

    Feeds = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Encoder:
    """Turns tables into the input tensors of one schema."""

    schema: Schema

    def __post_init__(self) -> None:
        # Built here and not at the first call: threads share an encoder, and a bad schema shows when a file is loaded.
        _ = self._matrix or self._readers

    def __call__(self, data: Any) -> Feeds:
        """Return one array per graph input, each of shape (rows, width).

        Raises `InputError` for missing, extra or misplaced columns, a wrong width, text where a number was, unknown
        categories that the estimator refuses, and NaN or infinities that the estimator refuses.
        """
        if self._matrix is not None and type(data) is np.ndarray and data.ndim == 2:
            return self._encode_matrix(data)
        if self.schema.kind == "vector":
            return self._encode_vector(data)
        if self.schema.kind == "images":
            return self._encode_images(data)
        if is_frame(data):
            return self._encode_frame(data)
        array = self._as_array(data)
        if self._matrix is not None:
            return self._encode_matrix(array)
        self._check_width(array.shape[1])
        return self._encode_columns([array[:, i] for i in self._own_positions])

    def rows(self, data: Any) -> Any:
        """Return the table, or, where a row is an object, an array of these: scikit-learn iterates over anything."""
        if not self._reads_objects:
            return data
        namings = [c.analysis for c in self.schema.columns if isinstance(c.analysis, Naming)]
        takes_one = all(naming.form == "dict" and not naming.is_hashed for naming in namings)
        rows = as_objects(list(data) if isinstance(data, Mapping) and not takes_one else data)
        if any(naming.form == "names" for naming in namings) and len(rows) and isinstance(rows[0], str):
            raise InputError(
                f"the first row is the text {rows[0]!r}; expected an iterable of texts for each row.\n"
                "Give lists of them."
            )
        return rows

    @cached_property
    def _reads_objects(self) -> bool:
        return self.schema.reads_objects

    def text_of(self, data: Any, names: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Return the columns of text behind some inputs as the table holds them, (rows,), by the inputs' names."""
        where = {c.name: c.index for c in self.schema.columns}
        if not is_frame(data):
            array = self._as_array(data)
            return {name: array[:, where[name]] for name in names}
        found = dict(zip(self._own_positions, self._find_columns(frame_columns(data)), strict=True))
        return {name: as_values(raw_column(data, found[where[name]])) for name in names}

    def _as_array(self, data: Any) -> NDArray[Any]:
        if not self.schema.positional:
            raise self._no_names(type(data).__name__)
        return as_table(data.toarray() if is_sparse(data) else data)

    @cached_property
    def expands(self) -> bool:
        """Whether the inputs may take much more room than the table: text, and objects, that are taken apart."""
        return any(c.analysis is not None for c in self.schema.columns)

    @cached_property
    def _matrix(self) -> NumberReader | None:
        """The reader of the one input that takes the whole table, where the model has that."""
        columns = self.schema.columns
        if self.schema.kind in ("frame", "vector", "images") or len(columns) != 1 or columns[0].is_text:
            return None
        return NumberReader(columns[0])

    @cached_property
    def _own_input(self) -> str:
        return self.schema.columns[0].name

    @cached_property
    def _readers(self) -> list[tuple[Column, NumberReader | TextReader | TermsReader | NamesReader]]:
        return [(c, _reader(c)) for c in self.schema.columns]

    @cached_property
    def _own_positions(self) -> list[int]:
        return [i for c in self.schema.columns for i in range(c.index, c.index + c.width)]

    @cached_property
    def _own_names(self) -> list[str] | None:
        return None if self.schema.feature_names is None else list(self.schema.feature_names)

    def _encode_matrix(self, array: NDArray[Any]) -> Feeds:
        if array.shape[1] != self.schema.n_features:
            self._check_width(array.shape[1])
        return {self._own_input: self._matrix(array)}  # type: ignore[misc]

    def _encode_images(self, data: Any) -> Feeds:
        ((column, reader),) = self._readers
        array = np.asarray(data)
        if array.shape[1:] != column.image:
            raise InputError(
                f"the model was exported for images of shape {column.image}; found an array of shape {array.shape}.\n"
                "Give an array (images, height, width, ...) of these, or export again with a sample of the new ones."
            )
        pixels = cast("NumberReader", reader)(array.reshape(len(array), column.width))
        return {column.name: pixels.reshape(array.shape)}

    def _encode_vector(self, data: Any) -> Feeds:
        if self._reads_objects:
            return self._encode_columns([as_objects(data)] * len(self.schema.columns))
        vector = as_vector(data)
        column = self.schema.columns[0] if self.schema.columns else None
        if vector is None and isinstance(data, (list, tuple, np.ndarray)) and not len(data):
            vector = np.zeros(0, object if column is None or column.is_text else np.float64)
        if vector is None and column is not None and not column.is_text and not is_frame(data):
            array = as_table(data)  # scikit-learn takes one column in either form
            self._check_width(array.shape[1])
            vector = array[:, 0]
        if vector is None:
            raise InputTypeError(
                f"the model was exported for one value per row; found {type(data).__name__}.\n"
                "Give a list, a Series or a 1-dimensional array."
            )
        return self._encode_columns([vector] * len(self.schema.columns))

    def _encode_frame(self, frame: Any) -> Feeds:
        columns = [raw_column(frame, i) for i in self._find_columns(frame_columns(frame))]
        if self._matrix is not None:
            return self._encode_matrix(np.column_stack([as_values(c) for c in columns]))
        return self._encode_columns(columns)

    def _encode_columns(self, columns: Sequence[Any]) -> Feeds:
        """Return the feeds for the columns of every input, in the order of the schema."""
        feeds: Feeds = {}
        taken_apart: dict[tuple[int, Analysis | Naming], Any] = {}
        rest = iter(columns)
        for column, reader in self._readers:
            if isinstance(reader, TermsReader | NamesReader):
                how = reader.naming if isinstance(reader, NamesReader) else reader.analysis
                way = (column.index, how.way)
                values = next(rest)
                if way not in taken_apart:  # ensembles count the same terms by many vocabularies
                    taken_apart[way] = reader.take_apart(values)
                feeds[column.name], feeds[how.counts] = reader(taken_apart[way])
            elif isinstance(reader, TextReader):
                feeds[column.name] = reader(next(rest))
            elif column.width == 1:
                feeds[column.name] = reader(as_values(next(rest)).reshape(-1, 1))
            else:
                feeds[column.name] = reader(np.column_stack([as_values(c) for c in islice(rest, column.width)]))
        return feeds

    def _find_columns(self, found: list[Any]) -> list[int]:
        """Return the positions of the inputs' columns in a table with the columns `found`."""
        if found == self._own_names:
            return self._own_positions
        names = self.schema.feature_names
        # scikit-learn takes a table without a name of text by position, as it takes an array.
        if names is None or not any(isinstance(n, str) for n in found):
            if self.schema.reorder and names is not None:
                raise self._no_names("a DataFrame")
            self._check_width(len(found))
            return self._own_positions or list(range(len(found)))
        self._check_names(found, names)
        where = {name: i for i, name in enumerate(found)}
        return [where[names[i]] for i in self._own_positions]

    def _check_width(self, width: int) -> None:
        if width != self.schema.n_features and self.schema.n_features:  # a plain model may not say its width
            raise InputError(
                f"X has {width} features, but the model is expecting {self.schema.n_features} features as input."
            )

    def _no_names(self, found: str) -> InputError:
        return InputError(
            f"the model was exported for a DataFrame with the columns {_listed(self.schema.feature_names or ())}; "
            f"found {found} without column names.\nGive a DataFrame with these columns."
        )

    def _check_names(self, found: list[Any], names: tuple[str, ...]) -> None:
        """Raise unless every column that is needed is there, once, and where the estimator wants it."""
        expected = [names[i] for i in self._own_positions] if self.schema.reorder else names
        missing = [n for n in expected if n not in found]
        extra = [n for n in found if n not in names]
        if missing:
            raise InputError(
                f"missing column(s): {_listed(missing)}. The model was exported for {_listed(names)}."
                + (f"\nNot expected: {_listed(extra)}." if extra else "")
            )
        if twice := [n for n in expected if found.count(n) > 1]:
            raise InputError(f"column names are not unique: {_listed(twice)}. Rename or drop all but one.")
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


def _reader(column: Column) -> NumberReader | TextReader | TermsReader | NamesReader:
    if isinstance(column.analysis, Naming):
        return NamesReader(column, column.analysis)
    if column.analysis is not None:
        return TermsReader(column, column.analysis)
    return TextReader(column) if column.is_text else NumberReader(column)


def _listed(names: Sequence[Any], most: int = 8) -> str:
    more = len(names) - most
    return ", ".join(repr(str(n)) for n in names[:most]) + (f" and {more} more" if more > 0 else "")
