"""Chunks of a fixed number of rows from any source, with the file and row that each row came from."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from bridge.data.sources import Block, Source, Types

T = TypeVar("T")

CHUNK_BYTES = 2**23
"""Of a chunk whose rows are counted by "auto". Three are in memory at once, as Arrow has them and as arrays."""

MOST_ROWS = 2**18
"""Of such a chunk."""


@dataclass(frozen=True)
class Chunk:
    """Some rows as an Arrow table, whose columns have the types asked for, and where they came from.

    `origins` are, in order: the place, its rows before these, and how many of these are of it. `start` rows of the
    source came before.
    """

    table: Any
    origins: tuple[tuple[str, int, int], ...]
    start: int

    def locate(self, row: int) -> str:
        """Return the name of a row's place and its number there, counted from 1 without a header."""
        for where, start, count in self.origins:
            if row < count:
                return f"{where}, row {start + row + 1}"
            row -= count
        raise IndexError(row)

    @property
    def span(self) -> str:
        """Where the rows lie, in words."""
        return f"{self.locate(0)} to {self.locate(len(self.table) - 1)}"


def first_block(source: Source) -> Block:
    """Return the first block with rows, of all columns. Raises `InputError` where there is none."""
    block = next((b for b in source.blocks(None) if len(b.table)), None)
    if block is None:
        raise InputError("the source has no rows")
    return block


def find_types(block: Block, *, features: Sequence[str] | None, targets: Sequence[str], labels: bool) -> Types:
    """Return the columns to read and the Arrow types to read them as: the features, then the targets.

    Numbers are float64, float32 where all features are; text is text. With `labels` the targets keep their own type.
    `block`, the first of the source, decides; a column of integers there may hold fractions later.

    Raises
    ------
    InputError
        A column is missing, or of a type that no estimator takes.
    """
    import pyarrow as pa

    schema = block.table.schema
    names = [n for n in schema.names if n not in targets] if features is None else list(features)
    check_names([*names, *targets], schema.names, block.where)
    if not names:
        raise InputError(f"{block.where} has no columns to train on")
    kinds = {name: kind_of(schema.field(name).type) for name in [*names, *targets]}
    if odd := [f"{name} ({schema.field(name).type})" for name, kind in kinds.items() if kind is None]:
        raise InputError(
            f"{block.where}: columns of types that no estimator takes: {', '.join(odd)}. "
            "Name the columns to use by features=, or cast these."
        )
    if texts := [name for name in targets if kinds[name] == "text" and not labels]:
        raise InputError(f"{block.where}: the target {texts[0]!r} is text; the estimator takes numbers as targets")
    is_single = all(schema.field(n).type == pa.float32() for n in names)
    number = pa.float32() if names and is_single else pa.float64()
    types = {name: number if kinds[name] == "number" else pa.string() for name in names}
    for name in targets:
        found = schema.field(name).type
        plain = found.value_type if pa.types.is_dictionary(found) else found
        is_kept = labels and not pa.types.is_null(plain) and kinds[name] == "number"
        types[name] = plain if is_kept else pa.string() if kinds[name] == "text" else pa.float64()
    return types


def auto_rows(block: Block, types: Types) -> int:
    """Return how many rows make a chunk of `CHUNK_BYTES`, if all are as long as those of `block`."""
    import pyarrow as pa

    size = 0.0
    for name, kind in types.items():
        text = kind == pa.string()
        size += block.table.column(name).nbytes / len(block.table) + 8 if text else 8
    return int(min(max(CHUNK_BYTES // max(size, 1), 1), MOST_ROWS))


def read_chunks(source: Source, types: Types, rows: int, *, least: int = 1) -> Iterator[Chunk]:
    """Yield chunks of `rows` rows, the last shorter; one of fewer than `least` rows is joined to the one before it."""
    import pyarrow as pa

    waiting: deque[tuple[Block, int]] = deque()
    held = done = 0
    for block in source.blocks(types):
        if not len(block.table):
            continue
        waiting.append((as_typed(block, types), 0))
        held += len(block.table)
        while held >= rows + least:
            yield _take(waiting, rows, done, pa)
            held, done = held - rows, done + rows
    while held:
        count = held if held < rows + least and held - rows < least else rows
        yield _take(waiting, count, done, pa)
        held, done = held - count, done + count


def as_features(chunk: Chunk, names: Sequence[str]) -> Any:
    """Return the columns as an estimator takes them.

    A pandas DataFrame; of one block, in C order, where all are numbers, with NaN for what is missing. Where the one
    column is text, a Series of it, as vectorizers take it.
    """
    import pandas as pd

    columns = [chunk.table.column(name) for name in names]
    texts = [kind_of(column.type) == "text" for column in columns]
    if len(columns) == 1 and texts[0]:
        return pd.Series(_objects(columns[0]), name=names[0])
    if any(texts):
        arrays = [_objects(c) if text else c.to_numpy() for c, text in zip(columns, texts, strict=True)]
        return pd.DataFrame(dict(zip(names, arrays, strict=True)))
    matrix = np.empty((len(chunk.table), len(names)), columns[0].type.to_pandas_dtype() if columns else np.float64)
    for i, column in enumerate(columns):
        start = 0
        for piece in column.chunks:  # without a copy of the column as a whole
            matrix[start : start + len(piece), i] = piece.to_numpy(zero_copy_only=False)
            start += len(piece)
    return pd.DataFrame(matrix, columns=list(names), copy=False)


def as_targets(chunk: Chunk, names: Sequence[str]) -> NDArray[Any]:
    """Return the targets, (rows,) for one, else (rows, targets). Raises `InputError` where one is missing."""
    import pyarrow.compute as pc

    columns = [chunk.table.column(name) for name in names]
    for name, column in zip(names, columns, strict=True):
        if column.null_count:
            row = pc.index(pc.is_null(column), value=True).as_py()
            raise InputError(f"{chunk.locate(row)}: no value in the target column {name!r}. Drop such rows first.")
    arrays = [_objects(c) if kind_of(c.type) == "text" else c.to_numpy() for c in columns]
    return arrays[0] if len(arrays) == 1 else np.column_stack(arrays)


def check_count(what: str, value: object, otherwise: str = "") -> None:
    """Raise `InputError` for what is no whole number from 1; `otherwise` are words for what else could be given."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{what} is {value!r}; expected a whole number from 1{otherwise}")


def check_names(asked: Sequence[str], found: Sequence[str], where: str) -> None:
    """Raise `InputError` for a column that is not there, or more than once."""
    there, wanted = Counter(found), Counter(asked)
    if missing := [name for name in asked if name not in there]:
        raise InputError(f"{where} has no column {', '.join(map(repr, missing))}; it has {', '.join(map(repr, found))}")
    if twice := [name for name in wanted if there[name] > 1 or wanted[name] > 1]:
        raise InputError(f"{where}: more than one column is named {', '.join(map(repr, twice))}. Rename or drop it.")


def kind_of(arrow_type: Any) -> str | None:
    """Return "number", "text", or None for what is neither."""
    from pyarrow import types

    if types.is_dictionary(arrow_type):
        return kind_of(arrow_type.value_type)
    numeric = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null)
    if any(is_one(arrow_type) for is_one in numeric):
        return "number"
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    return "text" if any(is_one(arrow_type) for is_one in texts) else None


def as_typed(block: Block, types: Types, *, exact: Collection[str] = ()) -> Block:
    """Return the columns of `types`, in order and of these types.

    Raises `InputError` where a value is none of them. Integers beyond 2**53 are rounded to float64, as NumPy rounds
    them, but those of the columns `exact`.
    """
    import pyarrow as pa

    from bridge.data.sources import Block

    names = list(types)
    check_names(names, block.table.schema.names, block.where)
    chosen = block.table.select(names)
    if chosen.schema.types == list(types.values()):  # most blocks, and fast where there are a thousand columns
        return Block(chosen, block.where, block.start)
    columns = {name: _cast(block, name, wanted, is_exact=name in exact) for name, wanted in types.items()}
    return Block(pa.table(columns), block.where, block.start)


def _cast(block: Block, name: str, wanted: Any, *, is_exact: bool) -> Any:
    import pyarrow as pa

    column = block.table.column(name)
    found = column.type
    if found == wanted:
        return column
    where = f"{block.where}, from row {block.start + 1}: column {name!r}"
    if kind_of(found) != kind_of(wanted) and not pa.types.is_null(found):
        raise InputError(f"{where} has the type {found}; expected {wanted}, as in the rows before")
    plain = column.cast(found.value_type) if pa.types.is_dictionary(found) else column
    try:
        cast = plain.cast(wanted, safe=is_exact or not pa.types.is_floating(wanted))
        if _may_lose(plain.type, wanted) and not _is_equal(cast.cast(plain.type, safe=False), plain):
            raise pa.ArrowInvalid("values would change")
    except pa.ArrowException as error:
        raise InputError(
            f"{where} of the type {found} cannot be read as {wanted}, as in the rows before: {error}"
        ) from error
    return cast


def _may_lose(found: Any, wanted: Any) -> bool:
    """Return whether Arrow casts a type without an error where values change: fractions, say, to booleans."""
    from pyarrow import types

    if types.is_floating(found) and types.is_floating(wanted):
        return bool(found.bit_width > wanted.bit_width)
    return bool(types.is_boolean(wanted) or types.is_temporal(found))


def _is_equal(one: Any, other: Any) -> bool:
    """Return whether all values of two columns of one type are equal, and NaN where the other is NaN."""
    import pyarrow.compute as pc
    from pyarrow import types

    same = pc.equal(one, other)
    if types.is_floating(one.type):
        same = pc.or_(same, pc.is_nan(other))
    return bool(pc.all(same, min_count=0).as_py())


def cut(waiting: deque[tuple[T, int]], rows: int, table: Callable[[T], Any]) -> list[tuple[T, int, int]]:
    """Return the parts of blocks that are the next `rows` rows: a block, the row it starts from, and how many.

    `waiting` holds blocks, whose tables `table` gives, and how many rows of each were taken; what is left stays there.
    """
    parts = []
    while rows:
        block, start = waiting.popleft()
        count = min(rows, len(table(block)) - start)
        parts.append((block, start, count))
        if start + count < len(table(block)):
            waiting.appendleft((block, start + count))
        rows -= count
    return parts


def _take(waiting: deque[tuple[Block, int]], rows: int, done: int, pa: Any) -> Chunk:
    """Return the next `rows` rows, leaving the rest of a block in the queue."""
    parts = cut(waiting, rows, lambda block: block.table)
    tables = [block.table.slice(start, count) for block, start, count in parts]
    origins = tuple((block.where, block.start + start, count) for block, start, count in parts)
    return Chunk(pa.concat_tables(tables), origins, done)


def _objects(column: Any) -> NDArray[Any]:
    return np.asarray(column.to_numpy(), dtype=object)
