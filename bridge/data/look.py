"""Look at the first rows of a source: its columns, their types, and how long its rows are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.data.csv_rows import PIECE_BYTES, CsvFile
from bridge.data.sources import Files, Frames

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.data.sources import Source


@dataclass(frozen=True)
class Look:
    """The first rows of a source; `table` is None where it gave no table at all.

    `names` are all columns, the same name more than once where the file has it so. `is_csv` says that the types were
    inferred.
    """

    where: str
    table: Any
    names: tuple[str, ...]
    is_csv: bool = False

    def row_bytes(self, name: str) -> float:
        """Return the bytes that a column takes in a row, 8 where there are none to see."""
        return max(self.table.column(name).nbytes / len(self.table), 1) if len(self.table) else 8


def look_at(source: Source) -> Look:
    """Read the first rows of a source; of a CSV file the first piece, from which Arrow infers types."""
    if isinstance(source, Files) and (file := source.files()[0]).suffix == ".csv":
        opened = CsvFile.open(file)
        table = opened.infer([name for name in source.text if name in opened.names])
        return Look(str(file), table, opened.names, is_csv=True)
    blocks = source.blocks(None)
    block = next(blocks, None)
    if block is None:
        return Look("the source", None, ())
    return Look(block.where, block.table, tuple(block.table.schema.names))


def total_rows(source: Source, look: Look) -> int | None:
    """Return how many rows a source has, for CSV files by their bytes and so about; None where nobody knows."""
    if isinstance(source, Frames):
        frames = source.frames
        return sum(map(len, frames)) if isinstance(frames, list | tuple) else None
    if not isinstance(source, Files):
        return None
    return sum(_rows_of(file, look) for file in source.files())


def _rows_of(file: Path, look: Look) -> int:
    size = file.stat().st_size
    if file.suffix == ".csv":
        seen = len(look.table) if look.is_csv else CsvFile.open(file).infer(()).num_rows
        return round(seen * max(size / PIECE_BYTES, 1))
    import pyarrow as pa

    try:
        if file.suffix == ".parquet":
            from pyarrow.parquet import read_metadata

            return int(read_metadata(file).num_rows)
        with pa.memory_map(str(file)) as opened:
            reader = pa.ipc.open_file(opened)
            return sum(reader.get_batch(i).num_rows for i in range(reader.num_record_batches))
    except pa.ArrowException:  # said when its turn comes
        return 0
