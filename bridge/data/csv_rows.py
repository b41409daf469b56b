"""Read a CSV file in pieces of whole rows that know their lines, and go on after bad rows."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from bridge.data.csv_salvage import NULLS, as_lines, parse_rows
from bridge.data.csv_workers import on_cores
from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from bridge.data.csv_salvage import BadLine

PIECE_BYTES = 2**20
"""Of the file, parsed at once; types of columns are found in the first piece."""

MOST_ROW_BYTES = 2**26
"""Of one row: a quote that does not end would take the rest of the file."""

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Piece:
    """Whole rows of a file: where they are in it, in bytes, and the number of their first line, from 1."""

    file: Path
    offset: int
    size: int
    line: int

    def read(self) -> bytes:
        """Return the bytes, once more."""
        with self.file.open("rb") as opened:
            opened.seek(self.offset)
            return opened.read(self.size)

    def find_rows(self, skipped: Sequence[int]) -> list[tuple[int, str]]:
        """Return the line and the text of each row, but of those that begin at the lines `skipped`."""
        data, left_out = self.read(), set(skipped)
        if b'"' in data or b"\r" in data:
            found = [(self.line + at, text.rstrip("\r\n")) for at, text, row in as_lines(data) if row]
        else:
            lines = data.decode(errors="replace").split("\n")
            found = [(n, text) for n, text in enumerate(lines, self.line) if text]
        return [(line, text) for line, text in found if line not in left_out]


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose first row names the columns; `start` is the byte where the others begin, `line` its number."""

    path: Path
    names: tuple[str, ...]
    start: int
    line: int

    @staticmethod
    def open(path: Path) -> CsvFile:
        """Read the names. Raises `InputError` where there are none."""
        with path.open("rb") as opened:
            size, head, end = PIECE_BYTES, opened.read(PIECE_BYTES), 0
            while head and not (end := _whole_rows(head, is_end=len(head) < size)):
                head += _read_more(opened, path, 1, size)
                size *= 2
        head, start, line = head.removeprefix(BOM), len(BOM) * head.startswith(BOM), 0
        for at, text, row in as_lines(head[: max(end - start, 0)]):
            encoded = text.encode("utf-8", "surrogateescape")
            start, line = start + len(encoded), at + _count_lines(encoded)
            if row:
                if not _is_text(encoded):
                    raise InputError(
                        f"{path} cannot be read as csv: the names of its columns are no UTF-8. Convert it."
                    )
                return CsvFile(path, tuple(row), start, line + 1)
        raise InputError(
            f"{path} cannot be read as csv: it is empty; expected a first line with the names of the columns"
        )

    def infer(self, text: Sequence[str]) -> Any:
        """Return the rows of the first piece, those of the columns `text` as text, all others as Arrow finds them."""
        import pyarrow as pa

        first = next(self._pieces(), None)
        if first is None:
            return pa.table({name: pa.array([], pa.string()) for name in dict.fromkeys(self.names)})
        piece, data = first
        try:
            return _parse(data, self.names, {name: pa.string() for name in text}, None)
        except pa.ArrowInvalid:  # a row of too few or too many fields
            good, _ = parse_rows(data, self.names, {name: pa.string() for name in self.names}, piece.line)
            stream = io.BytesIO()
            pa.csv.write_csv(good, stream)
            return _parse(stream.getvalue().partition(b"\n")[2], self.names, {n: pa.string() for n in text}, None)

    def parsed(
        self, types: Mapping[str, Any], kept: Collection[str] = ()
    ) -> Iterator[tuple[Piece, Any, list[BadLine]]]:
        """Yield each piece with an Arrow table of the columns of `types`, and the rows that do not fit them.

        A float64 is the one nearest to what is written. Empty fields, NA and the like are missing values, as for
        pandas; of text in the columns `kept` empty fields alone. Pieces are parsed on several cores, in order.
        """

        def parse(given: tuple[Piece, bytes]) -> tuple[Piece, Any, list[BadLine]]:
            piece, data = given
            return piece, *_parse_or_salvage(piece, data, self.names, types, kept)

        yield from on_cores(parse, self._pieces())

    def _pieces(self) -> Iterator[tuple[Piece, bytes]]:
        """Yield the pieces after the names, and their bytes."""
        offset, line, size = self.start, self.line, PIECE_BYTES
        with self.path.open("rb") as opened:
            opened.seek(offset)
            data = opened.read(size)
            while data:
                end = _whole_rows(data, is_end=len(data) < size)
                if not end:
                    data += _read_more(opened, self.path, line, size)
                    size *= 2
                    continue
                yield Piece(self.path, offset, end, line), data[:end]
                offset, line, size = offset + end, line + _count_lines(data[:end]), PIECE_BYTES
                data = data[end:] + opened.read(max(size - (len(data) - end), 0))


def _read_more(opened: IO[bytes], path: Path, line: int, size: int) -> bytes:
    if size > MOST_ROW_BYTES:
        raise InputError(
            f"{path} cannot be read as csv: the row that begins in or after line {line} has more than "
            f"{MOST_ROW_BYTES:,} bytes. A quote may not end."
        )
    return opened.read(size)


def _whole_rows(data: bytes, *, is_end: bool) -> int:
    """Return how many bytes from the start on are whole rows: all at the end of the file; 0 where no row ends."""
    if is_end:
        return len(data)
    if b'"' not in data:
        if b"\n" not in data and b"\r" in data:
            return data[:-1].rfind(b"\r") + 1
        return data.rfind(b"\n") + 1
    # Whether a line ends inside of quotes shows from the start of the row alone. The last row may not be whole.
    ends = [0, 0]
    for _, text, _ in as_lines(data, "latin-1"):  # one character a byte
        ends.append(ends[-1] + len(text))
    return ends[-2]


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _count_lines(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _parse_or_salvage(
    piece: Piece, data: bytes, names: Sequence[str], types: Mapping[str, Any], kept: Collection[str]
) -> tuple[Any, list[BadLine]]:
    import pyarrow as pa

    try:
        return _with_nulls(_parse(data, names, types, list(types), words_are_null=not kept), kept), []
    except pa.ArrowInvalid:
        try:
            table, bad = parse_rows(data, names, types, piece.line, kept)
        except csv.Error as error:
            raise InputError(f"{piece.file} cannot be read as csv: from line {piece.line} on, {error}") from error
        is_last = piece.offset + piece.size == piece.file.stat().st_size
        if bad and is_last and data.endswith(bad[-1].text.encode()) and _is_open(bad[-1].text):
            raise InputError(
                f"{piece.file} cannot be read as csv: a quote in the row of line {bad[-1].line} does not end"
            ) from None
        return table, bad


def _is_open(row: str) -> bool:
    """Return whether a quote does not end in the text of a row: a line after it would be of the same row."""
    return sum(1 for _ in as_lines(f"{row}\n,".encode())) == 1


def _with_nulls(table: Any, kept: Collection[str]) -> Any:
    """Return the table with nulls for what stands for a missing value in text; of the columns `kept` nothing does."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for place, field in enumerate(table.schema if kept else ()):
        if pa.types.is_string(field.type):
            words = pa.array(("",) if field.name in kept else NULLS)
            column = table.column(place)
            table = table.set_column(place, field, pc.if_else(pc.is_in(column, words), None, column))
    return table


def _parse(
    data: bytes,
    names: Sequence[str],
    types: Mapping[str, Any],
    columns: list[str] | None,
    *,
    words_are_null: bool = True,
) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if not data.strip(b"\r\n"):
        return pa.table(
            {n: pa.array([], types.get(n, pa.string())) for n in (columns if columns is not None else names)}
        )
    return arrow_csv.read_csv(
        pa.BufferReader(data),
        read_options=arrow_csv.ReadOptions(block_size=len(data) + 1, column_names=list(names), use_threads=False),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=b'"' in data),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict(types), include_columns=columns, null_values=NULLS, strings_can_be_null=words_are_null
        ),
    )
