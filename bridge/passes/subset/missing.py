"""Take out what handles missing values where none can arrive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from bridge.opset import MAIN_DOMAIN
from bridge.passes.rule import constant_of

MOVING = frozenset(
    {
        "Abs",
        "Cast",
        "Concat",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "Identity",
        "Neg",
        "Reshape",
        "Slice",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
        "Where",
    }
)
"""Operators that make no NaN of values that have none."""


@dataclass
class DropMissingRoutes(ir.passes.InPlacePass):
    """Replace `Where(IsNaN(x), a, b)` by b where x is known to hold no NaN.

    Attributes
    ----------
    refused
        The names of the graph inputs in which the predictor refuses NaN.
    """

    refused: frozenset[str] = frozenset()

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        numbers: dict[ir.Value, bool] = {}
        modified = False
        for node in list(model.graph):
            if node.op_type == "Where" and node.domain == MAIN_DOMAIN and self._asks_for_nan(node.inputs[0], numbers):
                modified |= _bypass(node)
        return ir.passes.PassResult(model, modified)

    def _asks_for_nan(self, condition: ir.Value | None, numbers: dict[ir.Value, bool]) -> bool:
        """Return whether the condition is IsNaN of something that holds no NaN."""
        node = None if condition is None else condition.producer()
        if node is None or node.op_type != "IsNaN" or node.domain != MAIN_DOMAIN or node.inputs[0] is None:
            return False
        return self._holds_numbers(node.inputs[0], numbers)

    def _holds_numbers(self, value: ir.Value, known: dict[ir.Value, bool]) -> bool:
        """Return whether a value never holds NaN."""
        waiting = [value]
        while waiting:
            current = waiting[-1]
            if current in known:
                waiting.pop()
                continue
            node = current.producer()
            if current.dtype is not None and not current.dtype.is_floating_point():
                known[current] = True
            elif (array := constant_of(current)) is not None:
                known[current] = not np.isnan(array).any()
            elif node is None:
                known[current] = current.name in self.refused
            elif node.op_type not in MOVING or node.domain != MAIN_DOMAIN:
                known[current] = False
            else:
                sources = [v for v in node.inputs if v is not None]
                if unknown := [v for v in sources if v not in known]:
                    waiting += unknown
                else:
                    known[current] = all(known[v] for v in sources)
        return known[value]


def _bypass(node: ir.Node) -> bool:
    kept, result = node.inputs[2], node.outputs[0]
    if kept is None or result.is_graph_output() or kept.shape is None or kept.shape != result.shape:
        return False
    ir.convenience.replace_all_uses_with(result, kept)
    return True
