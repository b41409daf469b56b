"""Write tables of one schema, one after another, to a CSV, Parquet or Arrow file."""

from __future__ import annotations

import csv
import io
import os
import sys
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from bridge.data.beside import written_beside
from bridge.data.chunks import kind_of
from bridge.errors import ArtifactError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Write = Callable[[Any], None]


@contextmanager
def open_sink(path: Path, schema: Any) -> Iterator[Write]:
    """Yield a function that appends an Arrow table of `schema`; the file comes to its name after the block, whole.

    The tables are the row groups of a Parquet file and the batches of an Arrow file. Whatever ends the block early
    leaves `path` as it was.

    Raises
    ------
    ArtifactError
        The file cannot be written: the disk is full, say.
    """
    with ExitStack() as stack:  # within the block errors are the caller's, of reading say
        with explained(path):
            beside = stack.enter_context(written_beside(path))
            write = stack.enter_context(_OPENERS[path.suffix](beside, schema))
        try:
            yield lambda table: _write(write, table, path)
        except BaseException:
            with suppress(OSError):  # to close what could not be written raises once more
                stack.__exit__(*sys.exc_info())
            raise
        with explained(path):
            stack.close()


def check_sink(path: Path, schema: Any) -> None:
    """Raise `InputError` where a file of this kind cannot hold columns of these types."""
    from pyarrow import types

    bytes_ = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_binary_view)
    for what, is_one in (("lists", types.is_nested), ("bytes", lambda kind: any(f(kind) for f in bytes_))):
        odd = [field.name for field in schema if is_one(field.type)]
        if odd and path.suffix == ".csv":
            raise InputError(
                f"{path.name}: a CSV file holds no {what}, as in the column{'s' * (len(odd) > 1)} {', '.join(odd)}.\n"
                "Write a .parquet or .arrow file."
            )


def _write(write: Write, table: Any, path: Path) -> None:
    with explained(path):
        write(table)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise `ArtifactError` for what the system says against writing a file."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error).strip().partition("\n")[0]
        raise ArtifactError(f"{path} cannot be written: {reason}. Nothing has been put in its place.") from error


@contextmanager
def _open_parquet(file: Path, schema: Any) -> Iterator[Write]:
    from pyarrow import parquet

    # A dictionary of numbers that hardly repeat is made, and thrown away when it grows: half of the time.
    texts = [field.name for field in schema if kind_of(field.type) == "text"]
    with parquet.ParquetWriter(file, schema, use_dictionary=texts or False) as writer:
        yield lambda table: writer.write_table(table, row_group_size=max(len(table), 1))


@contextmanager
def _open_arrow(file: Path, schema: Any) -> Iterator[Write]:
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="lz4" if pa.Codec.is_available("lz4") else None)
    with pa.ipc.new_file(str(file), schema, options=options) as writer:
        yield lambda table: writer.write_table(table.combine_chunks())


@contextmanager
def _open_csv(file: Path, schema: Any) -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = io.StringIO()
    csv.writer(names, lineterminator="\n").writerow(schema.names)
    options = arrow_csv.WriteOptions(include_header=False, quoting_style="needed")
    with pa.OSFile(str(file), "wb") as stream:
        stream.write(names.getvalue().encode())
        with arrow_csv.CSVWriter(stream, schema, write_options=options) as writer:
            yield lambda table: writer.write_table(_with_empty_nan(table))


def _with_empty_nan(table: Any) -> Any:
    """Return the table with nulls for NaN, which a CSV file has as empty fields."""
    import pyarrow.compute as pc
    from pyarrow import types

    for place, field in enumerate(table.schema):
        if types.is_floating(field.type):
            column = table.column(place)
            missing = pc.is_nan(column)
            if pc.any(missing).as_py():
                table = table.set_column(place, field, pc.if_else(missing, None, column))
    return table


_OPENERS = {".csv": _open_csv, ".parquet": _open_parquet, ".arrow": _open_arrow, ".feather": _open_arrow}
