"""Blocks and chunks of rows that know the line each row came from, beside the rows that could not be read."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.data.chunks import as_typed, check_names, cut
from bridge.data.csv_rows import CsvFile
from bridge.data.sources import Block, Files, file_tables
from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bridge.data.csv_rows import Piece
    from bridge.data.csv_salvage import BadLine
    from bridge.data.sources import Source, Types

MOST_WHOLE_BYTES = 2**31
"""Of rows that hang on each other, and have to be in memory at once."""


@dataclass(frozen=True)
class BadRow:
    """A row that has no answer: its file, the line there (of a file without lines the row, from 1), why, the row."""

    file: str
    line: int
    cause: str
    row: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.cause}"


@dataclass(frozen=True)
class PlacedBlock:
    """Rows of one place, and those there that do not fit; `piece` is what was read of a CSV file."""

    block: Block
    bad: tuple[BadLine, ...] = ()
    piece: Piece | None = None

    def find_rows(self, rows: Sequence[int]) -> list[tuple[int, str]]:
        """Return the line and the text of some of the rows; of a file without lines, the columns read as JSON."""
        if self.piece is not None:
            found = self.piece.find_rows([b.line for b in self.bad])
            return [found[row] for row in rows]
        values = self.block.table.take(rows).to_pylist()
        return [
            (self.block.start + row + 1, json.dumps(value, default=str, ensure_ascii=False))
            for row, value in zip(rows, values, strict=True)
        ]


@dataclass(frozen=True)
class PlacedChunk:
    """Some rows as an Arrow table, the parts of blocks that they are, from a row on and so many, and bad rows."""

    table: Any
    parts: tuple[tuple[PlacedBlock, int, int], ...]
    bad: tuple[BadRow, ...]

    @property
    def rows(self) -> int:
        """How many rows there were in the source."""
        return len(self.table) + len(self.bad)

    def explain(self, causes: Sequence[tuple[int, str]]) -> list[BadRow]:
        """Return the rows of the table with these numbers, in ascending order, and what is wrong with each."""
        bad = []
        before = 0
        for placed, start, count in self.parts:
            here = [(start + row - before, cause) for row, cause in causes if before <= row < before + count]
            places = placed.find_rows([row for row, _ in here]) if here else []
            where = placed.block.where
            bad += [BadRow(where, line, cause, text) for (_, cause), (line, text) in zip(here, places, strict=True)]
            before += count
        return bad


def placed_chunks(source: Source, types: Types, rows: int | None, kept: Collection[str] = ()) -> Iterator[PlacedChunk]:
    """Yield chunks of `rows` rows that could be read, the last shorter; bad rows come with the first that follow.

    Columns of `kept` are not rounded, and text of a CSV file there stays as written, which elsewhere NA is not.
    Without `rows` all are one chunk; `InputError` where that takes more than `MOST_WHOLE_BYTES`.
    """
    waiting: deque[tuple[PlacedBlock, int]] = deque()
    bad: list[BadRow] = []
    held = size = 0
    for placed in placed_blocks(source, types, kept):
        bad += [BadRow(placed.block.where, b.line, b.cause, b.text) for b in placed.bad]
        if not len(placed.block.table):
            continue
        waiting.append((placed, 0))
        held += len(placed.block.table)
        size += placed.block.table.nbytes if rows is None else 0
        if size > MOST_WHOLE_BYTES:
            raise InputError(
                f"the rows of this model hang on each other and are asked together, and {held:,} rows already take "
                f"more than {MOST_WHOLE_BYTES / 2**30:g} GiB.\nScore fewer rows at once."
            )
        while rows is not None and held >= rows:
            yield _take(waiting, rows, bad)
            held, bad = held - rows, []
    if held or bad:
        yield _take(waiting, held, bad) if held else PlacedChunk(_empty(types), (), tuple(bad))


def placed_blocks(source: Source, types: Types, kept: Collection[str] = ()) -> Iterator[PlacedBlock]:
    """Yield blocks of the columns of `types`, of these types."""
    if not isinstance(source, Files):
        yield from (PlacedBlock(as_typed(block, types, exact=kept)) for block in source.blocks(types))
        return
    for file in source.files():
        if file.suffix == ".csv":
            yield from _csv_blocks(CsvFile.open(file), types, kept)
            continue
        done = 0
        for table in file_tables(file, types, ()):
            yield PlacedBlock(as_typed(Block(table, str(file), done), types, exact=kept))
            done += len(table)


def _csv_blocks(file: CsvFile, types: Types, kept: Collection[str]) -> Iterator[PlacedBlock]:
    done = 0
    check_names(list(types), file.names, str(file.path))
    for piece, table, bad in file.parsed(types, kept):
        yield PlacedBlock(Block(table, str(file.path), done), tuple(bad), piece)
        done += len(table)


def _take(waiting: deque[tuple[PlacedBlock, int]], rows: int, bad: list[BadRow]) -> PlacedChunk:
    """Return the next `rows` rows, leaving the rest of a block in the queue."""
    import pyarrow as pa

    parts = cut(waiting, rows, lambda placed: placed.block.table)
    tables = [placed.block.table.slice(start, count) for placed, start, count in parts]
    return PlacedChunk(pa.concat_tables(tables), tuple(parts), tuple(bad))


def _empty(types: Types) -> Any:
    import pyarrow as pa

    return pa.schema(list(types.items())).empty_table()
