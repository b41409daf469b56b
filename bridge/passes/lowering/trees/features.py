"""Turn missing-value routes and category sets into plain columns, so that every decision is `x <= t`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.forest import Forest


def resolve_features(tape: RuleTape, forest: Forest, x: ir.Value, *, native_missing: bool) -> tuple[Forest, ir.Value]:
    """Return an equal forest without category sets (and without left missing routes, unless `native_missing`).

    A category node asks a new column that is 0 for the members of its set and 1 for all else. A node that sends NaN
    to the left asks a copy of its column in which NaN became -inf; NaN itself fails every `<=` and goes right.
    """
    require_dtype(x, "the input of Forest")
    new_columns: list[ir.Value] = []
    x, width = _of_known_width(tape, forest, x)
    if forest.has_categories:
        columns, forest = _category_columns(tape, forest, x, width)
        new_columns.append(columns)
        width += len(forest.set_starts) - 1
        forest = replace(forest, set_starts=np.zeros(1, np.int64), set_members=np.zeros(0, np.int64))
    if forest.missing_left.any() and not native_missing:
        columns, forest = _lowest_for_missing(tape, forest, x, width)
        new_columns.append(columns)
    return forest, tape.op("Concat", x, *new_columns, axis=1, dtype=x.dtype) if new_columns else x


def _of_known_width(tape: RuleTape, forest: Forest, x: ir.Value) -> tuple[ir.Value, int]:
    """Return x and its number of columns; where that is not known, as many columns as the forest asks for."""
    if x.shape is not None and len(x.shape) == 2 and isinstance(x.shape[1], int):
        return x, x.shape[1]
    width = int(forest.feature.max()) + 1
    if not forest.has_categories and not forest.missing_left.any():
        return x, width
    return tape.op("Gather", x, tape.constant(np.arange(width)), axis=1, dtype=x.dtype), width


def _category_columns(tape: RuleTape, forest: Forest, x: ir.Value, width: int) -> tuple[ir.Value, Forest]:
    """Return (rows, sets): 0 where the row's category is in the set, else 1; and the forest that asks these."""
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
        blocks.append(_membership(tape, x, int(feature), _outside_table(forest, sets).astype(dtype)))
    position = np.empty(n_sets, np.int64)
    position[order] = np.arange(n_sets)
    feature, threshold, missing_left = forest.feature.copy(), forest.threshold.copy(), forest.missing_left.copy()
    feature[nodes] = width + position[forest.category[nodes]]
    threshold[nodes] = 0.5
    missing_left[nodes] = False  # the new columns are never NaN
    columns = blocks[0] if len(blocks) == 1 else tape.op("Concat", *blocks, axis=1, dtype=x.dtype)
    none = np.full_like(forest.category, -1)
    changed = replace(forest, feature=feature, threshold=threshold, missing_left=missing_left, category=none)
    return columns, changed


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


def _membership(tape: RuleTape, x: ir.Value, feature: int, outside: NDArray[Any]) -> ir.Value:
    """Look the integer part of one column up in `outside`; a number outside of it takes the last row but one."""
    column = tape.op("Gather", x, tape.constant([feature], np.int64), axis=1, dtype=x.dtype)
    elsewhere, missing = (tape.constant(float(len(outside) + i), outside.dtype) for i in (-2, -1))
    below_top = tape.op("LessOrEqual", column, elsewhere, dtype=ir.DataType.BOOL)
    not_negative = tape.op("LessOrEqual", tape.constant(0.0, outside.dtype), column, dtype=ir.DataType.BOOL)
    bounded = tape.op("Where", below_top, column, elsewhere, dtype=x.dtype)
    bounded = tape.op("Where", not_negative, bounded, elsewhere, dtype=x.dtype)
    bounded = tape.op("Where", tape.op("IsNaN", column, dtype=ir.DataType.BOOL), missing, bounded, dtype=x.dtype)
    index = tape.op("Cast", bounded, to=ir.DataType.INT32.value, dtype=ir.DataType.INT32)
    flat = tape.op("Reshape", index, tape.constant([-1], np.int64), dtype=ir.DataType.INT32)
    return tape.op("Gather", tape.constant(outside), flat, axis=0, dtype=x.dtype)


def _lowest_for_missing(tape: RuleTape, forest: Forest, x: ir.Value, width: int) -> tuple[ir.Value, Forest]:
    """Return copies of columns that some node sends left on NaN, with -inf for NaN; and the forest that asks them."""
    dtype = require_dtype(x, "the input of Forest")
    nodes = np.flatnonzero(forest.missing_left)
    features, position = np.unique(forest.feature[nodes], return_inverse=True)
    columns = tape.op("Gather", x, tape.constant(features.astype(np.int64)), axis=1, dtype=x.dtype)
    missing = tape.op("IsNaN", columns, dtype=ir.DataType.BOOL)
    lowered = tape.op("Where", missing, tape.constant(-np.inf, dtype), columns, dtype=x.dtype)
    feature = forest.feature.copy()
    feature[nodes] = width + position
    return lowered, replace(forest, feature=feature, missing_left=np.zeros_like(forest.missing_left))
