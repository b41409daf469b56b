"""Put the bodies of a model's own functions in the place of their calls."""

from __future__ import annotations

import onnx_ir as ir
from onnx_ir.passes import common

from bridge.errors import ArtifactError
from bridge.opset import BRIDGE_DOMAIN, FOREST, MAIN_DOMAIN
from bridge.passes.forest_function import is_forest
from bridge.passes.rule import constant_of
from bridge.passes.shapes import hidden
from bridge.passes.versions import change_of_form

FOREST_FUNCTION = (BRIDGE_DOMAIN, FOREST, "")


class InlineFunctions(ir.passes.InPlacePass):
    """Inline every call, in branches and other functions too.

    A function declares a version of `ai.onnx` of its own: skl2onnx the oldest that has the operators in it. All of them
    are taken for the newest declared, where every node means the same in both.

    A `bridge::Forest` whose tables are constants stays, without the function: rules know what it computes.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        if not model.functions:
            return ir.passes.PassResult(model, modified=False)
        _agree_on_version(model)
        try:
            return _inline(model)
        except (ValueError, ir.passes.InvariantError) as error:
            raise ArtifactError(f"the model's functions cannot be put in the place of their calls: {error}") from error


def _inline(model: ir.Model) -> ir.passes.PassResult:
    """Inline the other functions first: a Forest in one of them may have its tables from the call."""
    result = common.InlinePass(lambda function: function.identifier() != FOREST_FUNCTION)(model)
    if FOREST_FUNCTION in model.functions:
        with hidden(model, [n for n in model.graph.all_nodes() if is_forest(n) and _has_constant_tables(n)]):
            result = common.InlinePass()(model)
        model.functions.pop(FOREST_FUNCTION, None)
    return result


def _has_constant_tables(node: ir.Node) -> bool:
    return all(constant_of(table) is not None for table in node.inputs[1:])


def _agree_on_version(model: ir.Model) -> None:
    holders: list[ir.Graph | ir.Function] = [model.graph, *model.functions.values()]
    versions = [holder.opset_imports[MAIN_DOMAIN] for holder in holders if MAIN_DOMAIN in holder.opset_imports]
    newest = max(versions, default=None)
    if newest is None:
        return
    for holder in holders:
        present = holder.opset_imports.get(MAIN_DOMAIN, newest)
        for node in holder.all_nodes() if present != newest else ():
            change = "" if node.domain else change_of_form(node, present, newest)
            if change:
                raise ArtifactError(
                    f"node {node.name!r} ({node.op_type}) is of opset {present} and another part of the model of "
                    f"{newest}: {change}. Export the model again with one opset."
                )
        holder.opset_imports[MAIN_DOMAIN] = newest
