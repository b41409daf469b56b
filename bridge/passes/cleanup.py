"""Make a graph small and tidy once its operators are final."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.passes import common

from bridge.passes.shapes import AgreeOnShapes


class DropNoOps(ir.passes.InPlacePass):
    """Take out casts to the dtype that a value has already."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        modified = False
        for node in list(model.graph.all_nodes()):
            if node.op_type != "Cast" or node.domain:
                continue
            source, result = node.inputs[0], node.outputs[0]
            if source is None or source.dtype is None or source.dtype.value != node.attributes["to"].as_int():
                continue
            replacement = ir.node("Identity", [source], name=node.name)
            replacement.outputs[0].type = source.type
            replacement.outputs[0].shape = result.shape
            name = result.name
            graph = node.graph
            if graph is None:
                continue
            graph.insert_before(node, replacement)
            ir.convenience.replace_all_uses_with(result, replacement.outputs[0], replace_graph_outputs=True)
            replacement.outputs[0].name = name
            graph.remove(node, safe=True)
            modified = True
        return ir.passes.PassResult(model, modified)


class NameNodes(ir.passes.InPlacePass):
    """Give every node a name of its own: several runtimes refuse or merge unnamed ones."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        counts: dict[str, int] = {}
        for node in model.graph.all_nodes():
            number = counts.get(node.op_type, 0)
            counts[node.op_type] = number + 1
            node.name = f"{node.op_type}_{number}"
        return ir.passes.PassResult(model, bool(counts))


@dataclass(frozen=True)
class RememberOutputs(ir.passes.InPlacePass):
    """Write down the names of the graph's outputs."""

    names: list[str | None]

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        self.names[:] = [output.name for output in model.graph.outputs]
        return ir.passes.PassResult(model, modified=False)


@dataclass(frozen=True)
class RestoreOutputs(ir.passes.InPlacePass):
    """Give every output a value of its own again, where two of them had the same and were made one."""

    names: list[str | None]

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        graph = model.graph
        modified = False
        for i, name in enumerate(self.names):
            shared = graph.outputs[i]
            if shared.name == name:
                continue
            node = ir.node("Identity", [shared])
            (own,) = node.outputs
            own.name, own.type, own.shape = name, shared.type, shared.shape
            graph.append(node)
            graph.outputs[i] = own
            modified = True
        return ir.passes.PassResult(model, modified)


def cleanup() -> ir.passes.Sequential:
    """Return the passes that end every pipeline: no-ops, common subexpressions and dead nodes out, names in."""
    names: list[str | None] = []
    return ir.passes.Sequential(
        RememberOutputs(names),
        AgreeOnShapes(),
        DropNoOps(),
        common.IdentityEliminationPass(),
        common.RemoveUnusedNodesPass(),
        common.CommonSubexpressionEliminationPass(),
        common.DeduplicateInitializersPass(),
        common.RemoveUnusedNodesPass(),
        common.RemoveUnusedOpsetsPass(),
        RestoreOutputs(names),
        common.NameFixPass(),
        NameNodes(),
    )
