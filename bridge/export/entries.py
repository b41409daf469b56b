"""Sparse answers of many columns: the positions and values of the entries alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.export.builder import Builder, Terms
from bridge.method import Method

if TYPE_CHECKING:
    from bridge.export.block import Block

DENSE_COLUMNS = 2**12
"""A sparse answer of more columns is given by its entries: a dense one would take 32 kB a row from here on."""


def entries_of(b: Builder, block: Block) -> Terms | None:
    """Return the entries of all columns, or None where no part of them is known by its entries."""
    pieces = [piece for part in block.parts for piece in b.pieces.get(part.value, [(part.value, part.width)])]
    if not any(value in b.terms for value, _ in pieces):
        return None
    if len(pieces) == 1:
        return b.terms[pieces[0][0]]
    starts = np.cumsum([0] + [width for _, width in pieces])
    columns = []
    values = []
    for (value, width), start in zip(pieces, starts[:-1].tolist(), strict=True):
        given = b.terms.get(value)
        if given is None:
            place = b.repeat_row(np.arange(start, start + width), value)
            is_none = b.op("Equal", value, b.like(0, value))  # hstack keeps of a dense matrix what is not 0
        else:
            place = b.add(given.columns, b.constant(start, np.int64))
            is_none = b.op("Equal", given.columns, b.constant(width, np.int64))
        columns.append(b.where(is_none, b.constant(starts[-1], np.int64), place))
        values.append(b.cast(value if given is None else given.values, block.dtype))
    return Terms(b.concat(columns), b.concat(values), int(starts[-1]))


def close_entries(b: Builder, name: str, entries: Terms, actual: Any) -> tuple[list[ir.Value], Method]:
    """Make the outputs `<name>_columns`, int64, and `<name>_values`, both (rows, k); a column of `width` is none."""
    values = [b.op("Identity", entries.columns), b.op("Identity", entries.values)]
    for value, what in zip(values, ("columns", "values"), strict=True):
        value.name = f"{name}_{what}"
        value.shape = ir.Shape(["batch", f"{name}_entries"])
    return values, Method(
        name,
        tuple(str(v.name) for v in values),
        dtype=actual.dtype.name,
        shape=(entries.width,),
        sparse=actual.format,
        entries=True,
    )
