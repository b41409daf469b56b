"""What each operator becomes where its float64 numbers are pairs of float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.precision.pair import Pair
from bridge.passes.precision.pair_functions import exp, log, power, sigmoid, tanh
from bridge.passes.precision.pair_operands import dtype_of, length_of, pair_of, shape_of, value_of
from bridge.passes.precision.pair_order import argmax, largest, smallest, top_k
from bridge.passes.precision.pair_products import product, total
from bridge.passes.rule import constant_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.passes.precision.pair import PairTape
    from bridge.passes.precision.pair_operands import Operand, PairRule, Result


def rule_for(node: ir.Node) -> PairRule | None:
    """Return the rule of an operator, or None: it then computes with `high` alone."""
    if node.domain:
        return None
    return _moved if node.op_type in MOVING else RULES.get(node.op_type)


def _moved(t: PairTape, node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    """Do to both parts what the operator does to numbers that it does not change."""
    if "reduction" in node.attributes:
        raise DeclinedError("an operator that moves numbers and adds them up")
    pairs = [x for x in inputs if isinstance(x, Pair)]
    has_low = any(x.low is not None for x in pairs)

    def parts(*, low: bool) -> list[ir.Value]:
        taken = [(t.low(x) if low else x.high) if isinstance(x, Pair) else x for x in inputs]
        made = ir.node(node.op_type, taken, dict(node.attributes), num_outputs=len(node.outputs))
        t.tape.nodes.append(made)
        for output in made.outputs:
            output.type = ir.TensorType(ir.DataType.FLOAT)
        return list(made.outputs)

    highs = parts(low=False)
    lows: Sequence[ir.Value | None] = parts(low=True) if has_low else [None] * len(highs)
    return [Pair(high, low) for high, low in zip(highs, lows, strict=True)]


def _method(name: str, *, turned: bool = False) -> PairRule:
    def rule(t: PairTape, _node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
        operands = [pair_of(x) for x in inputs]
        return [getattr(t, name)(*(operands[::-1] if turned else operands))]

    return rule


def _function(function: Callable[..., Pair]) -> PairRule:
    def rule(t: PairTape, _node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
        return [function(t, *map(pair_of, inputs))]

    return rule


def _where(t: PairTape, _node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    condition, a, b = inputs
    return [t.where(value_of(condition), pair_of(a), pair_of(b))]


def _of_high(t: PairTape, node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    """Return what `high` tells alone: its sign, and whether it is NaN or infinite."""
    made = t.op(node.op_type, pair_of(inputs[0]).high, dtype=dtype_of(node), **dict(node.attributes))
    return [Pair(made) if dtype_of(node) == ir.DataType.DOUBLE else made]


def _sign(t: PairTape, _node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    return [Pair(t.op("Sign", pair_of(inputs[0]).high))]


def _floor(t: PairTape, _node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    x = pair_of(inputs[0])
    high = t.op("Floor", x.high)
    if x.low is None:
        return [Pair(high)]
    is_whole = t.test("Equal", high, x.high)
    return [t.normal(high, t.op("Where", is_whole, t.op("Floor", x.low), t.number(0)))]


def _reciprocal(t: PairTape, _node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    return [t.div(t.constant(1.0), pair_of(inputs[0]))]


def _cast(t: PairTape, node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    x, to = inputs[0], ir.DataType(node.attributes["to"].as_int())
    if to == ir.DataType.DOUBLE:
        return [_widened(t, x)]
    pair = pair_of(x)
    high = t.op("Cast", pair.high, to=to.value, dtype=to)
    if pair.low is None or not to.is_integer():
        return [high]
    # Towards 0: a whole number and what is left over of the other sign is below it.
    rest = t.op("Add", t.op("Sub", pair.high, t.op("Cast", high, to=ir.DataType.FLOAT.value)), pair.low)
    zero, one = t.number(0), t.tape.constant(np.asarray(1, to.numpy()))
    nothing = t.tape.constant(np.asarray(0, to.numpy()))
    is_less = t.test("And", t.test("Less", zero, pair.high), t.test("Less", rest, zero))
    is_more = t.test("And", t.test("Less", pair.high, zero), t.test("Less", zero, rest))
    step = t.op("Where", is_less, t.op("Neg", one, dtype=to), t.op("Where", is_more, one, nothing, dtype=to), dtype=to)
    return [t.op("Add", high, step, dtype=to)]


def _widened(t: PairTape, x: Operand) -> Pair:
    if isinstance(x, Pair):
        return x
    value = value_of(x)
    if value.dtype == ir.DataType.FLOAT:
        return Pair(value)
    high = t.op("Cast", value, to=ir.DataType.FLOAT.value)
    if value.dtype not in (ir.DataType.INT32, ir.DataType.INT64):
        return Pair(high)
    back = t.op("Cast", high, to=value.dtype.value, dtype=value.dtype)
    return Pair(high, t.op("Cast", t.op("Sub", value, back, dtype=value.dtype), to=ir.DataType.FLOAT.value))


def _reduce_sum(t: PairTape, node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    x, axes = pair_of(inputs[0]), constant_of(value_of(inputs[1])) if len(inputs) > 1 else None
    shape = shape_of(node, 0)
    if axes is None or axes.size != 1:
        raise DeclinedError("a sum over several axes")
    axis = int(axes[0]) % len(shape)
    keepdims = bool(node.attributes["keepdims"].as_int()) if "keepdims" in node.attributes else True
    return [total(t, x, length_of(shape, axis), axis, keepdims=keepdims)]


def _matmul(t: PairTape, node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
    a, b = map(pair_of, inputs)
    ranks = len(shape_of(node, 0)), len(shape_of(node, 1))
    if min(ranks) < 2:
        raise DeclinedError("a product with a vector")
    length = next((n for n in (shape_of(node, 0)[-1], shape_of(node, 1)[-2]) if isinstance(n, int)), None)
    if length is None:
        raise DeclinedError("a product of an unknown number of terms")
    return [product(t, a, b, length, ranks)]


# fmt: off
MOVING = frozenset({
    "Concat", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Neg", "Reshape",
    "ScatterElements", "ScatterND", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
})
# fmt: on

RULES: dict[str, PairRule] = {
    **{name: _method(name.lower()) for name in ("Abs", "Add", "Div", "Mul", "Sqrt", "Sub")},
    "ArgMax": argmax,
    "ArgMin": argmax,
    "Cast": _cast,
    "Equal": _method("equal"),
    "Exp": _function(exp),
    "Floor": _floor,
    "Greater": _method("less", turned=True),
    "GreaterOrEqual": _method("less_or_equal", turned=True),
    "IsInf": _of_high,
    "IsNaN": _of_high,
    "Less": _method("less"),
    "LessOrEqual": _method("less_or_equal"),
    "Log": _function(log),
    "MatMul": _matmul,
    "Max": largest,
    "Min": smallest,
    "Pow": _function(power),
    "Reciprocal": _reciprocal,
    "ReduceSum": _reduce_sum,
    "Sigmoid": _function(sigmoid),
    "Sign": _sign,
    "Tanh": _function(tanh),
    "TopK": top_k,
    "Where": _where,
}
