"""What the nodes of a graph ask of a runtime, in the words of `bridge.placement`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.opset import MAIN_DOMAIN
from bridge.placement import Use, short_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable

    import onnx_ir as ir

MAKES_DATA = frozenset({"ConstantOfShape", "Expand", "EyeLike", "Range", "Tile"})
"""Operators that make tensors of any size from a shape."""


def use_of(node: ir.Node, opset: int) -> Use:
    """Return the use that `node` makes of its operator, in a graph of this operator set."""
    last = node.attributes.get("select_last_index")
    return Use(
        node.domain,
        node.op_type,
        opset,
        [_dtype(v) for v in node.inputs],
        [_dtype(v) for v in node.outputs],
        takes_last_index=last is not None and bool(last.value),
    )


def _dtype(value: ir.Value | None) -> str:
    if value is None:
        return ""
    return short_dtype(value.dtype.value) if value.dtype is not None else "?"


def shape_computations(nodes: Iterable[ir.Node]) -> set[ir.Node]:
    """Return the nodes that compute with shapes and constants alone: onnxruntime keeps them on the CPU on purpose."""
    found: set[ir.Node] = set()
    for node in nodes:
        if node.domain != MAIN_DOMAIN or node.op_type in MAKES_DATA:
            continue
        values = [v for v in node.inputs if v is not None]
        if node.op_type in {"Shape", "Size"} or (values and all(_is_known(v, found) for v in values)):
            found.add(node)
    return found


def _is_known(value: ir.Value, found: set[ir.Node]) -> bool:
    producer = value.producer()
    if producer is None:
        return value.is_initializer()
    return producer in found or producer.op_type == "Constant"
