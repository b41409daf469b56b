"""Cut a CSV file into pieces of whole lines, each parsed by itself."""

from __future__ import annotations

from functools import partial
from typing import IO, TYPE_CHECKING, Any

from bridge.data.csv_workers import on_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def parse_pieces(
    file: IO[bytes], size: int, parse: Callable[[bytes], Any], parse_rest: Callable[[IO[bytes]], Iterator[Any]]
) -> Iterator[Any]:
    """Yield what `parse` makes of pieces of whole lines, of about `size` bytes, from where the file stands.

    Whether a line ends inside quotes cannot be told from a piece: from the first piece with a quote on, and where lines
    end without a line feed, `parse_rest` reads the file in one go.
    """
    yield from on_cores(parse, iter(partial(_next_piece, file, size), b""))
    yield from parse_rest(file)


def _next_piece(file: IO[bytes], size: int) -> bytes:
    """Return the next lines; nothing, with the file where it stood, at the end or where `parse_rest` has to go on."""
    start = file.tell()
    file.seek(start + size)
    rest = file.readline(size)
    file.seek(start)
    if len(rest) == size and not rest.endswith(b"\n"):  # a line as long as a piece, or no line feeds at all
        return b""
    piece = file.read(size + len(rest))  # in one go: cutting it to whole lines would copy it
    if b'"' in piece:
        piece = b""
        file.seek(start)
    return piece
