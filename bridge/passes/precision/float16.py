"""Bring the nodes of a plan from float32 to float16; the graph's inputs and outputs stay as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.passes.initializers import add_initializer, drop_unused
from bridge.passes.rule import require_constant

if TYPE_CHECKING:
    from bridge.passes.precision.half_plan import HalfPlan

HALF, SINGLE = ir.DataType.FLOAT16, ir.DataType.FLOAT


@dataclass
class ToFloat16(ir.passes.InPlacePass):
    """Compute the nodes of `plan`, which was made of the same graph, in float16.

    A float32 operand is cut off at the plan's magnitude before it is cast, so that nothing overflows: by Max and Min,
    which let NaN through. What leaves the float16 nodes is cast back. onnxconverter-common (1.16) is not used for it:
    it brings every value of the graph to float16, those between two nodes that stay in float32 too.
    """

    plan: HalfPlan
    constants: dict[ir.Value, ir.Value] = field(default_factory=dict)
    operands: dict[ir.Value, ir.Value] = field(default_factory=dict)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        chosen = set(self.plan.nodes)
        before = set(model.graph)
        for node in self.plan.nodes:
            self._bring_in(model.graph, node)
            if node.op_type == "Cast":
                node.attributes["to"] = ir.AttrInt64("to", HALF.value)
        for node in self.plan.nodes:
            for output in node.outputs:
                if output.dtype == SINGLE:
                    _widen(model.graph, node, output, before - chosen)
        for value in self.constants:
            drop_unused(model.graph, value)
        return ir.passes.PassResult(model, modified=bool(chosen))

    def _bring_in(self, graph: ir.Graph, node: ir.Node) -> None:
        """Give a node its constants, and what is cut off for it, in float16."""
        for index, value in enumerate(node.inputs):
            if value is None or value.dtype != SINGLE:
                continue
            if (node, index) in self.plan.cuts:
                node.replace_input_with(index, self._cut(graph, node, value))
            elif value.const_value is not None:
                node.replace_input_with(index, self._narrow(graph, value))

    def _narrow(self, graph: ir.Graph, value: ir.Value) -> ir.Value:
        if value not in self.constants:
            array = require_constant(value, "a weight")
            self.constants[value] = add_initializer(graph, array.astype(np.float16), "float16")
        return self.constants[value]

    def _cut(self, graph: ir.Graph, node: ir.Node, value: ir.Value) -> ir.Value:
        """Return a value in float16, cut off where the first of the products that take it would overflow."""
        if value in self.operands:
            return self.operands[value]
        most = min(cut for (user, index), cut in self.plan.cuts.items() if user.inputs[index] is value)
        is_half = value in self.plan.limits
        cut = np.nextafter(np.float16(most), np.float16(0)).astype(np.float16 if is_half else np.float32)
        above = ir.node("Max", [value, add_initializer(graph, -cut, "least")])
        below = ir.node("Min", [above.outputs[0], add_initializer(graph, cut, "most")])
        made = [above, below]
        if not is_half:
            made.append(ir.node("Cast", [below.outputs[0]], {"to": HALF.value}))
        for step in made:
            is_wide = step.op_type != "Cast" and not is_half
            step.outputs[0].type = ir.TensorType(SINGLE if is_wide else HALF)
            step.outputs[0].shape = value.shape
        graph.insert_before(node, made)
        self.operands[value] = made[-1].outputs[0]
        return self.operands[value]


def _widen(graph: ir.Graph, node: ir.Node, output: ir.Value, others: set[ir.Node]) -> None:
    """Make an output float16, and cast it for the nodes that take it in float32."""
    output.type = ir.TensorType(HALF)
    wide = [(user, index) for user, index in output.uses() if user in others]
    if not wide and not output.is_graph_output():
        return
    cast = ir.node("Cast", [output], {"to": SINGLE.value})
    (result,) = cast.outputs
    result.type, result.shape = ir.TensorType(SINGLE), output.shape
    graph.insert_after(node, [cast])
    for user, index in wide:
        user.replace_input_with(index, result)
    if output.is_graph_output():
        result.name, output.name = output.name, f"{output.name}_float16"
        for position, value in enumerate(graph.outputs):
            if value is output:
                graph.outputs[position] = result
