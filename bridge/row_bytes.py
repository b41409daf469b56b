"""How much memory a graph needs for one row."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Iterable


def row_bytes(model: ir.Model) -> int:
    """Return the bytes of the widest step, its inputs and outputs, for one row.

    Constants do not count. A dimension that shape inference could not tell counts as one.
    """
    return max((_values_bytes([*node.inputs, *node.outputs]) for node in model.graph), default=0)


def _values_bytes(values: Iterable[ir.Value | None]) -> int:
    return sum(_value_bytes(v) for v in values if v is not None and v.const_value is None)


def _value_bytes(value: ir.Value) -> int:
    if value.shape is None or value.dtype is None or value.dtype == ir.DataType.STRING:
        return 0
    return int(prod(d for d in value.shape if isinstance(d, int)) * value.dtype.itemsize)
