"""What the forms of a tree ensemble cost in onnxruntime on a CPU, and which form is cheapest.

The constants are those of one thread; `scripts/tree_costs.py` measures them.
"""

from __future__ import annotations

from typing import Literal

Form = Literal["kernel", "oblivious", "tournament", "traverse"]
"""The forms in tensor operators, and the kernel of ai.onnx.ml."""

ROWS = 100
"""The rows that a choice is made for: between one, where operators count, and many, where elements do."""
OPERATOR_US = 1.0
"""Microseconds to start an operator."""
STEP_NS = 3.0
"""Nanoseconds of one level of a walk, for a tree and a row: three look-ups in tables, one in the row, a comparison."""
STEP_OPERATORS = 7
DECISION_NS = 1.35
"""Nanoseconds of one decision of a tournament, for a row: a copy, a comparison, a selection."""
ROUND_OPERATORS = 5
BIT_NS = 0.6
"""Nanoseconds of one level of an oblivious tree, for a row: a copy, a comparison, a product; its look-up included."""
BIT_OPERATORS = 7
KERNEL_NS = 6.0
"""Nanoseconds of one level of a tree in onnxruntime's TreeEnsemble, for a row that it has not just seen."""


def estimate(form: Form, depth: int, trees: int, rows: int = ROWS) -> float:
    """Return the microseconds that `trees` trees of this depth take for `rows` rows."""
    if form == "kernel":
        return OPERATOR_US + KERNEL_NS * depth * trees * rows / 1000
    if form == "oblivious":
        return BIT_OPERATORS * OPERATOR_US + BIT_NS * depth * trees * rows / 1000
    if form == "tournament":
        decisions = 2.0 ** min(depth, 1000) - 1  # 2.0**1024 is no float
        return ROUND_OPERATORS * depth * OPERATOR_US + DECISION_NS * decisions * trees * rows / 1000
    return STEP_OPERATORS * depth * OPERATOR_US + STEP_NS * depth * trees * rows / 1000


def row_cost(form: Form, depth: int, trees: int) -> float:
    """Return the microseconds that each of very many rows takes."""
    return estimate(form, depth, trees, 2) - estimate(form, depth, trees, 1)


def cheapest(depth: int, trees: int, *, oblivious: bool) -> Form:
    """Return the form in tensor operators to take for `trees` trees of this depth."""
    forms: tuple[Form, ...] = ("oblivious", "tournament", "traverse") if oblivious else ("tournament", "traverse")
    return min(forms, key=lambda form: estimate(form, depth, trees))


def least_cost(depth: int, trees: int, *, oblivious: bool) -> float:
    """Return the microseconds that `trees` trees of this depth take in their cheapest form."""
    return estimate(cheapest(depth, trees, oblivious=oblivious), depth, trees)
