"""The order of pairs: the largest, its place, the first of all."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.passes.precision.pair import Pair
from bridge.passes.precision.pair_operands import length_of, pair_of, shape_of, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.precision.pair import PairTape
    from bridge.passes.precision.pair_operands import Operand, Result


def largest(t: PairTape, _node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    """Return the largest number of several arrays, NaN where one is."""

    def larger(a: Pair, b: Pair) -> Pair:
        return t.where(_or_missing(t, t.less(a, b), b), b, a)

    return [reduce(larger, map(pair_of, inputs))]


def smallest(t: PairTape, _node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    """Return the smallest number of several arrays, NaN where one is."""

    def smaller(a: Pair, b: Pair) -> Pair:
        return t.where(_or_missing(t, t.less(b, a), b), b, a)

    return [reduce(smaller, map(pair_of, inputs))]


def argmax(t: PairTape, node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    """Return the place of the largest: where the highs are the same, by what is left over."""
    x = pair_of(inputs[0])
    attributes: dict[str, Any] = dict(node.attributes)
    if x.low is None:
        return [t.op(node.op_type, x.high, dtype=ir.DataType.INT64, **attributes)]
    axis = node.attributes["axis"].as_int() if "axis" in node.attributes else 0
    if node.op_type == "ArgMin":
        x = t.neg(x)
    best = t.op("ReduceMax", x.high, axes=[axis], keepdims=1)
    low = t.finite(t.low(x))
    candidates = t.op("Where", t.test("Equal", x.high, best), low, t.number(-np.inf))
    return [t.op("ArgMax", candidates, dtype=ir.DataType.INT64, **attributes)]


def top_k(t: PairTape, node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    """Return the first in order: sorted by what is left over, and then by the highs, which leaves equals in order."""
    x, count = pair_of(inputs[0]), value_of(inputs[1])
    shape = shape_of(node, 0)
    axis = node.attributes["axis"].as_int() if "axis" in node.attributes else -1
    attributes: dict[str, Any] = dict(node.attributes)

    def sort(values: ir.Value, k: ir.Value) -> list[ir.Value]:
        made = ir.node("TopK", [values, k], attributes, num_outputs=2)
        t.tape.nodes.append(made)
        for output, dtype in zip(made.outputs, (ir.DataType.FLOAT, ir.DataType.INT64), strict=True):
            output.type = ir.TensorType(dtype)
        return list(made.outputs)

    def taken(values: ir.Value, index: ir.Value, dtype: ir.DataType = ir.DataType.FLOAT) -> ir.Value:
        return t.op("GatherElements", values, index, axis=axis, dtype=dtype)

    if x.low is None:
        values, index = sort(x.high, count)
        return [Pair(values), index]
    _, order = sort(t.finite(x.low), t.tape.constant([length_of(shape, axis)], np.int64))
    values, index = sort(taken(x.high, order), count)
    index = taken(order, index, ir.DataType.INT64)
    return [Pair(values, taken(x.low, index)), index]


def _or_missing(t: PairTape, condition: ir.Value, x: Pair) -> ir.Value:
    """Return the condition, or whether `x` is NaN."""
    if x.array is not None and not np.isnan(x.array).any():
        return condition
    return t.test("Or", condition, t.test("Not", t.test("Equal", x.high, x.high)))
