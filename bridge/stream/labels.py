"""Find the classes of a target in a first pass, and rows whose label is none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.ahead import ahead
from bridge.data.chunks import as_targets, read_chunks
from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bridge.data.chunks import Chunk
    from bridge.data.sources import Source, Types

MOST_CLASSES = 100_000


def find_classes(
    source: Source, types: Types, targets: Sequence[str], rows: int, advance: Callable[[int], None]
) -> list[NDArray[Any]]:
    """Return the sorted labels of each target, reading no other column."""
    import pyarrow.compute as pc

    if not source.is_repeatable:
        raise InputError(
            "the classes must be known before the first chunk, and an iterator can be read only once.\n"
            "Give classes=, or a function that returns a new iterator."
        )
    found: list[set[Any]] = [set() for _ in targets]
    for chunk in ahead(read_chunks(source, {name: types[name] for name in targets}, rows)):
        for labels, name in zip(found, targets, strict=True):
            column = chunk.table.column(name)
            if column.null_count:
                as_targets(chunk, targets)  # raises with the row
            labels.update(pc.unique(column).to_pylist())
            if len(labels) > MOST_CLASSES:
                raise InputError(
                    f"the target {name!r} has more than {MOST_CLASSES:,} different values, which are no classes"
                )
        advance(len(chunk.table))
    return [as_labels(sorted(labels)) for labels in found]


def as_labels(labels: Any) -> NDArray[Any]:
    """Return labels as an array, text as objects, as a table has it."""
    array = np.unique(np.asarray(labels))
    return array.astype(object) if array.dtype.kind == "U" else array


def check_labels(chunk: Chunk, targets: Sequence[str], classes: Sequence[NDArray[Any]]) -> None:
    """Raise `InputError` for the first row whose label is none of the classes of its target."""
    import pyarrow.compute as pc

    for name, known in zip(targets, classes, strict=True):
        column = chunk.table.column(name)
        new = set(pc.unique(column).to_pylist()) - set(known.tolist()) - {None}
        if new:
            rows = [(pc.index(column, label).as_py(), label) for label in new]
            row, label = min(rows, key=lambda found: found[0])
            raise InputError(
                f"{chunk.locate(row)}: the target {name!r} is {label!r}, which is none of the {len(known)} classes "
                f"given: {', '.join(map(repr, known[:8].tolist()))}{' ...' if len(known) > 8 else ''}.\n"
                "Give all of them by classes=."
            )
