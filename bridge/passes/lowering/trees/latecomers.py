"""Walk on with those rows alone that are still on their way, where most leaves stand far above the deepest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.passes.lowering.trees.layout import Group
    from bridge.passes.rule import RuleTape
    from bridge.targets import Target

SAMPLED_TREES = 16
"""The depths of the leaves are counted in this many trees of a group."""
FLAT = 1.5
"""What a level costs for a row that is picked out, in levels of the whole walk: two more operators, on one core."""
PICK, PICKED = 1.0, 4.0
"""What it costs to look for the rows still on their way, and to pick each out and put it back, in levels."""
WORTH = 0.85
"""Rows are picked out where that leaves at most this share of the time."""


@dataclass(frozen=True)
class Plan:
    """Which levels of a walk all rows take, and how many levels for all rows cost as much as the whole walk."""

    level: int
    cost: float


def plan_walk(group: Group, target: Target) -> Plan:
    """Return after how many levels to go on with the latecomers alone; all of them where that gains little.

    On a GPU the number of latecomers would have to come back to the host; few other runtimes have the operators.
    """
    if target != "cpu":
        return Plan(group.depth, group.depth)
    arrived = np.cumsum(_leaf_depths(group))
    late = 1 - arrived / arrived[-1]
    levels = np.arange(2, group.depth)
    costs = levels + PICK + late[levels] * (PICKED + FLAT * (group.depth - levels))
    best = int(np.argmin(costs)) if levels.size else -1
    if best < 0 or costs[best] > WORTH * group.depth:
        return Plan(group.depth, group.depth)
    return Plan(int(levels[best]), float(costs[best]))


def _leaf_depths(group: Group) -> NDArray[np.int64]:
    """Return how many leaves stand below 0, 1, 2, ... decisions in some trees of the group."""
    right = group.right[:: max(1, len(group.right) // SAMPLED_TREES)]
    counts = np.zeros(group.depth + 1, np.int64)
    tree, slot = np.arange(len(right)), np.zeros(len(right), np.int64)
    for level in range(group.depth + 1):
        child = right[tree, slot]
        waits = child == slot + slot % 2
        counts[level] = waits.sum()
        tree, child = tree[~waits], child[~waits]
        tree, slot = np.concatenate([tree, tree]), np.concatenate([child - 1, child])
    return counts


@dataclass(frozen=True)
class Tables:
    """The tables of a walk, (trees, slots): what a slot asks, the threshold of the answer, and the right child."""

    feature: ir.Value
    threshold: ir.Value
    right: ir.Value

    def look_up(self, tape: RuleTape, slot: ir.Value, axis: int) -> tuple[ir.Value, ir.Value, ir.Value]:
        """Return what the nodes in these slots hold; `slot` counts along `axis`."""
        found = [
            tape.op("GatherElements", table, slot, axis=axis, dtype=table.dtype)
            for table in (self.feature, self.threshold, self.right)
        ]
        return found[0], found[1], found[2]


def finish_walk(
    tape: RuleTape, group: Group, tables: Tables, columns: ir.Value, before: ir.Value, slot: ir.Value, levels: int
) -> ir.Value:
    """Return where `levels` more levels lead from `slot`, int32 (trees, rows), the step after `before`.

    A row that did not move in the last step waits at its leaf. Each of the others, for each tree, is one of a list from
    here on, with the number of its row and of the first slot of its tree; last the list is written over `slot`.
    """
    trees, slots = group.right.shape
    flat = tape.constant([-1], np.int64)

    def flattened(x: ir.Value) -> ir.Value:
        return tape.op("Reshape", x, flat, dtype=x.dtype)

    def integers(op_type: str, *inputs: ir.Value) -> ir.Value:
        return tape.op(op_type, *inputs, dtype=inputs[0].dtype)

    waits = tape.op("Equal", before, slot, dtype=ir.DataType.BOOL)
    moves = flattened(tape.op("Not", waits, dtype=ir.DataType.BOOL))
    found = tape.op("NonZero", moves, dtype=ir.DataType.INT64)
    place = tape.op("Squeeze", found, tape.constant([0], np.int64), dtype=ir.DataType.INT64)
    shape = tape.op("Shape", slot, dtype=ir.DataType.INT64)
    rows = tape.op("Gather", shape, tape.constant([1], np.int64), axis=0, dtype=ir.DataType.INT64)
    tree = integers("Div", place, integers("Max", rows, tape.constant([1], np.int64)))
    row = tape.cast(integers("Sub", place, integers("Mul", tree, rows)), np.int32)
    first = integers("Mul", tape.cast(tree, np.int32), tape.constant([slots], np.int32))
    few_rows = tape.cast(rows, np.int32)
    values = flattened(columns)
    lists = Tables(flattened(tables.feature), flattened(tables.threshold), flattened(tables.right))
    all_slots = flattened(slot)
    at = tape.op("GatherElements", all_slots, place, axis=0, dtype=ir.DataType.INT32)
    for _ in range(levels):
        feature, threshold, right = lists.look_up(tape, integers("Add", first, at), axis=0)
        number = integers("Add", integers("Mul", feature, few_rows), row)
        asked = tape.op("GatherElements", values, number, axis=0, dtype=columns.dtype)
        at = step(tape, asked, threshold, right)
    done = tape.op("ScatterElements", all_slots, place, at, axis=0, dtype=ir.DataType.INT32)
    # Not to `shape`: a 0 in it, for no rows, would mean "as before".
    return tape.op("Reshape", done, tape.constant([trees, -1], np.int64), dtype=ir.DataType.INT32)


def step(tape: RuleTape, asked: ir.Value, threshold: ir.Value, right: ir.Value) -> ir.Value:
    """Return the slot of the left child, which stands before the right one, where `asked <= threshold`."""
    goes_left = tape.op("LessOrEqual", asked, threshold, dtype=ir.DataType.BOOL)
    return tape.op("Sub", right, tape.cast(goes_left, np.int32), dtype=ir.DataType.INT32)
