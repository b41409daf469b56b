"""All decisions of all trees at once, then one matrix product finds the leaves: shallow trees, on wide machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.lowering.trees.traverse import thresholds_for

if TYPE_CHECKING:
    from bridge.forest import Forest
    from bridge.passes.rule import RuleTape

MOST_CELLS = 64_000_000
"""Refuse path matrices larger than this (256 MB of float32): they grow with nodes x leaves of every tree."""


def forest_as_gemm(tape: RuleTape, forest: Forest, columns: ir.Value) -> ir.Value:
    """Return the sums of a forest whose decisions are all `x <= t` (Hummingbird's GEMM form, Nakandala et al. 2020).

    `columns` is (features, rows), the sums are float64 (rows, outputs).

    For each leaf, the path matrix holds +1 for the ancestors that it lies left of and -1 for those it lies right of.
    Decisions times paths is then a whole number that equals the leaf's number of left turns at the leaf that the row
    reaches, and is smaller at every other one. Counts stay exact in TF32 and float16; features are gathered, never
    multiplied, because a rounded feature takes another branch.
    """
    inner, leaves = _members(forest)
    n_trees, most_inner, most_leaves = len(inner), max(map(len, inner)), max(map(len, leaves))
    if n_trees * max(most_inner, 1) * most_leaves > MOST_CELLS:
        raise DeclinedError(
            f"strategy 'gemm' needs {n_trees} path matrices of {most_inner} x {most_leaves}; "
            "use 'traverse' for deep trees"
        )
    most_inner = max(most_inner, 1)
    feature = np.zeros((n_trees, most_inner), np.int64)
    threshold = np.zeros((n_trees, most_inner, 1))
    paths = np.zeros((n_trees, most_leaves, most_inner), np.float32)
    turns = np.full((n_trees, most_leaves, 1), np.inf, np.float32)  # no row reaches the padding
    values = np.zeros((n_trees, forest.n_outputs, most_leaves))
    for t in range(n_trees):
        feature[t, : len(inner[t])] = forest.feature[inner[t]]
        threshold[t, : len(inner[t]), 0] = forest.threshold[inner[t]]
        values[t, :, : len(leaves[t])] = forest.values[forest.leaf[leaves[t]]].T
        _fill_paths(forest, int(forest.roots[t]), inner[t], leaves[t], paths[t])
        turns[t, : len(leaves[t]), 0] = (paths[t] > 0).sum(axis=1)[: len(leaves[t])]

    # Rows come last. With rows before nodes, the decisions would need a transposition before the product,
    # which onnxruntime fuses into it: two to three times slower (100 trees, 100 and 10,000 rows), and in 1.31.1 the
    # fused node divides by zero, and ends the process, where there are no rows.
    asked = tape.op("Gather", columns, tape.constant(feature), axis=0, dtype=columns.dtype)
    decided = tape.op("LessOrEqual", asked, tape.constant(thresholds_for(threshold, columns)), dtype=ir.DataType.BOOL)
    score = tape.op("MatMul", tape.constant(paths), tape.cast(decided, np.float32), dtype=ir.DataType.FLOAT)
    # A score never exceeds the leaf's left turns, so `turns <= score` is equality without comparing floats for it.
    reached = tape.op("LessOrEqual", tape.constant(turns), score, dtype=ir.DataType.BOOL)
    by_leaf = tape.op("MatMul", tape.constant(values), tape.cast(reached, np.float64), dtype=ir.DataType.DOUBLE)
    # The sum over trees stands between the product and a later division on purpose: onnxruntime fuses a MatMul and the
    # scalar after it into one node whose factor is float32, which costs float64 results eight digits.
    total = tape.op("ReduceSum", by_leaf, tape.constant([0], np.int64), keepdims=0, dtype=ir.DataType.DOUBLE)
    return tape.op("Transpose", total, perm=[1, 0], dtype=ir.DataType.DOUBLE)


def _members(forest: Forest) -> tuple[list[list[int]], list[list[int]]]:
    """Return, for every tree, its inner nodes and its leaves."""
    inner: list[list[int]] = []
    leaves: list[list[int]] = []
    for root in forest.roots:
        inner.append([])
        leaves.append([])
        stack = [int(root)]
        while stack:
            node = stack.pop()
            if forest.left[node] < 0:
                leaves[-1].append(node)
            else:
                inner[-1].append(node)
                stack += [int(forest.right[node]), int(forest.left[node])]
    return inner, leaves


def _fill_paths(forest: Forest, root: int, inner: list[int], leaves: list[int], paths: np.ndarray) -> None:
    column = {node: i for i, node in enumerate(inner)}
    row = {node: i for i, node in enumerate(leaves)}
    stack: list[tuple[int, list[tuple[int, int]]]] = [(root, [])]
    while stack:
        node, path = stack.pop()
        if node in row:
            for i, sign in path:
                paths[row[node], i] = sign
        else:
            stack.append((int(forest.left[node]), [*path, (column[node], 1)]))
            stack.append((int(forest.right[node]), [*path, (column[node], -1)]))
