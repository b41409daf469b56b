"""Find which category a value is: text by its code, numbers by comparison in scikit-learn's dtype."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.schema import NONE_CODE
from bridge.errors import UnsupportedError
from bridge.export.block import Block, Part
from bridge.export.builder import dtype_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder


FEW = 8
"""Up to so many categories are compared with one by one, in fewer steps."""
MOST_ROWS, MOST_ROOM = 2**12, 8
"""How many rows of a table stand for the numbers of one column: so many, or that many times its categories."""
LARGEST = 2**24
"""Whole numbers below this are the same in every dtype."""

UNKNOWN = "its encoder takes no category that it was not fitted on (handle_unknown='error')"
"""Why rows are refused for a value that an encoder does not know."""


@dataclass(frozen=True)
class Table:
    """What each category of one column becomes.

    Attributes
    ----------
    categories
        The fitted categories, as in `categories_[i]`.
    values
        (categories, outputs), float64.
    unknown
        (outputs,), what every other value becomes.
    """

    categories: NDArray[Any]
    values: NDArray[np.float64]
    unknown: NDArray[np.float64]


def category_parts(x: Block, categories: Sequence[NDArray[Any]], *, strict: bool) -> list[Part]:
    """Return the columns of `x`, neighbouring numbers of one dtype joined, after a check against their categories.

    With `strict` values of no category are refused: by the host, wherever it can still see them, else by the graph.
    """
    start = 0
    for part in x.parts:
        own = categories[start : start + part.width]
        check_kinds(part, own, start)
        if strict and part.text is not None:
            part.text.restrict(own[0].tolist())
            x.builder.at_end.append(partial(_refuse_others_text, x.builder, part, own[0]))
        elif strict and part.source is not None:
            for i in range(part.width):
                part.restrict(i, numbers_of(own[i]).tolist())
        elif strict:
            x.builder.refuse(_is_unknown(x.builder, part, own), UNKNOWN)
        start += part.width
    return _join_numbers(x)


def _refuse_others_text(b: Builder, part: Part, categories: NDArray[Any]) -> None:
    """Refuse text that another encoder knows, and this one does not; what none knows the host refuses."""
    if part.text is not None and len(part.text.values) > len({c for c in categories.tolist() if isinstance(c, str)}):
        b.refuse(_is_unknown(b, part, [categories]), UNKNOWN)


def _is_unknown(b: Builder, part: Part, categories: Sequence[NDArray[Any]]) -> ir.Value:
    """Return bool (rows, columns): whether a value is none of its column's categories."""
    found = []
    for i, known in enumerate(categories):
        column = part if part.width == 1 else Part(b.take_columns(part.value, [i]), 1)
        count = b.sum(b.cast(matches(b, column, [0] * len(known), known.tolist()), np.float32), keepdims=True)
        found.append(b.op("Less", count, b.like([[0.5]], count)))
    return b.concat(found)


def matches(b: Builder, part: Part, owners: Sequence[int], keys: Sequence[Any]) -> ir.Value:
    """Return bool (rows, keys): whether column `owners[j]` of `part` holds the category `keys[j]`."""
    value = part.value if part.width == 1 else b.take_columns(part.value, list(owners))
    if part.text is not None:
        return b.op("Equal", value, b.constant([[part.text.code(key) for key in keys]], np.int64))
    numbers = numbers_of(keys)
    common = np.result_type(dtype_of(value), numbers.dtype)
    equal = b.op("Equal", b.cast(value, common), b.constant(numbers.reshape(1, -1), common))
    missing = np.isnan(numbers)
    if not missing.any() or dtype_of(value).kind != "f":
        return equal
    return b.op("Or", equal, b.op("And", b.op("IsNaN", value), b.constant(missing.reshape(1, -1))))


def look_up(b: Builder, part: Part, tables: Sequence[Table]) -> ir.Value:
    """Return float64 (rows, outputs of all tables): what the values of the columns of `part` become."""
    if part.text is not None:
        rows, index = _text_index(b, part.value, part.text.code, len(part.text.values), tables[0])
    else:
        rows, index = _number_index(b, part, tables)
    found = b.op("Gather", b.constant(rows), index, axis=0)
    return b.reshape(found, [-1, part.width * rows.shape[1]])


def _text_index(
    b: Builder, value: ir.Value, code: Any, known: int, table: Table
) -> tuple[NDArray[np.float64], ir.Value]:
    """Return a table with a row for None, NaN, unknown, each code so far and all later ones, and the row to take."""
    codes = np.array([code(c) for c in table.categories], np.int64)
    first = -NONE_CODE
    size = max(known, int(codes.max(initial=0)) + 1)
    rows = np.tile(table.unknown, (size + first + 1, 1))
    rows[codes + first] = table.values
    return rows, b.op("Min", b.add(value, b.constant([[first]])), b.constant([[len(rows) - 1]]))


def _number_index(b: Builder, part: Part, tables: Sequence[Table]) -> tuple[NDArray[np.float64], ir.Value]:
    """Return the tables one below the other, and the rows to take."""
    numbers = [numbers_of(table.categories) for table in tables]
    if dtype_of(part.value).kind in "if" and all(map(_is_dense, numbers)) and max(map(len, numbers)) > FEW:
        return _place_index(b, part, tables, numbers)
    return _equal_index(b, part, tables, numbers)


def _is_dense(numbers: NDArray[Any]) -> bool:
    """Return whether these are whole numbers close enough to each other for a table with a row for each between."""
    known = _known(numbers)
    if not known.size or np.abs(known).max() >= LARGEST or (known != np.trunc(known)).any():
        return False
    return bool(known.max() - known.min() < max(MOST_ROWS, MOST_ROOM * known.size))


def _known(numbers: NDArray[Any]) -> NDArray[np.float64]:
    return np.array(numbers[~np.isnan(numbers)], np.float64)


def _place_index(
    b: Builder, part: Part, tables: Sequence[Table], numbers: Sequence[NDArray[Any]]
) -> tuple[NDArray[np.float64], ir.Value]:
    """Return tables with a row for unknown values, one for each number from the least to the largest, and one for NaN.

    To look a number up takes as long however many categories there are.
    """
    x, dtype = part.value, dtype_of(part.value)
    low, high = (np.array([[f(_known(n)) for n in numbers]], dtype) for f in (np.min, np.max))
    is_inside = b.op("And", b.less_or_equal(b.constant(low), x), b.less_or_equal(x, b.constant(high)))
    if dtype.kind == "f":
        is_inside = b.op("And", is_inside, b.op("Equal", b.op("Floor", x), x))
    rows = []
    for table, own in zip(tables, (n.astype(np.float64) for n in numbers), strict=True):
        first, last = _known(own).min(), _known(own).max()
        block = np.tile(table.unknown, (int(last - first) + 3, 1))
        block[np.where(np.isnan(own), last - first + 2, own - first + 1).astype(np.int64)] = table.values
        rows.append(block)
    starts = np.cumsum([[0] + [len(block) for block in rows]], axis=1)
    place = b.cast(b.where(is_inside, x, b.constant(low - 1)), np.int64)
    index = b.add(place, b.constant(starts[:, :-1] - low.astype(np.int64) + 1))
    if dtype.kind == "f" and any(np.isnan(n).any() for n in numbers):
        index = b.where(b.op("IsNaN", x), b.constant(starts[:, 1:] - 1), index)
    return np.concatenate(rows), index


def _equal_index(
    b: Builder, part: Part, tables: Sequence[Table], numbers: Sequence[NDArray[Any]]
) -> tuple[NDArray[np.float64], ir.Value]:
    """Return tables with a row for unknown values and one for each category, found by comparison with all of them."""
    dtype = np.result_type(dtype_of(part.value), *[n.dtype for n in numbers])
    widest = max(len(n) for n in numbers)
    # NaN equals nothing, and where no NaN can be held, a repeated key counts as position 0: both fill up short rows.
    keys = np.array([np.pad(n, (0, widest - len(n)), mode="edge") for n in numbers])
    positions = np.array([np.pad(np.arange(1, len(n) + 1), (0, widest - len(n))) for n in numbers])
    missing = np.array([[int(np.flatnonzero(np.isnan(n))[0]) + 1 if np.isnan(n).any() else 0 for n in numbers]])
    offsets = np.cumsum([[0] + [len(n) + 1 for n in numbers[:-1]]], axis=1)
    deep = part.width > 1
    value = b.op("Unsqueeze", part.value, b.constant([2], np.int64)) if deep else part.value
    equal = b.op("Equal", b.cast(value, dtype), b.constant(keys[np.newaxis] if deep else keys, dtype))
    position = b.where(equal, b.constant(positions[np.newaxis] if deep else positions), b.constant(0, np.int64))
    index = b.sum(position, axis=2 if deep else 1, keepdims=not deep)
    if missing.any() and dtype_of(part.value).kind == "f":
        index = b.where(b.op("IsNaN", part.value), b.constant(missing), index)
    if deep:
        index = b.add(index, b.constant(offsets))
    rows = np.concatenate([row for table in tables for row in (table.unknown[np.newaxis], table.values)])
    return rows, index


def check_kinds(part: Part, categories: Sequence[NDArray[Any]], start: int) -> None:
    for i, known in enumerate(categories, start):
        found = {"text" if isinstance(c, str) else "missing" if _is_missing(c) else "number" for c in known.tolist()}
        if part.text is None and None in known.tolist() and any(_is_nan(c) for c in known.tolist()):
            raise UnsupportedError(
                f"column {i} has both None and NaN among its numbers, which a graph cannot tell apart.\n"
                "Replace None by NaN before fit."
            )
        if (part.text is not None and "number" in found) or (part.text is None and "text" in found):
            here, there = ("text", "numbers") if part.text is not None else ("numbers", "text")
            raise UnsupportedError(
                f"column {i} of the sample is {here}, but its encoder was fitted on {there}.\n"
                "Export with a sample like the data that it was fitted on."
            )


def _join_numbers(x: Block) -> list[Part]:
    parts: list[Part] = []
    for part in x.parts:
        last = parts[-1] if parts else None
        if part.text is None and last is not None and last.text is None and last.value.dtype == part.value.dtype:
            joined = x.builder.concat([last.value, part.value])
            parts[-1] = Part(joined, last.width + part.width)
        else:
            parts.append(replace(part))
    return parts


def numbers_of(categories: Any) -> NDArray[Any]:
    """Return categories as an array of numbers, None as NaN."""
    array = np.asarray(categories)
    if array.dtype.kind == "O":
        return np.array([np.nan if c is None else c for c in array.tolist()], np.float64)
    return array.astype(np.int64) if array.dtype.kind == "b" else array


def _is_missing(value: Any) -> bool:
    return value is None or _is_nan(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and np.isnan(value)
