"""One output that says which rows the estimator raises for, and why."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.export.builder import Builder

REFUSED = "refused"
"""The name of the output, where no other has it."""


def close_refusals(
    b: Builder, taken: set[str | None], methods: Sequence[str]
) -> tuple[list[ir.Value], tuple[str, ...]]:
    """Return the output, int64 (rows,): 0 for a row that is answered, else 1 + the position of its reason; the reasons.

    There is no output where no converter called `Builder.refuse`, or none of the file's `methods` raises.
    """
    for finish in b.at_end:
        finish()
    conditions: dict[str, list[ir.Value]] = {}
    for refusal in b.refusals:
        if refusal.besides.issuperset(methods):
            continue
        conditions.setdefault(refusal.reason, []).append(refusal.condition)
    if not conditions:
        return [], ()
    code = b.constant([0], np.int64)
    # The first reason is the one that a row meets first.
    for number, found in reversed(list(enumerate(conditions.values(), 1))):
        is_refused = reduce(lambda one, other: b.op("Or", one, other), [_any(b, each) for each in found])
        code = b.where(is_refused, b.constant([number], np.int64), code)
    output = b.op("Identity", code)
    name = REFUSED
    while name in taken:
        name += "_output"
    taken.add(name)
    output.name = name
    output.shape = ir.Shape(["batch"])
    return [output], tuple(conditions)


def _any(b: Builder, condition: ir.Value) -> ir.Value:
    """Return bool (rows,); by a sum of floats, which every runtime and GPU has."""
    count = b.sum(b.cast(condition, np.float32))
    return b.op("Greater", count, b.like([0], count))
