"""Refuse values beyond what an estimator takes, also where they were computed before in another precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.export.builder import dtype_of

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder

SLACK = 1e-5
"""The share of the bounds, or of the row's largest value, that float32 may lose in the steps before."""


_REARRANGING = frozenset({"Cast", "Concat", "Gather", "Identity", "Reshape", "Slice", "Unsqueeze"})


def hold_between(b: Builder, value: ir.Value, low: NDArray[Any], high: NDArray[Any], *, reason: str) -> ir.Value:
    """Refuse rows of `value` (rows, columns) beyond bounds of shape (1, columns); return the values between.

    Fitted rows lie on the bounds. Columns of the table itself do so in float32 too; of what earlier steps made of them,
    portable files take what is beyond by rounding alone, and hold it to the bound.
    """
    slack = SLACK * np.maximum(np.abs(low), np.abs(high))

    def outside(lowest: NDArray[Any], highest: NDArray[Any]) -> ir.Value:
        return b.op("Or", b.op("Less", value, b.like(lowest, value)), b.op("Greater", value, b.like(highest, value)))

    if _is_given(value):
        b.refuse(outside(low, high), reason)
        return value
    b.refuse(b.either(outside(low, high), outside(low - slack, high + slack)), reason)
    return b.either(value, b.clip(value, low, high))


def hold_positive(b: Builder, value: ir.Value, *, reason: str) -> ir.Value:
    """Refuse rows with a negative number as `hold_between` does; return the values, none of them negative."""
    if value in b.terms:
        counts = b.terms[value].values
        b.refuse(b.op("Less", counts, b.like(0, counts)), reason)
        return value
    zero = b.like(0, value)
    is_negative = b.op("Less", value, zero)
    if dtype_of(value).kind != "f" or _is_given(value):
        b.refuse(is_negative, reason)
        return value
    least = b.mul(b.row_max(b.op("Abs", value)), b.like(-SLACK, value))
    b.refuse(b.either(is_negative, b.op("Less", value, least)), reason)
    return b.either(value, b.where(is_negative, zero, value))


def _is_given(value: ir.Value) -> bool:
    """Return whether a value holds numbers of the table itself."""
    node = value.producer()
    if node is None:
        return True
    return node.op_type in _REARRANGING and not node.domain and all(_is_given(v) for v in node.inputs if v is not None)
