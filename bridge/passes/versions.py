"""Whether a node means the same in two versions of `ai.onnx`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from bridge.opset import MAIN_DOMAIN, MAIN_OPSET

if TYPE_CHECKING:
    import onnx_ir as ir

OTHER_MEANING = frozenset({"Softmax", "LogSoftmax", "Hardmax"})
"""Since opset 13 these work along one axis; before, on all axes from one on."""


def change_of_form(node: ir.Node, present: int, wanted: int) -> str:
    """Return why the node cannot be read by another operator set, or nothing."""
    try:
        schema = onnx.defs.get_schema(node.op_type, wanted, MAIN_DOMAIN)
    except onnx.defs.SchemaError:
        return f"opset {wanted} has no such operator"
    try:
        before = onnx.defs.get_schema(node.op_type, present, MAIN_DOMAIN)
    except onnx.defs.SchemaError:
        return f"opset {present}, which the file declares, has no such operator"
    return "" if before.since_version == schema.since_version else _difference(node, before, schema)


def _difference(node: ir.Node, before: onnx.defs.OpSchema, schema: onnx.defs.OpSchema) -> str:
    if node.op_type in OTHER_MEANING and before.since_version < MAIN_OPSET:
        return f"it flattens its input, which opset {MAIN_OPSET} and later do not"
    if unknown := sorted(set(node.attributes) - set(schema.attributes)):
        return f"its attribute {unknown[0]!r} is not in version {schema.since_version}"
    if not schema.min_input <= len(node.inputs) <= schema.max_input:
        return f"it has {len(node.inputs)} inputs, which is not the form of version {schema.since_version}"
    return ""
