"""ArgMax and ArgMin of integers, of the last of equal numbers, and along other axes than the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import rank_of, require_number, where
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule

HALF = 2**32
INT64 = ir.DataType.INT64


def first_extreme(tape: RuleTape, op_type: str, x: ir.Value, axis: int) -> ir.Value:
    """Return the place of the first extreme along an axis, as an axis of length 1.

    Written for the last axis, where CUDA needs no cuDNN for it.
    """
    dtype, rank = require_dtype(x, f"the input of {op_type}"), rank_of(x)
    if dtype.kind == "f":
        return _arg(tape, op_type, x, axis, rank)
    if dtype.itemsize < 8:
        return _arg(tape, op_type, tape.cast(x, np.float64), axis, rank)
    # float64 holds either half of an int64: where the high one is not the extreme, the low one must not count.
    half = tape.constant(HALF, np.int64)
    low = tape.op("Mod", x, half, dtype=x.dtype)
    high = tape.op("Div", tape.op("Sub", x, low, dtype=x.dtype), half, dtype=x.dtype)
    high_place = _arg(tape, op_type, tape.cast(high, np.float64), axis, rank)
    best = tape.op("GatherElements", high, high_place, axis=axis, dtype=high.dtype)
    is_best = tape.op("Equal", high, best, dtype=ir.DataType.BOOL)
    worst = tape.constant(-1.0 if op_type == "ArgMax" else float(HALF), np.float64)
    return _arg(tape, op_type, where(tape, is_best, tape.cast(low, np.float64), worst), axis, rank)


def _place_of_extreme(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = require_number(node)
    attributes = Attributes(node)
    axis, keepdims = attributes.integer("axis", 0), attributes.integer("keepdims", 1)
    place = first_extreme(tape, node.op_type, x, axis)
    if attributes.integer("select_last_index", 0):
        place = _last_equal(tape, x, place, axis)
    if not keepdims:
        place = tape.op("Squeeze", place, tape.constant([axis], np.int64), dtype=place.dtype)
    return [place]


def _last_equal(tape: RuleTape, x: ir.Value, first: ir.Value, axis: int) -> ir.Value:
    """Return the last place that equals `x` at the first one; NaN equals nothing, and stays where it was found.

    The count of equals so far is largest at the last of them.
    """
    best = tape.op("GatherElements", x, first, axis=axis, dtype=x.dtype)
    equal = tape.cast(tape.op("Equal", x, best, dtype=ir.DataType.BOOL), np.float64)
    count = tape.op("CumSum", equal, tape.constant(axis, np.int64), dtype=equal.dtype)
    last = _arg(tape, "ArgMax", tape.op("Mul", count, equal, dtype=equal.dtype), axis, rank_of(x))
    return tape.op("Max", first, last, dtype=first.dtype)


def _arg(tape: RuleTape, op_type: str, x: ir.Value, axis: int, rank: int | None) -> ir.Value:
    if rank is not None and not -rank <= axis < rank:
        raise DeclinedError(f"attribute 'axis' is {axis}, and there are {rank} axes")
    if rank is None or axis in {-1, rank - 1}:
        return tape.op(op_type, x, axis=axis, keepdims=1, dtype=INT64)
    order = list(range(rank))
    order[axis], order[-1] = order[-1], order[axis]
    turned = tape.op("Transpose", x, perm=order, dtype=x.dtype)
    place = tape.op(op_type, turned, axis=rank - 1, keepdims=1, dtype=INT64)
    return tape.op("Transpose", place, perm=order, dtype=INT64)


RULES: dict[str, Rule] = {"ArgMax": _place_of_extreme, "ArgMin": _place_of_extreme}
