"""Parse the rows of a CSV file one by one, where some do not fit: slow, but it says which and why."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

NULLS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What stands for a missing value, as for pandas."""

_TRUE, _FALSE = {"true", "1"}, {"false", "0"}


@dataclass(frozen=True)
class BadLine:
    """A row that does not fit: its first line, counted from 1, what is wrong, and the row as it stands there."""

    line: int
    cause: str
    text: str


def as_lines(data: bytes, encoding: str = "utf-8") -> Iterator[tuple[int, str, list[str]]]:
    """Yield for each row its first line, counted from 0, its text, and its fields; none for an empty line.

    A carriage return by itself ends a line, as it does for Arrow.
    """
    lines = list(io.StringIO(data.decode(encoding, "surrogateescape"), newline=""))
    csv.field_size_limit(max(csv.field_size_limit(), len(data)))  # 128 KiB by default, less than some texts
    reader = csv.reader(lines)
    start = 0
    for row in reader:
        yield start, "".join(lines[start : reader.line_num]), row
        start = reader.line_num


def parse_rows(
    data: bytes, names: Sequence[str], types: Mapping[str, Any], line: int, kept: Collection[str] = ()
) -> tuple[Any, list[BadLine]]:
    """Return an Arrow table of the columns of `types` from the rows that fit, and the rows that do not.

    Where integers are expected, a number such as 2.0 is one. Text of the columns `kept` is missing where it is empty,
    and no other word stands for that.
    """
    import pyarrow as pa

    def converter(name: str, kind: Any) -> Callable[[str], Any]:
        nulls = frozenset(("",) if name in kept and pa.types.is_string(kind) else NULLS)
        convert = _converter(kind)
        return lambda field: None if field in nulls else convert(field)

    wanted = [(names.index(name), name, kind, converter(name, kind)) for name, kind in types.items()]
    columns: list[list[Any]] = [[] for _ in wanted]
    bad = []
    for at, text, row in as_lines(data):
        if not row:
            continue
        values, cause = _convert(row, len(names), wanted)
        if cause:
            bad.append(BadLine(line + at, _readable(cause), _readable(text.rstrip("\r\n"))))
            continue
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    arrays = [pa.array(column, kind) for column, (_, _, kind, _) in zip(columns, wanted, strict=True)]
    return pa.table(dict(zip(types, arrays, strict=True))), bad


def _convert(row: list[str], width: int, wanted: Sequence[tuple[int, str, Any, Any]]) -> tuple[list[Any], str]:
    """Return the values of a row, or what is wrong with it."""
    if len(row) != width:
        return [], f"{len(row)} field{'s' * (len(row) != 1)}; expected {width}, as in the first line"
    values = []
    for place, name, kind, convert in wanted:
        field = row[place]
        try:
            values.append(convert(field))
        except ValueError:
            return [], f"column {name!r} holds {field!r}; expected {kind}"
    return values, ""


def _converter(kind: Any) -> Callable[[str], Any]:
    """Return the function from a field, as it is written, to its value; it raises `ValueError`."""
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return _integer
    if pa.types.is_floating(kind):
        return _number
    if pa.types.is_boolean(kind):
        return _boolean
    if pa.types.is_string(kind):
        return _text
    if pa.types.is_time(kind):  # Arrow casts no text to these
        return time.fromisoformat
    return lambda field: pa.scalar(field).cast(kind).as_py()  # Arrow's errors derive from ValueError


def _number(field: str) -> float:
    if "_" in field:
        raise ValueError(field)
    return float(field)


def _integer(field: str) -> int:
    try:
        number = int(field)
    except ValueError:
        value = _number(field)
        if not value.is_integer() or abs(value) >= 2**53:
            raise ValueError(field) from None
        return int(value)
    if "_" in field or not -(2**63) <= number < 2**63:
        raise ValueError(field)
    return number


def _boolean(field: str) -> bool:
    lower = field.strip().lower()
    if lower not in _TRUE | _FALSE:
        raise ValueError(field)
    return lower in _TRUE


def _text(field: str) -> str:
    field.encode()  # raises for bytes that are no UTF-8
    return field


def _readable(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
