"""Walk all trees of all rows at once, one level a step: any depth, memory of rows x trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.forest import Forest, floor_float32
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray


def forest_as_traversal(tape: RuleTape, forest: Forest, x: ir.Value) -> ir.Value:
    """Return the sums of a forest whose decisions are all `x <= t`.

    Leaves are their own children, so a row that has arrived stays while deeper trees go on. The first level starts
    from constants, so that no node needs the batch size.
    """
    order, inner_count = _leaves_last(forest)
    number = np.empty(forest.n_nodes, np.int64)
    number[order] = np.arange(forest.n_nodes)
    themselves = np.arange(forest.n_nodes)
    is_leaf = forest.is_leaf[order]
    left = np.where(is_leaf, themselves, number[forest.left[order]]).astype(np.int32)
    right = np.where(is_leaf, themselves, number[forest.right[order]]).astype(np.int32)
    feature = forest.feature[order].astype(np.int32)
    threshold = thresholds_for(forest.threshold[order], x)
    roots = number[forest.roots]

    values = tape.op("Gather", x, tape.constant(feature[roots].astype(np.int64)), axis=1, dtype=x.dtype)
    goes_left = tape.op("LessOrEqual", values, tape.constant(threshold[roots][None]), dtype=ir.DataType.BOOL)
    node = tape.op("Where", goes_left, tape.constant(left[roots][None]), tape.constant(right[roots][None]))
    node.type = ir.TensorType(ir.DataType.INT32)
    if forest.depth > 1:
        tables = [tape.constant(t) for t in (feature, threshold, left, right)]
        for _ in range(forest.depth - 1):
            node = _step(tape, x, node, tables)
    leaf = tape.op("Sub", node, tape.constant(inner_count, np.int32), dtype=ir.DataType.INT32)
    return sum_leaves(tape, leaf, forest.values[forest.leaf[order[inner_count:]]])


def _step(tape: RuleTape, x: ir.Value, node: ir.Value, tables: list[ir.Value]) -> ir.Value:
    feature, threshold, left, right = (tape.op("Gather", table, node, axis=0, dtype=table.dtype) for table in tables)
    values = tape.op("GatherElements", x, feature, axis=1, dtype=x.dtype)
    goes_left = tape.op("LessOrEqual", values, threshold, dtype=ir.DataType.BOOL)
    return tape.op("Where", goes_left, left, right, dtype=ir.DataType.INT32)


def _leaves_last(forest: Forest) -> tuple[NDArray[np.int64], int]:
    """Return node numbers, inner nodes first, and how many those are."""
    is_leaf = forest.is_leaf
    return np.concatenate([np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)]), int((~is_leaf).sum())


def thresholds_for(thresholds: NDArray[np.float64], x: ir.Value) -> NDArray[Any]:
    """Return `thresholds` in the dtype of x such that `x <= t` decides as in float64."""
    dtype = require_dtype(x, "the input of Forest")
    return floor_float32(thresholds) if dtype == np.float32 else thresholds


def sum_leaves(tape: RuleTape, leaf: ir.Value, values: NDArray[np.float64]) -> ir.Value:
    """Return the float64 (rows, outputs) sums of `values[leaf]` over the trees; `leaf` is integer (rows, trees)."""
    one_output = values.shape[1] == 1
    table = tape.constant(values[:, 0] if one_output else values)
    reached = tape.op("Gather", table, leaf, axis=0, dtype=ir.DataType.DOUBLE)
    axes = tape.constant([1], np.int64)
    return tape.op("ReduceSum", reached, axes, keepdims=int(one_output), dtype=ir.DataType.DOUBLE)
