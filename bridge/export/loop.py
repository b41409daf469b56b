"""Repeat a step until it says stop: a Loop, for what an estimator iterates to a tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.export.builder import Builder

    Step = Callable[[ir.Value, list[ir.Value]], tuple[ir.Value | None, list[ir.Value]]]


def repeat(b: Builder, step: Step, state: Sequence[ir.Value], most: int | ir.Value) -> list[ir.Value]:
    """Return the state after at most `most` turns of `step`.

    Parameters
    ----------
    step
        Called once, with the number of the turn (an int64 scalar, from 0) and the state; writes the nodes of one turn
        and returns whether to go on (a bool scalar, or None for always) and the new state, in the same dtypes.
    state
        The values before the first turn.
    most
        A number, or an int64 scalar.
    """
    outer, b.nodes = b.nodes, []
    was_inner, b.in_body = b.in_body, True
    prefix = f"loop_{b.loops}"
    b.loops += 1
    turn = ir.Value(name=f"{prefix}_number", type=ir.TensorType(ir.DataType.INT64), shape=ir.Shape([]))
    before = ir.Value(name=f"{prefix}_before", type=ir.TensorType(ir.DataType.BOOL), shape=ir.Shape([]))
    inputs = [ir.Value(name=f"{prefix}_{i}", type=value.type) for i, value in enumerate(state)]
    go_on, results = step(turn, inputs)
    # What a body returns must be made in it, each value once.
    outputs = [b.op("Identity", value) for value in (before if go_on is None else go_on, *results)]
    body = ir.Graph([turn, before, *inputs], outputs, nodes=b.nodes, name=prefix)
    b.nodes, b.in_body = outer, was_inner
    limit = b.constant(most, np.int64) if isinstance(most, int) else most
    node = ir.node("Loop", [limit, b.constant(np.True_), *state], {"body": body}, num_outputs=len(results))
    b.nodes.append(node)
    for made, value in zip(node.outputs, results, strict=True):
        made.type = value.type
    return list(node.outputs)
