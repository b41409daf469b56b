"""Where rows come from: files, a query, an iterator of frames; each gives blocks of bounded size, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bridge.data.csv_blocks import csv_blocks
from bridge.data.frame import is_frame
from bridge.errors import InputError, InputTypeError, MissingExtraError

if TYPE_CHECKING:
    import os

Types = Mapping[str, Any]
"""Names of columns, in order, and their Arrow types."""

BLOCK_ROWS = 65_536
"""Rows that are asked for at once where a source reads by rows."""

SUFFIXES = (".csv", ".parquet", ".arrow", ".feather")


@dataclass(frozen=True)
class Block:
    """Some rows of one place, which errors name: `where`, with `start` rows before them there."""

    table: Any
    where: str
    start: int


class Source(Protocol):
    """What `read_chunks` reads."""

    @property
    def is_repeatable(self) -> bool:
        """Whether the rows can be read again."""

    def blocks(self, types: Types | None) -> Iterator[Block]:
        """Yield blocks of at least the columns of `types`, or of all columns as they are found."""

    def identity(self) -> list[str]:
        """Return what tells whether the source is the one that it was."""


@dataclass(frozen=True)
class Files:
    """The rows of a file, or of all files in a folder and its subfolders in the order of their names.

    Attributes
    ----------
    path
        A .csv, .parquet, .arrow or .feather file, or a folder that holds files of one or more of these kinds, itself or
        in folders. Other files are passed over, and what begins with a dot. Folders named `column=value` are refused.
    text
        The columns to read as text where the file has no types of its own (CSV), such as codes made of digits.
    """

    path: str | os.PathLike[str]
    text: tuple[str, ...] = ()

    @property
    def is_repeatable(self) -> bool:
        return True

    def blocks(self, types: Types | None) -> Iterator[Block]:
        for file in self.files():
            done = 0
            for table in file_tables(file, types, self.text):
                yield Block(table, str(file), done)
                done += len(table)

    def identity(self) -> list[str]:
        path = Path(self.path)
        stats = [(file.name if file == path else file.relative_to(path), file.stat()) for file in self.files()]
        return [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats] + [f"text {self.text}"]

    def files(self) -> list[Path]:
        """Return the files, in order."""
        path = Path(self.path)
        if path.is_dir():
            files = list(_walk(path))
            if not files:
                raise InputError(f"the folder {path} holds no file of the kinds {', '.join(SUFFIXES)}")
            return files
        if path.suffix not in SUFFIXES:
            raise InputError(
                f"{path} has the suffix {path.suffix!r}; expected one of {', '.join(SUFFIXES)}, or a folder"
            )
        if not path.is_file():
            raise FileNotFoundError(2, "No such file", str(path))
        return [path]


@dataclass(frozen=True)
class Query:
    """The rows that a database answers with; ask for an order (ORDER BY) where the rows shall come in the same one.

    Attributes
    ----------
    sql
        The query.
    connect
        A function that opens a connection, of DuckDB or of any DB-API driver, which is closed after reading; it is
        called once a pass, in the thread that reads. Or the path of a database: .duckdb for DuckDB, else SQLite.
    """

    sql: str
    connect: Callable[[], Any] | str | os.PathLike[str]

    @property
    def is_repeatable(self) -> bool:
        return True

    def blocks(self, types: Types | None) -> Iterator[Block]:  # noqa: ARG002  # the query names its columns
        try:
            yield from self._blocks()
        except Exception as error:
            if all(cls.__name__ != "Error" for cls in type(error).__mro__):  # so PEP 249 calls those of each driver
                raise
            raise InputError(f"the query cannot be read: {error}") from error

    def _blocks(self) -> Iterator[Block]:
        connection = self._open()
        done = 0
        try:
            for table in _query_tables(connection, self.sql):
                yield Block(table, "the query", done)
                done += len(table)
        finally:
            connection.close()

    def identity(self) -> list[str]:
        query = hashlib.sha256(self.sql.encode()).hexdigest()
        if callable(self.connect):
            return [query]
        path = Path(self.connect)
        stat = path.stat()
        return [query, f"{path.name} {stat.st_size} {stat.st_mtime_ns}"]

    def _open(self) -> Any:
        if callable(self.connect):
            return self.connect()
        path = Path(self.connect)
        if not path.is_file():
            raise FileNotFoundError(2, "No such file", str(path))
        if path.suffix == ".duckdb":
            try:
                import duckdb
            except ImportError as error:
                raise InputError(f"reading {path.name} needs the package duckdb: pip install duckdb") from error
            return duckdb.connect(str(path), read_only=True)
        import sqlite3

        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


@dataclass
class Frames:
    """The rows of pandas, polars or Arrow tables, one after another.

    `frames` is what can be iterated over: a list, say, or an iterator, which can be read once alone; or a function that
    returns an iterator and is called once a pass.
    """

    frames: Iterable[Any] | Callable[[], Iterable[Any]]
    _first: list[Any] = field(default_factory=list)
    _is_used: bool = False

    @property
    def is_repeatable(self) -> bool:
        return callable(self.frames) or iter(self.frames) is not self.frames

    def blocks(self, types: Types | None) -> Iterator[Block]:
        for number, frame in enumerate(self._iterate(only_first=types is None)):
            yield Block(_as_arrow(frame), f"frame {number}", 0)

    def identity(self) -> list[str]:
        return ["frames"]

    def _iterate(self, *, only_first: bool) -> Iterator[Any]:
        if self.is_repeatable:
            return iter(self.frames() if callable(self.frames) else self.frames)
        iterator = iter(self.frames)  # type: ignore[arg-type]  # what can be called is repeatable
        if only_first:  # kept for the pass that follows
            self._first = self._first or list(islice(iterator, 1))
            return iter(self._first)
        if self._is_used:
            raise InputError(
                "the iterator has been read to its end and is needed again.\n"
                "Give a function that returns a new one: lambda: make_frames()."
            )
        self._is_used = True
        first, self._first = self._first, []
        return chain(first, iterator)


def as_source(source: Any) -> Source:
    """Return the source for a path, a table, an iterator, a function that returns one, or a source as it is."""
    if isinstance(source, Files | Query | Frames):
        return source
    if isinstance(source, str | Path) or hasattr(source, "__fspath__"):
        return Files(source)
    if is_frame(source):
        return Frames([source])
    if callable(source) or (isinstance(source, Iterable) and not isinstance(source, Mapping)):
        return Frames(source)
    raise InputTypeError(
        f"the source is a {type(source).__name__}; expected the path of a file or folder, bridge.data.sources.Query, "
        "a table, an iterator of tables, or a function that returns one."
    )


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files of all kinds that can be read, in order."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if "=" in path.name:
                raise InputError(
                    f"the folder {path} keeps a column in its name, which is not read.\n"
                    "Write the column into the files, or name one such folder as the source."
                )
            yield from _walk(path)
        elif path.suffix in SUFFIXES:
            yield path


def file_tables(file: Path, types: Types | None, text: Sequence[str]) -> Iterator[Any]:
    """Yield the tables of one file, with its errors as ours."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError("pyarrow", extra="files", purpose=f"a {file.suffix[1:]} file") from error
    try:
        if file.suffix == ".csv":
            yield from csv_blocks(file, types, text)
        elif file.suffix == ".parquet":
            yield from _parquet_tables(file, types)
        else:
            yield from _arrow_tables(file)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # Arrow raises damaged pages without a number
            raise
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{file} cannot be read as {file.suffix[1:]}: {reason}") from error


def _parquet_tables(file: Path, types: Types | None) -> Iterator[Any]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    # Buffering ahead would hold the file in memory as far as it has been read, in five times the CPU time.
    with ParquetFile(file, pre_buffer=False) as parquet:
        known = None if types is None else [name for name in types if name in parquet.schema_arrow.names]
        for batch in parquet.iter_batches(BLOCK_ROWS, columns=known):
            yield pa.Table.from_batches([batch])
        if not parquet.metadata.num_rows:
            yield parquet.schema_arrow.empty_table()


def _arrow_tables(file: Path) -> Iterator[Any]:
    import pyarrow as pa

    with pa.memory_map(str(file)) as source:
        reader = pa.ipc.open_file(source)
        for number in range(reader.num_record_batches):
            table = pa.Table.from_batches([reader.get_batch(number)])
            for start in range(0, len(table), BLOCK_ROWS):
                yield table.slice(start, BLOCK_ROWS)
        if not reader.num_record_batches:
            yield reader.schema.empty_table()


def _query_tables(connection: Any, sql: str) -> Iterator[Any]:
    import pyarrow as pa

    if hasattr(connection, "sql"):  # DuckDB
        answer = connection.sql(sql)
        if answer is None:
            raise InputError(f"the query answers with no table: {sql}")
        read = answer.to_arrow_reader if hasattr(answer, "to_arrow_reader") else answer.fetch_arrow_reader
        yield from (pa.Table.from_batches([batch]) for batch in read(BLOCK_ROWS))
        return
    cursor = connection.cursor()
    cursor.execute(sql)
    if cursor.description is None:
        raise InputError(f"the query answers with no table: {sql}")
    names = [column[0] for column in cursor.description]
    done = 0
    while rows := cursor.fetchmany(BLOCK_ROWS):
        arrays = []
        for name, column in zip(names, zip(*rows, strict=True), strict=True):
            try:
                arrays.append(pa.array(column))
            except pa.ArrowException as error:
                raise InputError(
                    f"the query, from row {done + 1}: column {name!r} holds values of several types: {error}.\n"
                    "Cast it in the query."
                ) from error
        yield pa.table(arrays, names=names)
        done += len(rows)


def _as_arrow(frame: Any) -> Any:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtraError("pyarrow", extra="files", purpose="reading frames in chunks") from error
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if hasattr(frame, "to_arrow"):
        return frame.to_arrow()
    if is_frame(frame):
        try:
            return pa.Table.from_pandas(frame, preserve_index=False)
        except (pa.ArrowException, ValueError) as error:  # values of several types in a column, a name more than once
            reason = ": ".join(map(str, reversed(error.args)))
            raise InputError(f"a table cannot be read: {reason}.\nCast or rename its columns.") from error
    raise InputTypeError(f"the iterator gave a {type(frame).__name__}; expected a pandas, polars or Arrow table")
