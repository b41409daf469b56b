"""Put the work on text first, which the host does: one transfer to the GPU then follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.opset import MAIN_DOMAIN, MAIN_OPSET
from bridge.passes.uses import use_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class TextFirst(ir.passes.InPlacePass):
    """Move the nodes that work on text, and all that they need, to the front of the graph; the order stays else."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        graph = model.graph
        opset = graph.opset_imports.get(MAIN_DOMAIN, MAIN_OPSET)
        nodes = list(graph)
        needed = _with_sources(node for node in nodes if use_of(node, opset).is_on_text)
        order = [n for n in nodes if n in needed] + [n for n in nodes if n not in needed]
        if order == nodes:
            return ir.passes.PassResult(model, modified=False)
        graph.remove(nodes)
        graph.extend(order)
        return ir.passes.PassResult(model, modified=True)


def _with_sources(nodes: Iterable[ir.Node]) -> set[ir.Node]:
    """Return the nodes and all nodes of the graph that they depend on."""
    found: set[ir.Node] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node in found:
            continue
        found.add(node)
        inner = [
            n for graph in node.attributes.values() if graph.type == ir.AttributeType.GRAPH for n in graph.as_graph()
        ]
        read = [v for n in (node, *inner) for v in n.inputs if v is not None]
        waiting += [p for v in read if (p := v.producer()) is not None and p.graph is node.graph]
    return found
