"""Join what the trees of an ensemble say: their sum, mean, least or largest score."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.lowering.trees.decisions import plain_forest
from bridge.passes.lowering.trees.forest_op import write_forest
from bridge.passes.lowering.trees.presence import find_presence, with_counts
from bridge.passes.lowering.values import less_or_equal, like, where
from bridge.passes.packed_lists import LEAF

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import DTypeLike, NDArray

    from bridge.forest import Forest
    from bridge.passes.lowering.trees.node_table import NodeTable
    from bridge.passes.rule import RuleTape

AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")
"""In the order of TreeEnsemble's numbers."""

MOST_CELLS = 64_000_000
"""Refuse score tables larger than this: for MIN and MAX they grow with leaves x trees."""

NO_SCORE = float(np.finfo(np.float32).min)
"""Stands for a target that a leaf does not score, below all scores: finite, since a gemm multiplies it by 0."""


def aggregate(
    tape: RuleTape, table: NodeTable, x: ir.Value, function: str, base: NDArray[np.float64], *, dtype: DTypeLike
) -> ir.Value:
    """Return (rows, targets) in `dtype`: the scores of the leaves that a row reaches, joined by one of `AGGREGATES`.

    `base`, one entry a target, is added, but not to a target of several that none of these leaves scores: that is 0.
    So onnxruntime does it; ONNX's text adds the base value to every target.
    """
    if function in {"SUM", "AVERAGE"}:
        return _mean_or_sum(tape, table, x, base, dtype, trees=len(table.roots) if function == "AVERAGE" else 1)
    sign = 1.0 if function == "MAX" else -1.0
    forest, x = plain_forest(tape, table, x, _leaf_largest(table, len(base), sign))
    largest = _largest_over_trees(tape, forest, x, len(base))
    scores = tape.cast(largest if sign > 0 else tape.op("Neg", largest, dtype=largest.dtype), dtype)
    absent = less_or_equal(tape, largest, like(tape, NO_SCORE, largest))
    return where(tape, absent, like(tape, 0, scores), _plus(tape, scores, base))


def _mean_or_sum(
    tape: RuleTape, table: NodeTable, x: ir.Value, base: NDArray[np.float64], dtype: DTypeLike, *, trees: int
) -> ir.Value:
    targets = len(base)
    sometimes: tuple[int, ...] = ()
    if targets > 1 and base.any():
        presence = find_presence(table, targets)
        base = np.where(np.isin(np.arange(targets), presence.never), 0.0, base)
        sometimes = presence.sometimes if base[list(presence.sometimes)].any() else ()
    counting = with_counts(table, targets, sometimes)
    forest, x = plain_forest(tape, counting, x, _leaf_values(counting, targets + len(sometimes)))
    scores = tape.cast(write_forest(tape, forest, x), dtype)
    if not sometimes:
        return _plus(tape, _over(tape, scores, trees), base)
    places = np.arange(targets)
    places[list(sometimes)] = targets + np.arange(len(sometimes))
    scored = tape.op("Gather", scores, tape.constant(places), axis=1, dtype=scores.dtype)
    low = np.full(targets, -np.inf)  # a target in `always` has no count, and is never absent
    low[list(sometimes)] = 0.5
    scores = tape.op("Gather", scores, tape.constant(np.arange(targets)), axis=1, dtype=scores.dtype)
    absent = less_or_equal(tape, scored, like(tape, low, scored))
    return where(tape, absent, like(tape, 0, scores), _plus(tape, _over(tape, scores, trees), base))


def _over(tape: RuleTape, scores: ir.Value, trees: int) -> ir.Value:
    return scores if trees == 1 else tape.op("Div", scores, like(tape, trees, scores), dtype=scores.dtype)


def _plus(tape: RuleTape, scores: ir.Value, base: NDArray[np.float64]) -> ir.Value:
    return tape.op("Add", scores, like(tape, base, scores), dtype=scores.dtype) if base.any() else scores


def _leaf_values(table: NodeTable, targets: int) -> NDArray[np.float64]:
    """Return (leaves, targets): the sum of what each leaf scores."""
    leaves = int((table.mode == LEAF).sum())
    place = _leaf_rows(table) * targets + table.score_target
    sums = np.bincount(place, table.score_weight, minlength=leaves * targets)
    return sums.astype(np.float64, copy=False).reshape(leaves, targets)


def _leaf_largest(table: NodeTable, targets: int, sign: float) -> NDArray[np.float64]:
    values = np.full((int((table.mode == LEAF).sum()), targets), NO_SCORE)
    np.maximum.at(values, (_leaf_rows(table), table.score_target), sign * table.score_weight)
    return values


def _leaf_rows(table: NodeTable) -> NDArray[np.int64]:
    return (np.cumsum(table.mode == LEAF) - 1)[table.score_leaf]


def _largest_over_trees(tape: RuleTape, forest: Forest, x: ir.Value, targets: int) -> ir.Value:
    """Return (rows, targets): let every tree sum into outputs of its own, and halve them by Max until one is left.

    ReduceMax would be one node, but needs cuDNN on CUDA.
    """
    leaves = np.flatnonzero(forest.is_leaf)
    if len(leaves) * forest.n_trees * targets > MOST_CELLS:
        raise DeclinedError(f"MIN or MAX ('aggregate_function') of {forest.n_trees} trees needs too large a table")
    values = np.zeros((len(leaves), forest.n_trees, targets))
    values[np.arange(len(leaves)), forest.tree_of_node[leaves]] = forest.values[forest.leaf[leaves]]
    leaf = np.full(forest.n_nodes, -1, np.int32)
    leaf[leaves] = np.arange(len(leaves))
    apart = write_forest(tape, replace(forest, leaf=leaf, values=values.reshape(len(leaves), -1)), x)
    left = forest.n_trees
    scores = tape.op("Reshape", apart, tape.constant([-1, left, targets], np.int64), dtype=apart.dtype)
    while left > 1:
        half = (left + 1) // 2
        halves = [
            tape.op("Gather", scores, tape.constant(np.arange(start, start + half)), axis=1, dtype=scores.dtype)
            for start in (0, left - half)
        ]
        scores, left = tape.op("Max", *halves, dtype=scores.dtype), half
    return tape.op("Reshape", scores, tape.constant([-1, targets], np.int64), dtype=scores.dtype)
