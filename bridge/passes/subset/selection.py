"""Selection by `Where`, `Gather` and `GatherElements` in the dtypes that every runtime takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.rule import RuleTape, constant_of, require_constant, require_dtype, require_integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule

MOST_CODES = 2**20
"""Refuse a OneHot that is deeper: the comparison has a number for each code."""


def _cast(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return numbers from bools other than float32 ones: tract gives a cast to int64 a type that it cannot return."""
    x = node.inputs[0]
    to = ir.DataType(node.attributes["to"].as_int())
    if x is None or x.dtype != ir.DataType.BOOL or to in (ir.DataType.FLOAT, ir.DataType.BOOL, ir.DataType.STRING):
        raise DeclinedError("this cast is in the portable subset")
    if to == ir.DataType.INT32:  # by way of float32, in a third of the time of a Where
        return [tape.cast(tape.cast(x, np.float32), np.int32)]
    one, zero = (tape.constant(number, to.numpy()) for number in (1, 0))
    return [tape.op("Where", x, one, zero, dtype=to)]


def _gather_elements(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x, index = node.inputs
    if x is None or index is None or index.dtype != ir.DataType.INT64:
        raise DeclinedError("this GatherElements is in the portable subset")
    array = constant_of(index)
    narrow = tape.cast(index, np.int32) if array is None else tape.constant(array, np.int32)
    return [tape.op("GatherElements", x, narrow, axis=_axis(node, 0), dtype=x.dtype)]


def _one_hot(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return OneHot on the last axis as a comparison with 0, 1, ...; a negative index counts from the end."""
    index, depth, values = node.inputs
    if index is None or index.shape is None or _axis(node, -1) not in (-1, len(index.shape)):
        raise DeclinedError("OneHot on another axis than the last")
    if require_dtype(index, "the index of OneHot").kind not in "iu":
        raise DeclinedError("OneHot of numbers that are no integers")
    lengths = [length if isinstance(length, int) else -1 for length in index.shape]
    if lengths.count(-1) > 1:
        raise DeclinedError("OneHot of an index with two unknown lengths")
    count = require_integer(depth, "the depth of OneHot")
    zero_one = require_constant(values, "the values of OneHot")
    if zero_one.shape != (2,) or not 0 <= count <= MOST_CODES:
        raise DeclinedError(f"OneHot has the depth {count} and {zero_one.size} values")
    off, on = zero_one
    column = tape.op("Reshape", index, tape.constant([*lengths, 1], np.int64), dtype=index.dtype)
    numbers = np.arange(count, dtype=require_dtype(index, "the index of OneHot"))
    hits = [
        tape.op("Equal", column, tape.constant(candidates), dtype=ir.DataType.BOOL)
        for candidates in (numbers, numbers - count)
    ]
    dtype = np.asarray(on).dtype
    hot, cold = tape.constant(on, dtype), tape.constant(off, dtype)
    counted_back = tape.op("Where", hits[1], hot, cold, dtype=values.dtype if values is not None else None)
    return [tape.op("Where", hits[0], hot, counted_back, dtype=counted_back.dtype)]


def _axis(node: ir.Node, default: int) -> int:
    return node.attributes["axis"].as_int() if "axis" in node.attributes else default


RULES: dict[str, Rule] = {"Cast": _cast, "GatherElements": _gather_elements, "OneHot": _one_hot}
