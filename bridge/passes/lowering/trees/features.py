"""Turn missing-value routes and category sets into plain columns, so that every decision is `x <= t`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.passes.lowering.values import known_width
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.forest import Forest


def resolve_features(tape: RuleTape, forest: Forest, x: ir.Value) -> tuple[Forest, ir.Value]:
    """Return an equal forest of decisions `x <= t` alone, and the (features, rows) that they ask.

    A category node asks a new feature that is 0 for the members of its set and 1 for all else. A node that sends NaN
    to the left asks a copy of its feature in which NaN became -inf; NaN itself fails every `<=` and goes right.
    """
    x, width = _of_known_width(tape, forest, x)
    # Numbers of one feature are neighbours from here on: that takes a fraction of the time to select and to join them.
    columns = tape.op("Transpose", x, perm=[1, 0], dtype=x.dtype)
    parts = [columns]
    if forest.has_categories:
        found, forest, width = _category_columns(tape, forest, columns, width, axis=0)
        parts.append(found)
    if forest.missing_left.any():
        found, forest = _lowest_for_missing(tape, forest, columns, width)
        parts.append(found)
    return forest, tape.op("Concat", *parts, axis=0, dtype=x.dtype) if len(parts) > 1 else columns


def resolve_sets(tape: RuleTape, forest: Forest, x: ir.Value) -> tuple[Forest, ir.Value]:
    """Return an equal forest without category sets, as above, and the (rows, features) that it asks.

    The kernel of ai.onnx.ml, which it is for, has routes for missing values itself.
    """
    if not forest.has_categories:
        return forest, x
    x, width = _of_known_width(tape, forest, x)
    found, forest, _ = _category_columns(tape, forest, x, width, axis=1)
    return forest, tape.op("Concat", x, found, axis=1, dtype=x.dtype)


def _of_known_width(tape: RuleTape, forest: Forest, x: ir.Value) -> tuple[ir.Value, int]:
    """Return x and its number of columns; where that is not known, as many columns as the forest asks for."""
    require_dtype(x, "the input of Forest")
    known = known_width(x)
    width = known if known is not None else int(forest.feature.max()) + 1
    if known is not None or not (forest.has_categories or forest.missing_left.any()):
        return x, width
    return tape.op("Gather", x, tape.constant(np.arange(width)), axis=1, dtype=x.dtype), width


def _category_columns(
    tape: RuleTape, forest: Forest, x: ir.Value, width: int, *, axis: int
) -> tuple[ir.Value, Forest, int]:
    """Return for each set 0 where the row's category is in it, else 1; the forest that asks these; and their number.

    Features lie along `axis` of x, sets along that of the result; the number counts what `width` counts, too.
    """
    dtype = require_dtype(x, "the input of Forest")
    n_sets = len(forest.set_starts) - 1
    owner = np.zeros(n_sets, np.int64)
    nodes = np.flatnonzero(forest.category >= 0)
    owner[forest.category[nodes]] = forest.feature[nodes]
    blocks = []
    order: list[int] = []
    for feature in np.unique(owner):
        sets = np.flatnonzero(owner == feature)
        order += sets.tolist()
        column = tape.op("Gather", x, tape.constant([feature], np.int64), axis=axis, dtype=x.dtype)
        blocks.append(_membership(tape, column, _outside_table(forest, sets).astype(dtype), axis))
    position = np.empty(n_sets, np.int64)
    position[order] = np.arange(n_sets)
    feature, threshold, missing_left = forest.feature.copy(), forest.threshold.copy(), forest.missing_left.copy()
    feature[nodes] = width + position[forest.category[nodes]]
    threshold[nodes] = 0.5
    missing_left[nodes] = False  # the new columns are never NaN
    columns = blocks[0] if len(blocks) == 1 else tape.op("Concat", *blocks, axis=axis, dtype=x.dtype)
    none = np.full_like(forest.category, -1)
    changed = forest.changed(
        feature=feature,
        threshold=threshold,
        missing_left=missing_left,
        category=none,
        set_starts=np.zeros(1, np.int64),
        set_members=np.zeros(0, np.int64),
    )
    return columns, changed, width + n_sets


def _outside_table(forest: Forest, sets: NDArray[Any]) -> NDArray[np.float64]:
    """Return (categories + 2, sets): 0 where the category goes left; the last rows stand for other numbers, and NaN."""
    starts, members = forest.set_starts, forest.set_members
    asked_by = {int(forest.category[node]): node for node in np.flatnonzero(forest.category >= 0)}
    rows = [members[starts[s] : starts[s + 1]] for s in sets]
    table = np.ones((max(int(r.max(initial=-1)) for r in rows) + 3, len(sets)))
    for column, (s, inside) in enumerate(zip(sets, rows, strict=True)):
        table[inside, column] = 0.0
        table[-1, column] = 0.0 if forest.missing_left[asked_by[int(s)]] else 1.0
    return table


def _membership(tape: RuleTape, column: ir.Value, outside: NDArray[Any], axis: int) -> ir.Value:
    """Look the integer part of one column up in `outside`; a number outside of it takes the last row but one.

    The sets of the answer lie along `axis`.
    """
    elsewhere, missing = (tape.constant(float(len(outside) + i), outside.dtype) for i in (-2, -1))
    below_top = tape.op("LessOrEqual", column, elsewhere, dtype=ir.DataType.BOOL)
    not_negative = tape.op("LessOrEqual", tape.constant(0.0, outside.dtype), column, dtype=ir.DataType.BOOL)
    bounded = tape.op("Where", below_top, column, elsewhere, dtype=column.dtype)
    bounded = tape.op("Where", not_negative, bounded, elsewhere, dtype=column.dtype)
    bounded = tape.op("Where", tape.op("IsNaN", column, dtype=ir.DataType.BOOL), missing, bounded, dtype=column.dtype)
    index = tape.op("Cast", bounded, to=ir.DataType.INT32.value, dtype=ir.DataType.INT32)
    flat = tape.op("Reshape", index, tape.constant([-1], np.int64), dtype=ir.DataType.INT32)
    table = tape.constant(outside if axis == 1 else outside.T)
    return tape.op("Gather", table, flat, axis=1 - axis, dtype=column.dtype)


def _lowest_for_missing(tape: RuleTape, forest: Forest, x: ir.Value, width: int) -> tuple[ir.Value, Forest]:
    """Return copies of features that some node sends left on NaN, with -inf for NaN; and the forest that asks them."""
    dtype = require_dtype(x, "the input of Forest")
    nodes = np.flatnonzero(forest.missing_left)
    features, position = np.unique(forest.feature[nodes], return_inverse=True)
    columns = tape.op("Gather", x, tape.constant(features.astype(np.int64)), axis=0, dtype=x.dtype)
    missing = tape.op("IsNaN", columns, dtype=ir.DataType.BOOL)
    lowered = tape.op("Where", missing, tape.constant(-np.inf, dtype), columns, dtype=x.dtype)
    feature = forest.feature.copy()
    feature[nodes] = width + position
    return lowered, forest.changed(feature=feature, missing_left=np.zeros_like(forest.missing_left))
