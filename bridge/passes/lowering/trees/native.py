"""Write a forest as `ai.onnx.ml` TreeEnsemble, onnxruntime's own CPU kernel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.forest import floor_float32
from bridge.opset import ML_DOMAIN, ML_OPSET
from bridge.passes.lowering.trees.traverse import sum_leaves
from bridge.passes.packed_lists import packed
from bridge.passes.rule import require_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.forest import Forest
    from bridge.passes.rule import RuleTape

SUM = 1
LESS_OR_EQUAL = 0
COMPLEMENT_ROUNDING = 4 * np.finfo(np.float64).eps
"""Frequencies of two classes add up to 1 within this."""
FLOAT32_INTEGERS = 2**24
"""float32 holds every integer up to here: leaf numbers above it need float64."""


def forest_as_ml_operator(tape: RuleTape, forest: Forest, x: ir.Value) -> ir.Value:
    """Return the float64 sums of a forest without category sets.

    The kernel's result has the dtype of its input, and each of its leaves scores one target. Where every tree adds to
    one output the kernel sums in float64. Else it returns the leaf numbers, and the scores are gathered and summed
    after it: as fast as the kernel's own many-target sums (12 us against 10 us for one row, 138 ms against 176 ms for
    10,000, of 100 trees with 3 classes), and in float64 rather than float32.
    """
    target = _only_target(forest)
    if target is not None:
        scores = forest.values[np.arange(len(forest.values)), target]
        return _tree_ensemble(tape, forest, tape.cast(x, np.float64), target, scores, forest.n_outputs)
    if (whole := _complementary(forest)) is not None:
        return _second_and_rest(tape, forest, x, whole)
    apart, tree, row = _leaves_apart(forest)
    narrow = require_dtype(x, "the input of Forest") == np.float32 and len(forest.values) <= FLOAT32_INTEGERS
    leaves = _tree_ensemble(tape, apart, x if narrow else tape.cast(x, np.float64), tree, row, forest.n_trees)
    index = tape.op("Cast", leaves, to=ir.DataType.INT32.value, dtype=ir.DataType.INT32)
    return sum_leaves(tape, index, forest.values)


def _complementary(forest: Forest) -> float | None:
    """Return what the two outputs of every leaf add up to, or None where that differs (two classes: 1)."""
    sums = forest.values.sum(axis=1)
    return float(sums[0]) if forest.n_outputs == 2 and np.ptp(sums) <= COMPLEMENT_ROUNDING else None


def _second_and_rest(tape: RuleTape, forest: Forest, x: ir.Value, whole: float) -> ir.Value:
    """Return the sums of two outputs that share `whole` in every leaf: the kernel sums one, the other is the rest."""
    first = np.zeros(len(forest.values), np.int64)
    second = _tree_ensemble(tape, forest, tape.cast(x, np.float64), first, forest.values[:, 1], 1)
    total = tape.constant([[whole * forest.n_trees]], np.float64)
    rest = tape.op("Sub", total, second, dtype=ir.DataType.DOUBLE)
    return tape.op("Concat", rest, second, axis=1, dtype=ir.DataType.DOUBLE)


def _leaves_apart(forest: Forest) -> tuple[Forest, NDArray[np.int32], NDArray[np.int32]]:
    """Return the forest with leaves that no two trees share; and of each leaf its tree and its row of `values`."""
    tree = forest.tree_of_node
    nodes = np.flatnonzero(forest.is_leaf & (tree >= 0))
    leaf = np.zeros(forest.n_nodes, np.int32)
    cells = forest.n_trees * len(forest.values)
    if cells > len(nodes):
        leaf[nodes] = np.arange(len(nodes))
        return replace(forest, leaf=leaf), tree[nodes], forest.leaf[nodes]
    cell = tree[nodes] * len(forest.values) + forest.leaf[nodes]
    used = np.bincount(cell, minlength=cells) > 0
    leaf[nodes] = (np.cumsum(used) - 1)[cell]
    tree_of, row_of = np.divmod(np.flatnonzero(used).astype(np.int32), np.int32(len(forest.values)))
    return replace(forest, leaf=leaf), tree_of, row_of


def _only_target(forest: Forest) -> NDArray[np.int64] | None:
    """Return the one output that each leaf scores, or None where some leaf scores several."""
    if forest.n_outputs == 1:
        return np.zeros(len(forest.values), np.int64)
    if ((forest.values != 0).sum(axis=1) > 1).any():
        return None
    target: NDArray[np.int64] = np.abs(forest.values).argmax(axis=1)
    return target


def _tree_ensemble(
    tape: RuleTape,
    forest: Forest,
    x: ir.Value,
    target: NDArray[np.integer],
    weight: NDArray[Any],
    n_targets: int,
) -> ir.Value:
    """Add the node; trees that are one leaf get a decision whose two sides are that leaf."""
    dtype = require_dtype(x, "the input of Forest")
    forest.forget_levels()
    is_leaf = forest.is_leaf
    lone = forest.roots[is_leaf[forest.roots]]
    inner = np.flatnonzero(~is_leaf).astype(np.int32)
    number = np.cumsum(~is_leaf, dtype=np.int32)
    number -= 1
    np.copyto(number, forest.leaf, where=is_leaf)
    roots = number[forest.roots]
    roots[is_leaf[forest.roots]] = len(inner) + np.arange(len(lone))
    attributes: dict[str, Any] = {"n_targets": n_targets, "aggregate_function": SUM, "post_transform": 0}
    # In this order the numbers, four bytes a node, are let go before the thresholds are copied.
    for name, side in (("true", forest.left), ("false", forest.right)):
        child = np.append(side[inner], lone)
        attributes[f"nodes_{name}nodeids"] = packed(number[child])
        attributes[f"nodes_{name}leafs"] = packed(is_leaf[child].astype(np.int8))
    del number, child, is_leaf
    nodes = np.append(inner, lone)
    feature = forest.feature[nodes]
    feature[len(inner) :] = 0
    attributes |= {
        "nodes_splits": ir.tensor(_in_dtype(forest.threshold[nodes], dtype)),
        "nodes_featureids": packed(feature),
        "nodes_modes": ir.tensor(np.full(len(nodes), LESS_OR_EQUAL, np.uint8)),
        "leaf_targetids": packed(target.astype(np.int32)),
        "leaf_weights": ir.tensor(np.ascontiguousarray(weight, dtype)),
        "tree_roots": packed(roots),
    }
    if forest.missing_left.any():
        attributes["nodes_missing_value_tracks_true"] = packed(forest.missing_left[nodes].astype(np.int8))
    return tape.op("TreeEnsemble", x, domain=ML_DOMAIN, version=ML_OPSET, dtype=x.dtype, **attributes)


def _in_dtype(thresholds: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    return floor_float32(thresholds) if dtype == np.float32 else thresholds
