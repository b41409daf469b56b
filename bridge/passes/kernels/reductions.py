"""Reductions that CUDA computes wrongly, only with cuDNN, or not at all, by sums, extremes and products of its own.

onnxruntime's CUDA kernels reduce integers in float32, by cuDNN; its CPU kernels do so in float64, as these rules do.
Sums up to 2^53 are exact, and what lies beyond the dtype saturates there, as a cast does on CUDA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.kernels.casts import Wider
from bridge.passes.kernels.extremes import first_extreme
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import require_number, where
from bridge.passes.rule import RuleTape, constant_of, require_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from bridge.passes.rule import Rule

    Step = Callable[[RuleTape, ir.Value], ir.Value]

_IN_FLOAT64 = Wider({"int32": np.float64, "int64": np.float64}, inputs=(0,))
_AS_BYTES = Wider({"bool": np.uint8}, inputs=(0,))


def _same(_tape: RuleTape, x: ir.Value) -> ir.Value:
    return x


def _square(tape: RuleTape, x: ir.Value) -> ir.Value:
    return tape.op("Mul", x, x, dtype=x.dtype)


def _elementwise(op_type: str) -> Step:
    return lambda tape, x: tape.op(op_type, x, dtype=x.dtype)


def _floating(rule: Rule) -> Rule:
    """Return the rule for floats, which takes integers as float64."""

    def either(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value | None]:
        is_float = require_dtype(require_number(node), f"the input of {node.op_type}").kind == "f"
        return (rule if is_float else _IN_FLOAT64)(tape, node)

    return either


def _sum(tape: RuleTape, node: ir.Node, x: ir.Value, *, keepdims: int | None = None) -> ir.Value:
    """Return the sum of `x` along the axes of `node`, which may be computed."""
    attributes = Attributes(node)
    axes = node.inputs[1] if len(node.inputs) > 1 else None
    if attributes.has("axes"):
        axes = tape.constant(attributes.ints("axes"))
    return tape.op(
        "ReduceSum",
        x,
        *([] if axes is None else [axes]),
        keepdims=attributes.integer("keepdims", 1) if keepdims is None else keepdims,
        noop_with_empty_axes=attributes.integer("noop_with_empty_axes", 0),
        dtype=x.dtype,
    )


def _by_sum(before: Step, after: Step) -> Rule:
    """Return the rule for `after(sum(before(x)))`."""

    def rule(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
        return [after(tape, _sum(tape, node, before(tape, require_number(node))))]

    return _floating(rule)


def _mean(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = require_number(node)
    one = ir.tensor(np.ones(1, require_dtype(x, "the input of ReduceMean")))
    shape = tape.op("Shape", x, dtype=ir.DataType.INT64)
    ones = tape.op("ConstantOfShape", shape, value=one, dtype=x.dtype)
    return [tape.op("Div", _sum(tape, node, x), _sum(tape, node, ones), dtype=x.dtype)]


def _extreme(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value | None]:
    """Return the largest or smallest value: along one axis after the other, by its place.

    NaN counts where it stands first, else it is passed by: so do onnxruntime's CPU kernels for float32; for float64
    that depends on the place.
    """
    x = require_number(node)
    if x.dtype == ir.DataType.BOOL:
        return _AS_BYTES(tape, node)
    axes = _axes(node, x)
    for axis in axes:
        place = first_extreme(tape, node.op_type.replace("Reduce", "Arg"), x, axis)
        x = tape.op("GatherElements", x, place, axis=axis, dtype=x.dtype)
    return [_squeezed(tape, node, x, axes)]


def _product(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the product along axes of known length: of halves, until one is left."""
    x = require_number(node)
    axes = _axes(node, x)
    for axis, length in axes.items():
        x = _product_along(tape, x, axis, length)
    return [_squeezed(tape, node, x, axes)]


def _product_along(tape: RuleTape, x: ir.Value, axis: int, length: int) -> ir.Value:
    def part(start: int, stop: int) -> ir.Value:
        return tape.op("Gather", x, tape.constant(np.arange(start, stop)), axis=axis, dtype=x.dtype)

    while length > 1:
        half = length // 2
        product = tape.op("Mul", part(0, half), part(half, 2 * half), dtype=x.dtype)
        x = product if length % 2 == 0 else tape.op("Concat", product, part(2 * half, length), axis=axis, dtype=x.dtype)
        length -= half
    return x


def _log_sum_exp(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return log(sum(exp(x - m))) + m with the largest value m, or 0 where that is infinite."""
    x = require_number(node)
    axes = _axes(node, x)
    largest = x
    for axis in axes:
        place = first_extreme(tape, "ArgMax", largest, axis)
        largest = tape.op("GatherElements", largest, place, axis=axis, dtype=x.dtype)
    zero = tape.constant(0, require_dtype(x, "the input of ReduceLogSumExp"))
    shift = where(tape, tape.op("IsInf", largest, dtype=ir.DataType.BOOL), zero, largest)
    terms = tape.op("Exp", tape.op("Sub", x, shift, dtype=x.dtype), dtype=x.dtype)
    total = tape.op("Log", _sum(tape, node, terms, keepdims=1), dtype=x.dtype)
    return [_squeezed(tape, node, tape.op("Add", total, shift, dtype=x.dtype), axes)]


def _axes(node: ir.Node, x: ir.Value) -> dict[int, int]:
    """Return the axes that a reduction goes along, with their lengths; decline where they are not known, or empty."""
    attributes, shape = Attributes(node), x.shape
    given = node.inputs[1] if len(node.inputs) > 1 else None
    array = attributes.ints("axes") if given is None else constant_of(given)
    if shape is None or array is None or any(not -len(shape) <= axis < len(shape) for axis in array.ravel()):
        raise DeclinedError("the axes are not known, or do not exist")
    axes = sorted(int(axis) % len(shape) for axis in array.ravel())
    if not axes and not attributes.integer("noop_with_empty_axes", 0):
        axes = list(range(len(shape)))
    lengths = [shape[axis] for axis in axes]
    found = {axis: length for axis, length in zip(axes, lengths, strict=True) if isinstance(length, int) and length > 0}
    if len(found) < len(axes):
        raise DeclinedError("the length of an axis is not known")
    return found


def _squeezed(tape: RuleTape, node: ir.Node, x: ir.Value, axes: Collection[int]) -> ir.Value:
    """Return `x` without the axes of length 1 that are left, unless the node keeps them."""
    if Attributes(node).integer("keepdims", 1) or not axes:
        return x
    return tape.op("Squeeze", x, tape.constant(list(axes), np.int64), dtype=x.dtype)


RULES: dict[str, Rule] = {
    "ReduceSum": _IN_FLOAT64,
    "ReduceMean": _floating(_mean),
    "ReduceProd": _floating(_product),
    "ReduceMax": _extreme,
    "ReduceMin": _extreme,
    "ReduceL1": _by_sum(_elementwise("Abs"), _same),
    "ReduceL2": _by_sum(_square, _elementwise("Sqrt")),
    "ReduceSumSquare": _by_sum(_square, _same),
    "ReduceLogSum": _by_sum(_same, _elementwise("Log")),
    "ReduceLogSumExp": _floating(_log_sum_exp),
}
