"""Category sets of HistGradientBoosting on the columns themselves, without the encoder that it has inside."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.export.block import Block, Part
from bridge.export.builder import dtype_of
from bridge.export.converters.lookup import check_kinds, numbers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder
    from bridge.forest import Forest

MOST_ROOM = 2
"""Categories are to lie among at most so many times as many numbers: forms in tensors hold a row of a table for each
number."""
FREE_ROOM = 16
"""So many numbers are few however many categories lie among them."""


def ask_raw_categories(
    b: Builder, forest: Forest, encoder: Any, categorical: NDArray[np.bool_], x: Block
) -> tuple[Forest, ir.Value] | None:
    """Return a forest that asks the columns of `x` themselves, and these as a matrix (rows, columns).

    `forest` asks for the encoder's codes of the `categorical` columns, which come first, and for the others behind
    them. What the encoder does not know, or takes for missing, is in no set then, and goes where NaN goes in
    `read_histogram_trees`. None where a column's categories are not whole numbers from 0 on, close to each other.
    """
    places = np.flatnonzero(categorical).tolist()
    owners = [part for part in x.parts for _ in range(part.width)]
    numbers: dict[int, NDArray[np.int64]] = {}
    for place, categories in zip(places, encoder.categories_, strict=True):
        check_kinds(owners[place], [categories], place)
        found = _numbers_in_graph(owners[place], categories)
        if found is None:
            return None
        numbers[place] = found
    order = np.array([*places, *np.flatnonzero(~categorical)], np.int32)
    return _renumbered(forest, order, numbers), _matrix(b, x, categorical)


def _numbers_in_graph(part: Part, categories: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return the number that each category is in the graph, -1 for a missing one; None where some are none to take.

    The host codes text from 0 on, and unknown and missing text below 0.
    """
    if part.text is not None:
        codes = np.array([part.text.code(c) for c in categories.tolist()], np.float64)
        numbers = np.where(codes < 0, np.nan, codes)
    else:
        numbers = numbers_of(categories).astype(np.float64)
    present = numbers[~np.isnan(numbers)]
    end = max(MOST_ROOM * len(present), FREE_ROOM)
    if ((present < 0) | (present >= end) | (present != np.trunc(present))).any():
        return None
    return np.where(np.isnan(numbers), -1, numbers).astype(np.int64)


def _renumbered(forest: Forest, order: NDArray[np.int32], numbers: Mapping[int, NDArray[np.int64]]) -> Forest:
    """Return the forest with feature `order[f]` for f, and in the sets of a feature its `numbers` for the codes."""
    feature = np.where(forest.is_leaf, 0, order[forest.feature]).astype(np.int32)
    asks = np.flatnonzero(forest.category >= 0)
    asked = np.zeros(len(forest.set_starts) - 1, np.int32)
    asked[forest.category[asks]] = feature[asks]
    owner = np.repeat(asked, np.diff(forest.set_starts))
    members = forest.set_members.copy()
    for place, of_codes in numbers.items():
        is_own = owner == place
        members[is_own] = of_codes[members[is_own]]
    return forest.changed(feature=feature, set_members=members)


def _matrix(b: Builder, x: Block, categorical: NDArray[np.bool_]) -> ir.Value:
    """Return all columns as numbers: float32 where none holds more."""
    columns: list[tuple[ir.Value, list[bool]]] = []
    start = 0
    for part in x.parts:
        may_be_fractions = dtype_of(part.value).kind == "f"
        are_checked = categorical[start : start + part.width].tolist() if may_be_fractions else [False] * part.width
        columns.append((part.value, are_checked))
        start += part.width
    parts = []
    for (_, is_checked), run in groupby(columns, key=lambda c: (c[0].dtype, any(c[1]))):
        values, flags = zip(*run, strict=True)
        joined, each = b.concat(values), [flag for some in flags for flag in some]
        parts.append(Part(_without_fractions(b, joined, each) if is_checked else joined, len(each)))
    # Codes of text, and they alone, are categories that every float holds.
    numbers = [dtype_of(part.value) for part in x.parts if part.text is None]
    return Block(b, tuple(parts)).matrix(np.result_type(np.float32, *numbers))


def _without_fractions(b: Builder, x: ir.Value, checked: Sequence[bool]) -> ir.Value:
    """Return x with NaN for what is no whole number in the `checked` columns.

    It is no category, but its integer part may be, which the operator looks up.
    """
    whole = b.op("Floor", x)
    if not all(checked):
        whole = b.op("Max", whole, b.like(np.where(checked, -np.inf, np.inf).reshape(1, -1), x))
    return b.where(b.op("Less", whole, x), b.like(np.nan, x), x)
