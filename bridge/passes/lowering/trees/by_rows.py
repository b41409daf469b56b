"""Two forms of an ensemble in one graph, of which a run takes the one that is faster for its number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.passes.lowering.values import known_width

if TYPE_CHECKING:
    from bridge.passes.rule import RuleTape


def choose_by_rows(
    tape: RuleTape, x: ir.Value, rows: int, few: tuple[RuleTape, ir.Value], many: tuple[RuleTape, ir.Value]
) -> ir.Value:
    """Return the value of `few` where x, of known width, has fewer than `rows` rows, else that of `many`.

    Each is a branch of `tape` and a value that it computes. Both values have the same dtype and shape.
    """
    width = known_width(x)
    if width is None:
        raise TypeError(f"{x.name} has no known width")
    # The number of elements takes one node, the number of rows two.
    size = tape.op("Size", x, dtype=ir.DataType.INT64)
    is_few = tape.op("Less", size, tape.constant(rows * width, np.int64), dtype=ir.DataType.BOOL)
    then_branch, else_branch = (_graph(*found, name) for found, name in ((few, "few_rows"), (many, "many_rows")))
    return tape.op("If", is_few, then_branch=then_branch, else_branch=else_branch, dtype=few[1].dtype)


def _graph(tape: RuleTape, result: ir.Value, name: str) -> ir.Graph:
    """Return the nodes of `tape` as a graph; its names hide none of the graph around it."""
    for i, node in enumerate(tape.nodes):
        for output in node.outputs:
            output.name = f"{name}_{i}"
    return ir.Graph([], [result], nodes=tape.nodes, name=name)
