"""Every change of shape as `Reshape` with -1 for the batch, every part of a tensor as `Gather`."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.rule import RuleTape, require_constant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule


def _reshape(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Write the shape that inference found for the output, with -1 for the one length that is not known."""
    x, result = node.inputs[0], node.outputs[0]
    if x is None or result.shape is None:
        raise DeclinedError(f"the shape that {node.op_type} makes is not known")
    lengths = [length if isinstance(length, int) else -1 for length in result.shape]
    if lengths.count(-1) > 1:
        raise DeclinedError(f"{node.op_type} makes a shape with {lengths.count(-1)} unknown lengths")
    return [tape.op("Reshape", x, tape.constant(lengths, np.int64), dtype=x.dtype)]


def _slice(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x, *bounds = node.inputs
    if x is None or x.shape is None:
        raise DeclinedError("the shape of the input of Slice is not known")
    starts, ends = (_listed(bound) for bound in bounds[:2])
    axes = list(range(len(starts))) if len(bounds) < 3 or bounds[2] is None else _listed(bounds[2])
    steps = [1] * len(starts) if len(bounds) < 4 or bounds[3] is None else _listed(bounds[3])
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise DeclinedError("the bounds of Slice differ in number, or a step is 0")
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        x = _take(tape, x, slice(start, end, step), axis)
    return [x]


def _listed(value: ir.Value | None) -> list[int]:
    found: list[int] = require_constant(value, "a bound of Slice").ravel().tolist()
    return found


def _split(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x, *sizes = node.inputs
    axis = node.attributes["axis"].as_int() if "axis" in node.attributes else 0
    if x is None:
        raise DeclinedError("Split lacks its input")
    length, count = _length(x, axis), len(node.outputs)
    if sizes and sizes[0] is not None:
        widths = require_constant(sizes[0], "the lengths of Split").ravel()
    elif "num_outputs" in node.attributes:  # of opset 18 on: the last part may be smaller
        widths = np.diff(np.minimum(np.arange(count + 1) * -(-length // count), length))
    else:
        widths = np.full(count, length // count)
    if len(widths) != count or widths.min() < 0 or widths.sum() != length:
        raise DeclinedError(f"Split of {length} into {count} parts of lengths {widths.tolist()}")
    edges = np.concatenate([[0], np.cumsum(widths)]).tolist()
    return [_take(tape, x, slice(a, b, 1), axis) for a, b in pairwise(edges)]


def _take(tape: RuleTape, x: ir.Value, part: slice, axis: int) -> ir.Value:
    indices = range(*part.indices(_length(x, axis)))
    result = tape.op("Gather", x, tape.constant(list(indices), np.int64), axis=axis, dtype=x.dtype)
    if x.shape is not None:
        lengths = list(x.shape)
        lengths[axis] = len(indices)
        result.shape = ir.Shape(lengths)
    return result


def _length(x: ir.Value, axis: int) -> int:
    if x.shape is not None and not -len(x.shape) <= axis < len(x.shape):
        raise DeclinedError(f"there is no axis {axis}")
    length = None if x.shape is None else x.shape[axis]
    if not isinstance(length, int):
        raise DeclinedError(f"the length of axis {axis} is not known")
    return length


RULES: dict[str, Rule] = {
    "Squeeze": _reshape,
    "Unsqueeze": _reshape,
    "Flatten": _reshape,
    "Slice": _slice,
    "Split": _split,
}
