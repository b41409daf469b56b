"""What the forms of a tree ensemble cost in onnxruntime on a CPU, and which form is cheapest.

The constants are those of one thread; `scripts/tree_costs.py` measures them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from bridge.forest import Forest

Form = Literal["kernel", "oblivious", "tournament", "traverse"]
"""The forms in tensor operators, and the kernel of ai.onnx.ml."""

ROWS = 100
"""The rows that a choice is made for: between one, where operators count, and many, where elements do."""
OPERATOR_US = 0.23
"""Microseconds to start an operator."""
LAUNCH_US = 1.0
"""The same on a GPU or in another runtime; a guess, until `tree_costs.py --device cuda` has run on one."""
TREE_NS = 30.0
"""Nanoseconds that one level of a walk takes for a tree, however few the rows: each look-up starts its row anew."""
STEP_NS = 3.2
"""Nanoseconds of one level of a walk, for a tree and a row: three look-ups in tables, one in the row, a comparison."""
STEP_OPERATORS = 7
LINE_NS = 5.7
"""Nanoseconds that one decision of a tournament takes, however few the rows."""
DECISION_NS = 1.3
"""Nanoseconds of one decision of a tournament, for a row: a copy, a comparison, a selection."""
ROUND_OPERATORS = 5
BIT_NS = 0.5
"""Nanoseconds of one level of an oblivious tree, for a row: a copy, a comparison, a product; its look-up included."""
BIT_OPERATORS = 7
KERNEL_NS = 5.0
"""Nanoseconds of one level of a tree in onnxruntime's TreeEnsemble, for a row among many."""
KERNEL_FAR_NS = 1.2e-5
"""What each node of an ensemble adds to that: 5.4 ns for 30,000 nodes, 7 for 160,000, 14 for 750,000."""
BRANCH_US = 1.4
"""Microseconds to choose between two forms by the number of rows: Size, Less, If."""
WORTH = 1.25
"""A second form is worth its tables where the first takes this many times as long for very many rows."""
FRAME_OPERATORS, FRAME_NS, TRANSPOSE_NS = 6, 60.0, 0.3
"""What tensor forms share, first and last operators: of them, nanoseconds a row, and for each number of a row."""
MOST_ROWS = 2000
"""A form that is faster from more rows on alone is not worth its tables."""


@dataclass(frozen=True)
class Cost:
    """What a form takes: `start` microseconds and `row` more for each row."""

    start: float
    row: float

    def at(self, rows: int) -> float:
        """Return the microseconds for this many rows."""
        return self.start + self.row * rows

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.start + other.start, self.row + other.row)


def form_cost(form: Form, depth: float, trees: int, *, operator_us: float = OPERATOR_US) -> Cost:
    """Return what `trees` trees of this depth take.

    The kernel's depth is the mean one of the leaves: there a row that has arrived does not wait for the others.
    """
    if form == "kernel":
        return Cost(operator_us, KERNEL_NS * depth * trees / 1000)
    if form == "oblivious":
        return Cost(BIT_OPERATORS * operator_us, BIT_NS * depth * trees / 1000)
    if form == "tournament":
        decisions = 2.0 ** min(depth, 1000) - 1  # 2.0**1024 is no float
        start = ROUND_OPERATORS * depth * operator_us + LINE_NS * decisions * trees / 1000
        return Cost(start, DECISION_NS * decisions * trees / 1000)
    start = STEP_OPERATORS * depth * operator_us + TREE_NS * depth * trees / 1000
    return Cost(start, STEP_NS * depth * trees / 1000)


def frame_cost(width: int) -> Cost:
    """Return what tensor forms take besides the trees where rows have `width` numbers."""
    return Cost(FRAME_OPERATORS * OPERATOR_US, (FRAME_NS + TRANSPOSE_NS * width) / 1000)


def kernel_cost(forest: Forest) -> Cost:
    """Return what onnxruntime's TreeEnsemble takes for a forest."""
    leaves = forest.leaf_depths
    mean = float(leaves @ np.arange(len(leaves)) / leaves.sum())
    far = KERNEL_FAR_NS * forest.n_nodes * mean * forest.n_trees / 1000
    return form_cost("kernel", mean, forest.n_trees) + Cost(0, far)


def cheapest(depth: int, trees: int, *, oblivious: bool, operator_us: float = OPERATOR_US) -> Form:
    """Return the form in tensor operators to take for `trees` trees of this depth."""
    forms: tuple[Form, ...] = ("oblivious", "tournament", "traverse") if oblivious else ("tournament", "traverse")
    return min(forms, key=lambda form: form_cost(form, depth, trees, operator_us=operator_us).at(ROWS))


def least_cost(depth: int, trees: int, *, oblivious: bool, operator_us: float = OPERATOR_US) -> float:
    """Return the microseconds that `trees` trees of this depth take in their cheapest form, for `ROWS` rows."""
    form = cheapest(depth, trees, oblivious=oblivious, operator_us=operator_us)
    return form_cost(form, depth, trees, operator_us=operator_us).at(ROWS)


def rows_to_switch(few: Cost, many: Cost) -> int | None:
    """Return the number of rows from which on to take `many` instead of `few`; 0 for always, None for never.

    Whoever can choose pays for it at every run: where one of the two is nearly as good throughout, it is taken alone.
    """
    if few.row < WORTH * many.row:
        return None
    if many.at(1) <= few.at(1) + 2 * BRANCH_US:
        return 0
    rows = math.ceil((many.start - few.start) / (few.row - many.row))
    return rows if rows <= MOST_ROWS else None
