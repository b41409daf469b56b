"""How much memory a graph needs for one row."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from bridge.forest import TABLES
from bridge.opset import BRIDGE_DOMAIN, FOREST

if TYPE_CHECKING:
    from collections.abc import Iterable

FLOAT64_BYTES, INT32_BYTES, BOOL_BYTES = 8, 4, 1


def batch_bytes(model: ir.Model, *, batched: bool) -> dict[str, Any]:
    """Return what predictors size their batches by, as the file's metadata names it; zeros where not `batched`."""
    return {
        "row_bytes": row_bytes(model) if batched else 0,
        "kernel_row_bytes": row_bytes(model, has_kernel=True) if batched else 0,
        "entry_bytes": entry_bytes(model) if batched else 0,
    }


def row_bytes(model: ir.Model, *, has_kernel: bool = False) -> int:
    """Return the bytes of the widest step, in branches too, its inputs and outputs, for one row.

    What has a fixed shape does not count: it is there once, however many the rows. A dimension that shape inference
    could not tell counts as one. `has_kernel` is whether a kernel computes each Forest, which needs nothing more for a
    row, or its function.
    """
    return max((_node_bytes(node, has_kernel=has_kernel) for node in model.graph.all_nodes()), default=0)


def entry_bytes(model: ir.Model) -> int:
    """Return the same for one entry of a row, where rows hold any number of them: terms of text."""
    return max((sum(map(_entry_bytes, {*n.inputs, *n.outputs})) for n in model.graph.all_nodes()), default=0)


def _entry_bytes(value: ir.Value | None) -> int:
    if value is None or value.shape is None or sum(not isinstance(d, int) for d in value.shape) < 2:
        return 0
    return _value_bytes(value)


def _node_bytes(node: ir.Node, *, has_kernel: bool) -> int:
    outside = _values_bytes([*node.inputs, *node.outputs])
    by_function = not has_kernel and (node.domain, node.op_type) == (BRIDGE_DOMAIN, FOREST)
    return max(outside, _forest_bytes(node)) if by_function else outside


def _forest_bytes(node: ir.Node) -> int:
    """Return what the function of a Forest needs: two numbers a tree to compare, or the scores of every tree."""
    shapes = dict(zip(TABLES, (v.shape for v in node.inputs[1:] if v is not None), strict=False))
    roots, values = shapes.get("roots"), shapes.get("values")
    if roots is None or values is None:
        return 0
    trees, outputs = (d if isinstance(d, int) else 1 for d in (roots[0], values[1]))
    return trees * max(2 * FLOAT64_BYTES + BOOL_BYTES, outputs * FLOAT64_BYTES + INT32_BYTES)


def _values_bytes(values: Iterable[ir.Value | None]) -> int:
    return sum(_value_bytes(v) for v in values if v is not None and v.const_value is None)


def _value_bytes(value: ir.Value) -> int:
    if value.shape is None or value.dtype is None or value.dtype == ir.DataType.STRING or value.shape.is_static():
        return 0
    return int(prod(d for d in value.shape if isinstance(d, int)) * value.dtype.itemsize)
