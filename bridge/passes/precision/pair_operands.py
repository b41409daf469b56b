"""What rules for pairs read of a node: its operands as pairs or values, dtypes, shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.precision.pair import Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.passes.precision.pair import PairTape

    Operand = Pair | ir.Value | None
    """A pair, where the node's input is float64; else the value itself."""
    Result = Pair | ir.Value
    PairRule = Callable[[PairTape, ir.Node, Sequence[Operand]], Sequence[Result]]


def pair_of(x: Operand) -> Pair:
    """Return a float64 operand as its pair; declines another one."""
    if not isinstance(x, Pair):
        raise DeclinedError("numbers of two dtypes")
    return x


def value_of(x: Operand) -> ir.Value:
    """Return an operand that is not float64; declines another one."""
    if not isinstance(x, ir.Value):
        raise DeclinedError("an input is absent")
    return x


def dtype_of(node: ir.Node) -> ir.DataType:
    """Return the dtype of what a node makes."""
    dtype = node.outputs[0].dtype
    if dtype is None:
        raise DeclinedError("an unknown dtype")
    return dtype


def shape_of(node: ir.Node, number: int) -> Sequence[Any]:
    """Return the shape of an input; declines where it is not known."""
    value = node.inputs[number]
    if value is None or value.shape is None:
        raise DeclinedError("an unknown shape")
    return list(value.shape)


def length_of(shape: Sequence[Any], axis: int) -> int:
    """Return the length of an axis; declines where it is not a number."""
    if not isinstance(shape[axis], int):
        raise DeclinedError("an axis of unknown length")
    return int(shape[axis])
