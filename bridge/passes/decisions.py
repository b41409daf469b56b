"""Tell whether a graph takes its decisions on numbers that are exactly the estimator's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import onnx_ir as ir

from bridge.opset import ARBITRARY_TIES, ML_DOMAIN
from bridge.passes.forest_function import is_forest
from bridge.passes.precision.float32 import MOVED_DECISIONS

if TYPE_CHECKING:
    from bridge.targets import Precision

State = Literal["exact", "decided", "rounded"]

# fmt: off
MOVING = frozenset({
    "Abs", "And", "Cast", "Clip", "Concat", "Constant", "ConstantOfShape", "Expand", "Flatten", "Gather",
    "GatherElements", "GatherND", "Identity", "IsInf", "IsNaN", "Max", "Min", "Neg", "Not", "Or", "Pad", "Relu",
    "Reshape", "Shape", "Size", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Where", "Xor",
})
"""Operators whose results are their inputs' own values."""
ROUNDED_ONCE = frozenset({"Add", "Div", "Mul", "Reciprocal", "Sqrt", "Sub"})
"""Correctly rounded by IEEE 754: the same bits as NumPy's, in the same dtype."""
DECIDING = frozenset({
    "ArgMax", "ArgMin", "Ceil", "Equal", "Floor", "Greater", "GreaterOrEqual", "Hardmax", "Less", "LessOrEqual",
    "NonZero", "OneHot", "Round", "Sign", "TopK", "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor",
})
# fmt: on


EXACT_DECISIONS = "bridge.exact_decisions"
"""Where `NoteDecisions` leaves its answer in the model's `meta`."""


@dataclass
class NoteDecisions(ir.passes.InPlacePass):
    """Note in the model's `meta` whether it decides exactly, before later passes spell its comparisons otherwise."""

    precision: Precision

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        model.meta[EXACT_DECISIONS] = decides_exactly(model, self.precision)
        return ir.passes.PassResult(model, modified=False)


def decides_exactly(model: ir.Model, precision: Precision) -> bool:
    """Return whether no decision is taken on a number that may differ from the estimator's by rounding.

    If so, the model must agree even on rows that lie on a threshold. If not (a matrix product in another order, or
    float32 arithmetic), which side such a row falls on is a matter of rounding. Sums over what decisions selected, such
    as leaf values, do not count: they change by steps, not with the input.
    """
    if model.meta.get(MOVED_DECISIONS):
        return False
    return _follow(model.graph, {}, precision)


def _follow(graph: ir.Graph, states: dict[ir.Value, State], precision: Precision) -> bool:
    """Add what the nodes make of these states, to the first decision on a rounded number; return whether none is."""
    for node in graph:
        branches = [a.as_graph() for a in node.attributes.values() if node.op_type == "If"]
        if not all(_follow(branch, states, precision) for branch in branches):
            return False
        read = [*node.inputs, *(output for branch in branches for output in branch.outputs)]
        found = {states.get(v, "exact") for v in read if v is not None and v.const_value is None}
        if _decides(node) and ("rounded" in found or node.meta.get(ARBITRARY_TIES)):
            return False
        state = _worst(found) if branches else _state(node, found, precision)
        states.update(dict.fromkeys(node.outputs, state))
    return True


def _worst(found: set[State]) -> State:
    """Return the state of what a branch may give."""
    return "rounded" if "rounded" in found else "exact" if "exact" in found else "decided"


def _decides(node: ir.Node) -> bool:
    return is_forest(node) or (node.op_type in DECIDING and node.domain in ("", ML_DOMAIN))


def _state(node: ir.Node, inputs: set[State], precision: Precision) -> State:
    if _decides(node):
        return "decided"
    keeps_bits = node.op_type in MOVING or (node.op_type in ROUNDED_ONCE and precision == "exact")
    if not keeps_bits and inputs != {"decided"}:
        return "rounded"
    if "rounded" in inputs:
        return "rounded"
    return "decided" if inputs == {"decided"} else "exact"
