"""The loop over chunks of a scoring: read, answer and write, each in a thread of its own."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.data.ahead import ahead
from bridge.data.behind import behind
from bridge.data.placed import placed_chunks
from bridge.data.sinks import open_sink
from bridge.errors import InputError
from bridge.stream.parts import Part
from bridge.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.data.placed import PlacedChunk
    from bridge.data.sources import Source
    from bridge.stream.parts import Parts
    from bridge.stream.plan import Plan


@dataclass(frozen=True)
class Scored:
    """What came of a scoring: `rows` in the sink, `bad_rows` in the side file; `schema` is Arrow's, of the sink."""

    rows: int
    bad_rows: int
    schema: Any


@dataclass(frozen=True)
class Scoring:
    """What to read, ask and write. `side` is the file for bad rows, None to stop at the first.

    `chunk_rows` is None where all rows have to be asked at once; `parts` where finished chunks are kept, `total` about
    how many rows there are, None where nobody knows.
    """

    source: Source
    plan: Plan
    sink: Path
    side: Path | None
    chunk_rows: int | None
    parts: Parts | None
    total: int | None

    def run(self, *, progress: bool) -> Scored:
        """Write the sink, and the side file where there is one."""
        done = self.parts.open() if self.parts else 0
        rows = bad_rows = 0
        show = waiting("Scoring", total=self.total, unit="rows") if progress else nullcontext()
        with ExitStack() as stack:
            advance = stack.enter_context(show) or (lambda _: None)
            write = stack.enter_context(open_sink(self.sink, self.plan.asker.schema))
            write_bad = stack.enter_context(open_sink(self.side, side_schema())) if self.side else None

            def finish(item: tuple[int, Part]) -> None:
                number, part = item
                if self.parts and number >= done:
                    self.parts.add(number, part)
                if len(part.answers):
                    write(part.answers)
                if write_bad and part.bad:
                    write_bad(_as_table(part.bad))
                advance(part.rows)

            give = stack.enter_context(behind(finish))
            for item in self._make_parts(done):
                give(item)
                rows, bad_rows = rows + len(item[1].answers), bad_rows + len(item[1].bad)
        if self.parts:
            self.parts.remove()
        return Scored(rows, bad_rows, self.plan.asker.schema)

    def _make_parts(self, done: int) -> Iterator[tuple[int, Part]]:
        """Yield the parts with their numbers: the first `done` as they were kept, checked against the source."""
        kept = self.parts.read(done) if self.parts else iter(())
        count = 0
        placed = placed_chunks(self.source, self.plan.types, self.chunk_rows, self.plan.only_kept)
        with closing(ahead(placed)) as chunks:
            for number, chunk in enumerate(chunks):
                count += 1
                found = _digest(chunk) if self.parts else ""
                if number >= done:
                    yield number, self._ask(chunk, found)
                    continue
                part = next(kept)
                if (part.rows, part.digest) != (chunk.rows, found):
                    raise InputError(
                        f"the source has other rows than before, in part {number} of {done}.\n"
                        "Give the same rows in the same order."
                    )
                yield number, part
        if count < done:
            raise InputError(
                f"the source ends after {count} chunks, but {done} were answered before.\n"
                "Give the same rows in the same order."
            )

    def _ask(self, chunk: PlacedChunk, digest: str) -> Part:
        ask, table, bad = self.plan.asker, chunk.table, list(chunk.bad)
        if bad and self.side is None:
            raise InputError(f"{bad[0]}.{_ADVICE}")
        try:
            return Part(ask(table), tuple(bad), digest)
        except InputError as error:
            refused = ask.refused_rows(table)
            if self.side is None:
                first = next(refused, None)
                if first is None:
                    raise
                raise InputError(f"{chunk.explain([first])[0]}{_ADVICE}") from error
            causes = list(refused)
            if not causes:
                raise
        bad += chunk.explain([(row, cause.partition("\n")[0]) for row, cause in causes])
        return Part(ask(_without(table, [row for row, _ in causes])), tuple(bad), digest)


def side_schema() -> Any:
    """Return the Arrow schema of the side file."""
    import pyarrow as pa

    return pa.schema([("file", pa.string()), ("line", pa.int64()), ("cause", pa.string()), ("row", pa.string())])


_ADVICE = '\nCorrect the row, or put such rows into a file of their own: bad_rows="bad.csv", or --bad-rows bad.csv.'


def _as_table(bad: tuple[Any, ...]) -> Any:
    import pyarrow as pa

    schema = side_schema()
    return pa.table({name: [getattr(row, name) for row in bad] for name in schema.names}, schema=schema)


def _without(table: Any, rows: list[int]) -> Any:
    import numpy as np
    import pyarrow as pa

    is_good = np.ones(len(table), np.bool_)
    is_good[rows] = False
    return table.filter(pa.array(is_good))


def _digest(chunk: PlacedChunk) -> str:
    """Return a hash of the rows, whatever the arrays that hold them."""
    import pyarrow as pa

    found = hashlib.blake2b(digest_size=16)
    sink = pa.BufferOutputStream()
    table = chunk.table.combine_chunks()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    found.update(sink.getvalue())
    found.update(repr(chunk.bad).encode())
    return found.hexdigest()
