"""Check that a finished graph is one that runtimes can load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx_ir.passes import common

from bridge.errors import ArtifactError
from bridge.passes.packed_lists import lists_aside
from bridge.passes.shapes import hidden

if TYPE_CHECKING:
    import onnx_ir as ir


def check_result(model: ir.Model) -> None:
    """Raise `ArtifactError` where the nodes contradict one another: in types, in lengths, or in what reads what.

    What bridge makes never does; what it leaves as a file has it may. Declared shapes, and with them the list of
    outputs, are put aside: onnxruntime only warns of skl2onnx's, though some have the wrong number of axes. A model
    of an input without a shape is not checked: ONNX's checker refuses it, onnxruntime does not.
    """
    if any(value.shape is None for value in model.graph.inputs):
        return
    outputs = list(model.graph.outputs)
    model.graph.outputs.clear()
    declared = [(value, value.shape) for node in model.graph.all_nodes() for value in node.outputs]
    for value, _ in declared:
        value.shape = None
    try:
        with lists_aside(model) as packed, hidden(model, packed):
            common.CheckerPass(full_check=True)(model)
    except (ValueError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ArtifactError(f"the model contradicts itself, so no runtime can load it: {_reason(error)}") from error
    finally:
        for value, shape in declared:
            value.shape = shape
        model.graph.outputs.extend(outputs)


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
