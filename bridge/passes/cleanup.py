"""Make a graph small and tidy once its operators are final."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir
from onnx_ir.passes import common

from bridge.passes.inner_names import NameInnerValues
from bridge.passes.shapes import AgreeOnShapes


class DropNoOps(ir.passes.InPlacePass):
    """Take out casts to the dtype that a value has already, and a transposition of what was transposed likewise."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        modified = False
        for node in list(model.graph.all_nodes()):
            source, result = _same_as_result(node), node.outputs[0]
            graph = node.graph
            if source is None or graph is None:
                continue
            replacement = ir.node("Identity", [source], name=node.name)
            replacement.outputs[0].type = source.type
            replacement.outputs[0].shape = result.shape
            name = result.name
            graph.insert_before(node, replacement)
            ir.convenience.replace_all_uses_with(result, replacement.outputs[0], replace_graph_outputs=True)
            replacement.outputs[0].name = name
            graph.remove(node, safe=True)
            modified = True
        return ir.passes.PassResult(model, modified)


def _same_as_result(node: ir.Node) -> ir.Value | None:
    """Return a value that the node's result equals, or None."""
    source = node.inputs[0] if node.inputs and not node.domain else None
    if source is None:
        return None
    if node.op_type == "Cast":
        is_same = source.dtype is not None and source.dtype.value == node.attributes["to"].as_int()
        return source if is_same else None
    before = source.producer()
    if node.op_type == "Transpose" and before is not None and before.op_type == "Transpose" and not before.domain:
        swaps = all("perm" in n.attributes and list(n.attributes["perm"].as_ints()) == [1, 0] for n in (node, before))
        return before.inputs[0] if swaps else None
    return None


class DropIdentities(ir.passes.InPlacePass):
    """Take out Identity, but where an output must stay a value of its own.

    onnx_ir's pass fails for a branch or a loop's body that hands a value on from the graph around it.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        modified = False
        for node in list(model.graph.all_nodes()):
            if node.op_type != "Identity" or node.domain or node.inputs[0] is None or node.graph is None:
                continue
            source, result = node.inputs[0], node.outputs[0]
            if result.is_graph_output() and (source.graph is not node.graph or _is_fixed(source)):
                continue
            source.shape = _merged(source.shape, result.shape)
            source.type = source.type or result.type
            name = result.name
            is_output = result.is_graph_output()
            ir.convenience.replace_all_uses_with(result, source, replace_graph_outputs=True)
            node.graph.remove(node, safe=True)
            if is_output:
                source.name = name
            modified = True
        return ir.passes.PassResult(model, modified)


def _is_fixed(value: ir.Value) -> bool:
    """Return whether a value cannot take the name of an output."""
    return value.is_graph_input() or value.is_initializer()


def _merged(a: ir.Shape | None, b: ir.Shape | None) -> ir.Shape | None:
    """Return what is known of a shape from either; `AgreeOnShapes` has seen to it that they do not contradict."""
    if a is None or b is None or len(a) != len(b):
        return a or b
    return ir.Shape(
        [
            m if isinstance(m, int) or (isinstance(n, ir.SymbolicDim) and n.value is None) else n
            for m, n in zip(a, b, strict=True)
        ]
    )


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
        DropIdentities(),
        common.RemoveUnusedNodesPass(),
        common.CommonSubexpressionEliminationPass(),
        common.DeduplicateInitializersPass(),
        common.RemoveUnusedNodesPass(),
        common.RemoveUnusedOpsetsPass(),
        RestoreOutputs(names),
        common.NameFixPass(),
        NameInnerValues(),
        NameNodes(),
    )
