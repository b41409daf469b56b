"""Read a CSV file block by block, with the line of a bad row."""

from __future__ import annotations

import csv
from typing import IO, TYPE_CHECKING, Any

from bridge.data.csv_numbers import parse_numbers
from bridge.data.csv_pieces import parse_pieces
from bridge.data.csv_salvage import NULLS
from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

BLOCK_BYTES = 2**20
"""Of the file, read at once; types of columns are found in the first block. Four times as many took 10% longer."""

PIECE_BYTES = 2**22
"""Of lines that are parsed at once by one thread; a quarter took a fifth more CPU time."""


def csv_blocks(file: Path, types: Mapping[str, Any] | None, text: Sequence[str]) -> Iterator[Any]:
    """Yield Arrow tables of the columns of `types`, or of all as Arrow finds them, those of `text` as text.

    A float64 is the one nearest to what is written. Empty fields, NA and the like are missing values, as in scoring.

    Raises
    ------
    InputError
        A row has too few or too many fields, or a field that is not of its column's type: with the line.
    """
    import pyarrow as pa

    with file.open("rb") as opened:
        if not opened.read(1):
            raise InputError(f"{file} is empty; expected a first line with the names of the columns")
    read: dict[str, Any] = {}
    try:
        reader = _open(file, {name: pa.string() for name in text}, None)
        read = dict(zip(reader.schema.names, reader.schema.types, strict=True))
        if types is not None:
            # Arrow reads "true" as a boolean alone, which becomes a number later.
            numbers = [n for n in read if read[n] == pa.bool_() and types.get(n) != pa.string()]
            wanted = {n: pa.bool_() if n in numbers else t for n, t in types.items() if n in read}
            read |= wanted
            yield from _read_pieces(file, reader.schema.names, wanted)
            return
        for batch in reader:
            yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid as error:
        try:
            found = _find_bad_line(file, read)
        except csv.Error:  # a field of more than 128 KiB
            found = None
        if found is not None:
            raise InputError(f"{file}, {found}") from error
        raise


def _read_pieces(file: Path, names: list[str], types: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the tables of a file of known columns and types, parsed on several cores where its lines allow it."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    def parse(piece: bytes) -> Any:
        table = parse_numbers(piece, names, types)
        if table is not None:
            return table
        options = _options(types, list(types), names, size=len(piece) + 1)
        return arrow_csv.read_csv(pa.BufferReader(piece), **options)

    def parse_rest(opened: IO[bytes]) -> Iterator[Any]:
        if opened.read(1):
            opened.seek(-1, 1)
            reader = arrow_csv.open_csv(opened, **_options(types, list(types), names))
            yield from (pa.Table.from_batches([batch]) for batch in reader)

    with file.open("rb") as opened:
        first = opened.readline().decode("utf-8-sig", errors="replace").rstrip("\r\n")
        if "\r" not in first and next(csv.reader([first]), []) == names:
            yield from parse_pieces(opened, PIECE_BYTES, parse, parse_rest)
            return
    reader = _open(file, types, list(types))  # the names take several lines, or come after an empty one
    yield from (pa.Table.from_batches([batch]) for batch in reader)


def _open(file: Path, types: Mapping[str, Any], columns: list[str] | None) -> Any:
    from pyarrow import csv as arrow_csv

    return arrow_csv.open_csv(file, **_options(types, columns))


def _options(
    types: Mapping[str, Any], columns: list[str] | None, names: list[str] | None = None, size: int = 0
) -> dict[str, Any]:
    from pyarrow import csv as arrow_csv

    return {
        "read_options": arrow_csv.ReadOptions(block_size=size or BLOCK_BYTES, column_names=names, use_threads=not size),
        "parse_options": arrow_csv.ParseOptions(newlines_in_values=True),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=dict(types), include_columns=columns, null_values=NULLS, strings_can_be_null=True
        ),
    }


def _find_bad_line(file: Path, types: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the first row that is wrong, and its line: Arrow counts none."""
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        rows = csv.reader(lines)
        header = next(rows, [])
        checks = [(i, name, _check(types[name])) for i, name in enumerate(header) if name in types]
        for row in rows:
            if row and len(row) != len(header):
                return f"line {rows.line_num}: {len(row)} fields; expected {len(header)}, as in the first line"
            for i, name, check in checks if row else ():
                if not check(row[i]):
                    return (
                        f"line {rows.line_num}: column {name!r} holds {row[i]!r}; expected {types[name]}, as in the "
                        f"rows before.\nCorrect the row, or read the column as text."
                    )
    return None


def _check(arrow_type: Any) -> Callable[[str], bool]:
    """Return whether a field, as it is written, can be of an Arrow type."""
    from pyarrow import types as kinds

    missing = set(NULLS)
    if kinds.is_integer(arrow_type):
        return lambda field: field in missing or _can(int, field)
    if kinds.is_floating(arrow_type):
        return lambda field: field in missing or _can(float, field)
    if kinds.is_boolean(arrow_type):
        return lambda field: field in missing or field.lower() in {"true", "false", "0", "1"}
    return lambda _: True


def _can(convert: Callable[[str], object], field: str) -> bool:
    try:
        convert(field)
    except ValueError:
        return False
    return True
