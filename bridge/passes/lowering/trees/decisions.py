"""Turn every kind of decision into `x <= t`: thresholds moved, children swapped, or a new column asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.forest import MAX_DEPTH, Forest
from bridge.passes.lowering.trees.node_table import EQ, GT, GTE, LT, MEMBER, NEQ, NodeTable
from bridge.passes.lowering.trees.sets import SetColumns, exactly, whole_part
from bridge.passes.lowering.values import known_width
from bridge.passes.packed_lists import LEAF
from bridge.passes.rule import require_dtype

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.passes.rule import RuleTape

MOST_COLUMNS = 2**20
"""Believe a table that asks for more columns only where the input is known to have them."""
MOST_COPIES = 4
"""Shared nodes may make a forest at most this many times as large as its table."""


def plain_forest(tape: RuleTape, table: NodeTable, x: ir.Value, values: NDArray[np.float64]) -> tuple[Forest, ir.Value]:
    """Return an equal forest without modes, and the matrix that it shall read: x, perhaps with columns behind its own.

    Row i of `values` is what the i-th leaf of the table scores. Whole-number inputs become float32, as in onnxruntime.
    """
    whole = not np.issubdtype(require_dtype(x, "the input of a tree ensemble"), np.floating)
    x = tape.cast(x, np.float32) if whole else x
    width = checked_width(table, x)
    feature, threshold = table.feature.copy(), table.value.copy()
    left, right = table.true_child.copy(), table.false_child.copy()
    missing_left = table.missing_true & (not whole)

    strict = np.isin(table.mode, (LT, GTE))
    threshold[strict] = _just_below(threshold[strict])
    swapped = np.isin(table.mode, (GTE, GT))
    left[swapped], right[swapped] = table.false_child[swapped], table.true_child[swapped]
    # A swapped node sends NaN, which fails every comparison, to what is now its left side.
    missing_left[swapped] = ~table.missing_true[swapped] & (not whole)

    sets = SetColumns(width)
    equality = np.isin(table.mode, (EQ, NEQ, MEMBER))
    # A comparison with NaN is never true, and `x <= t` that only NaN passes needs a column for NaN.
    odd = (table.mode != LEAF) & ~equality & np.isnan(threshold) & (np.isnan(table.value) | missing_left)
    for i in np.flatnonzero((equality & ~_inside_run(table)) | odd).tolist():
        if table.mode[i] == NEQ:
            intervals, with_nan = exactly([table.value[i]]), False
            outside, inside = table.true_child[i], table.false_child[i]
        elif equality[i]:
            intervals, with_nan, outside, inside = _membership(table, i)
        elif np.isnan(table.value[i]):
            intervals, with_nan = (), bool(table.missing_true[i])
            outside, inside = table.false_child[i], table.true_child[i]
        else:
            intervals, with_nan, outside, inside = (), True, right[i], left[i]
        sets.add(i, int(table.feature[i]), intervals, with_nan=with_nan and not whole)
        left[i], right[i], threshold[i], missing_left[i] = outside, inside, 0.5, False
    feature[sets.nodes] = sets.columns()
    return _unfold(table, feature, threshold, left, right, missing_left, values), sets.append_to(tape, x)


def checked_width(table: NodeTable, x: ir.Value) -> int:
    """Return the number of columns of x: known, or as many as the trees ask for."""
    asked = table.feature[table.mode != LEAF]
    width = known_width(x)
    if asked.size and (asked.min() < 0 or (width is not None and asked.max() >= width)):
        worst = asked.min() if asked.min() < 0 else asked.max()
        raise DeclinedError(f"attribute 'nodes_featureids' asks for feature {worst} of {width}")
    if width is None and asked.max(initial=0) >= MOST_COLUMNS:
        raise DeclinedError(f"attribute 'nodes_featureids' asks for feature {asked.max()} of an unknown number")
    return width if width is not None else int(asked.max(initial=0)) + 1


def _just_below(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return t such that `x <= t` is `x < threshold`; NaN, which is above nothing, for the lowest threshold."""
    below = np.nextafter(thresholds, -np.inf)
    return np.where(np.isneginf(thresholds), np.nan, below)


def _inside_run(table: NodeTable) -> NDArray[np.bool_]:
    """Return which nodes only continue a run of equalities: see `_membership`."""
    decides = table.mode != LEAF
    children = np.concatenate([table.true_child[decides], table.false_child[decides]])
    parents = np.bincount(children, minlength=len(table.mode))
    starts = np.flatnonzero(table.mode == EQ)
    following = table.false_child[starts]
    goes_on = (
        (table.mode[following] == EQ)
        & (table.feature[following] == table.feature[starts])
        & (table.true_child[following] == table.true_child[starts])
    )
    inside = np.zeros(len(table.mode), np.bool_)
    inside[following[goes_on]] = True
    inside[table.roots] = False
    inside &= parents == 1
    return inside


def _membership(table: NodeTable, node: int) -> tuple[tuple[tuple[float, float], ...], bool, int, int]:
    """Return the set of an EQ or MEMBER node, whether NaN is in it, and the children for outside and inside.

    A run of equalities on one feature with one true child, each the false child of the one before, is one set: so
    converters write LightGBM's categorical splits.
    """
    outside, inside = int(table.false_child[node]), int(table.true_child[node])
    if table.mode[node] == MEMBER:
        return whole_part(table.members[node]), bool(table.missing_true[node]), outside, inside
    found, with_nan = [table.value[node]], bool(table.missing_true[node])
    while (
        table.mode[outside] == EQ
        and table.feature[outside] == table.feature[node]
        and table.true_child[outside] == inside
        and len(found) <= len(table.mode)
    ):
        found.append(table.value[outside])
        with_nan |= bool(table.missing_true[outside])
        outside = int(table.false_child[outside])
    return exactly(found), with_nan, outside, inside


def _unfold(
    table: NodeTable,
    feature: NDArray[np.int64],
    threshold: NDArray[np.float64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    missing_left: NDArray[np.bool_],
    values: NDArray[np.float64],
) -> Forest:
    """Return the forest of the nodes that the roots reach, level by level.

    A node with two parents is copied for each where the table says so, else refused.
    """
    most = MOST_COPIES * len(table.mode) + 1024 if table.copies_shared else len(table.mode)
    levels, lefts, rights = [table.roots], [], []
    total = len(table.roots)
    while levels[-1].size:
        frontier = levels[-1]
        inner = table.mode[frontier] != LEAF
        below = np.full(len(frontier), -1, np.int64)
        below[inner] = total + np.arange(inner.sum())
        lefts.append(below)
        rights.append(np.where(inner, below + inner.sum(), -1))
        levels.append(np.concatenate([left[frontier[inner]], right[frontier[inner]]]))
        total += len(levels[-1])
        if total > most or len(levels) > MAX_DEPTH:
            break
    order = np.concatenate(levels)
    if levels[-1].size or (not table.copies_shared and np.bincount(order).max(initial=0) > 1):
        raise DeclinedError("a node has two parents, or is its own ancestor: 'nodes_truenodeids', 'nodes_falsenodeids'")
    is_leaf = table.mode[order] == LEAF
    row = np.cumsum(table.mode == LEAF) - 1
    return Forest(
        feature=np.where(is_leaf, 0, feature[order]).astype(np.int32),
        threshold=np.where(is_leaf, 0.0, threshold[order]),
        left=np.concatenate(lefts).astype(np.int32),
        right=np.concatenate(rights).astype(np.int32),
        leaf=np.where(is_leaf, row[order], -1).astype(np.int32),
        missing_left=missing_left[order] & ~is_leaf,
        roots=np.arange(len(table.roots), dtype=np.int32),
        values=values,
        category=np.full(len(order), -1, np.int32),
    )
