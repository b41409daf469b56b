"""Take all decisions of shallow trees at once, then select the leaves from the bottom up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.lowering.trees.traverse import sum_slots, thresholds_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.passes.lowering.trees.layout import Group
    from bridge.passes.rule import RuleTape

MOST_DEPTH = 12
"""Refuse deeper trees: the decisions double with each level."""


def group_as_tournament(tape: RuleTape, group: Group, values: NDArray[np.float64], columns: ir.Value) -> ir.Value:
    """Return the sums (outputs, rows), float64, of a group of trees; `columns` is (features, rows).

    A tree is completed to its full depth by letting leaves ask again. In the tables of a level all left children come
    before all right ones, in the same order, so that a match is between the two halves of what is below.
    """
    if group.depth > MOST_DEPTH:
        raise DeclinedError(f"strategy 'tournament' takes trees of depth {MOST_DEPTH}; these have {group.depth}")
    trees = np.arange(len(group.right))
    slot = np.zeros((1, len(trees)), np.int64)
    asked = []
    for _ in range(group.depth):
        asked.append(slot)
        right_child = group.right[trees, slot].astype(np.int64)
        slot = np.concatenate([right_child - 1, right_child])

    left, right = (tape.constant(half.reshape(-1, 1), np.int32) for half in np.split(slot, 2))
    for slot in reversed(asked):
        winner = tape.op("Where", _goes_left(tape, group, columns, trees, slot), left, right, dtype=left.dtype)
        half = slot.size // 2
        if half:
            left, right = (
                tape.op("Gather", winner, tape.constant(np.arange(start, start + half)), axis=0, dtype=winner.dtype)
                for start in (0, half)
            )
    return sum_slots(tape, group, values, winner)


def _goes_left(
    tape: RuleTape, group: Group, columns: ir.Value, trees: NDArray[np.int64], slot: NDArray[np.int64]
) -> ir.Value:
    feature = group.feature[trees, slot].ravel().astype(np.int64)
    threshold = thresholds_for(group.threshold[trees, slot].reshape(-1, 1), columns)
    asked = tape.op("Gather", columns, tape.constant(feature), axis=0, dtype=columns.dtype)
    return tape.op("LessOrEqual", asked, tape.constant(threshold), dtype=ir.DataType.BOOL)
