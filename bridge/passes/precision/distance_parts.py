"""Tell the products that are part of a squared distance: |x|^2 - 2 x.y + |y|^2, whose digits cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir as ir

LINEAR = frozenset({"Add", "Sub", "Mul", "Neg", "Reshape", "Transpose", "Unsqueeze", "Squeeze", "Identity", "Max"})
MOST_STEPS = 6
"""Operators between a product, or a sum of squares, and the sum in which they meet."""


def is_distance(node: ir.Node) -> bool:
    """Return whether a product meets a sum of squares: |x|^2 - 2 x.y + |y|^2."""
    return any(
        other is not value and _has_squares(other)
        for value, adding in _linear_uses(node.outputs[0])
        for other in adding.inputs
        if other is not None and other.const_value is None
    )


def _linear_uses(value: ir.Value, depth: int = MOST_STEPS) -> Iterator[tuple[ir.Value, ir.Node]]:
    """Yield the Adds and Subs that take a value, or what moving and scaling makes of it."""
    for user in value.consumers():
        if user.op_type in {"Add", "Sub"}:
            yield value, user
        if user.op_type in LINEAR and depth:
            yield from _linear_uses(user.outputs[0], depth - 1)


def _has_squares(value: ir.Value, depth: int = MOST_STEPS) -> bool:
    """Return whether a sum of squares is among what a value was added up from."""
    node = value.producer()
    if node is None or not depth:
        return False
    if node.op_type == "ReduceSumSquare" or (node.op_type in {"ReduceSum", "MatMul"} and _squares(node.inputs[0])):
        return True
    return node.op_type in LINEAR and any(v is not None and _has_squares(v, depth - 1) for v in node.inputs)


def _squares(value: ir.Value | None) -> bool:
    node = value.producer() if value is not None else None
    if node is None:
        return False
    return node.op_type == "Pow" or (node.op_type == "Mul" and node.inputs[0] is node.inputs[1])
