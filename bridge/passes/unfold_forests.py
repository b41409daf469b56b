"""Bring the Forest nodes of a file back to sums, as rules know them, and what they made of these to operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError, LoweringError
from bridge.opset import BRIDGE_DOMAIN, FOREST
from bridge.passes.ensure import leftover
from bridge.passes.forest_function import is_forest
from bridge.passes.forest_results import BASE, PLAIN, Results, check_width, finished, read_results
from bridge.passes.rule import Options, RuleTape, read_forest

if TYPE_CHECKING:
    from bridge.targets import Target


@dataclass
class UnfoldForests(ir.passes.InPlacePass):
    """Write what a Forest does after its sums as operators of `ai.onnx`; raise `LoweringError` where that cannot be."""

    target: Target

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        faults: list[str] = []
        modified = False
        for node in filter(is_forest, list(model.graph.all_nodes())):
            try:
                results = read_results(node)
                if results == PLAIN:
                    continue
                _unfold(node, results, self.target)
                modified = True
            except DeclinedError as reason:
                faults.append(leftover(node, str(reason)))
        if faults:
            raise LoweringError(self.target, faults)
        return ir.passes.PassResult(model, modified)


def _unfold(node: ir.Node, results: Results, target: Target) -> None:
    graph = node.graph
    if graph is None:
        raise TypeError(f"node {node.name!r} is in no graph")
    if results.aggregate in ("min", "max"):
        raise DeclinedError(f"aggregate '{results.aggregate}' has no form but that of the kernel and the function")
    tape = RuleTape(Options(target))
    sums = tape.op(FOREST, *node.inputs[:BASE], domain=BRIDGE_DOMAIN, dtype=ir.DataType.DOUBLE)
    forest = read_forest(tape.nodes[0])
    check_width(results, forest.n_outputs)
    base = node.inputs[BASE] if results.has_base else None
    trees = tape.constant(float(forest.n_trees), np.float64)
    values = finished(tape, results, sums, trees=trees, base=base, single=forest.n_outputs == 1)
    for i, value in enumerate(tape.initializers):
        value.name = f"{node.outputs[0].name}_unfolded_{i}"
        graph.register_initializer(value)
    graph.insert_before(node, tape.nodes)
    before = dict(zip(results.outputs(), node.outputs, strict=False))
    for output, value in values.items():
        old = before[output]
        name, type_, shape = old.name, old.type, old.shape
        ir.convenience.replace_all_uses_with(old, value, replace_graph_outputs=True)
        old.name = None
        if name:
            value.name, value.type, value.shape = name, type_, shape
    graph.remove(node, safe=True)
