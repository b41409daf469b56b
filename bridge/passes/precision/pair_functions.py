"""Exponentials and logarithms of pairs."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.precision.pair import Pair

if TYPE_CHECKING:
    from bridge.passes.precision.pair import PairTape

STEPS = 64
"""Of the table of exponentials to 1: what is left of a number is at most 1/128, and its series short."""
LOWEST, HIGHEST = -104, 89
"""Beyond these exp is 0 and infinity in float32."""
SMALLEST = 1e-37
"""Below, the inverse is too large for the correction of a logarithm."""
MOST_FACTORS = 16


def exp(t: PairTape, x: Pair) -> Pair:
    """Return exp(x) to 3e-12 of it: a table's number times the series of what is left to the nearest entry."""
    lowest, highest = t.number(LOWEST), t.number(HIGHEST)
    held = t.op("Where", t.test("Less", x.high, lowest), lowest, x.high)
    held = t.op("Where", t.test("Less", held, highest), held, highest)  # NaN too
    # A Cast rounds towards 0, which is down here; OpenVINO takes (x + c) - c for x.
    place = t.op("Add", t.op("Mul", held, t.number(STEPS)), t.number(0.5 - LOWEST * STEPS))
    index = t.op("Cast", place, to=ir.DataType.INT64.value, dtype=ir.DataType.INT64)
    nearest = t.op("Cast", index, to=ir.DataType.FLOAT.value)
    nearest = t.op("Add", t.op("Mul", nearest, t.number(1 / STEPS)), t.number(LOWEST))  # exact
    with np.errstate(over="ignore"):
        table = t.constant(np.exp(np.arange(LOWEST * STEPS, HIGHEST * STEPS + 1) / STEPS))
    entry = Pair(t.op("Gather", table.high, index, axis=0), t.op("Gather", t.low(table), index, axis=0))
    rest = t.op("Sub", held, nearest)
    series = t.op("Mul", t.op("Mul", rest, rest), _series(t, rest))
    if x.low is not None:
        series = t.op("Add", series, t.op("Mul", x.low, t.op("Add", rest, t.number(1))))
    factor = t.add(Pair(t.number(1)), t.normal(rest, series))
    found = t.mul(entry, factor)
    is_number = t.test("Equal", x.high, x.high)
    return Pair(t.op("Where", is_number, found.high, x.high), found.low)


def _series(t: PairTape, x: ir.Value) -> ir.Value:
    """Return (exp(x) - 1 - x) / x**2 for a small x."""
    found = t.number(1 / 120)
    for coefficient in (1 / 24, 1 / 6, 1 / 2):
        found = t.op("Add", t.op("Mul", found, x), t.number(coefficient))
    return found


def log(t: PairTape, x: Pair) -> Pair:
    """Return log(x): the float32 logarithm y, and log(x * exp(-y)), which is small."""
    first = t.op("Log", x.high)
    rest = t.add(t.mul(x, exp(t, Pair(t.op("Neg", first)))), t.constant(-1.0))
    square = t.op("Mul", t.op("Mul", rest.high, rest.high), t.number(0.5))
    correction = t.op("Sub", rest.high, square)
    is_usual = t.test("And", t.test("Less", t.number(SMALLEST), x.high), t.test("Less", x.high, t.number(1 / SMALLEST)))
    return t.normal(first, t.op("Where", is_usual, correction, t.number(0)))


def tanh(t: PairTape, x: Pair) -> Pair:
    """Return tanh(x) = (1 - e) / (1 + e) for e = exp(-2 |x|), with the sign of x."""
    one = t.constant(1.0)
    e = exp(t, t.mul(t.abs(x), t.constant(-2.0)))
    found = t.div(t.sub(one, e), t.add(one, e))
    return t.where(t.test("Less", x.high, t.number(0)), t.neg(found), found)


def sigmoid(t: PairTape, x: Pair) -> Pair:
    one = t.constant(1.0)
    return t.div(one, t.add(one, exp(t, t.neg(x))))


def power(t: PairTape, x: Pair, exponent: Pair) -> Pair:
    """Return x to a constant power: small whole ones by products, others by logarithms; declines what varies."""
    if exponent.array is None or exponent.array.size != 1:
        raise DeclinedError("a power that is no constant")
    value = float(exponent.array.item())
    if value == 0.5:
        return t.sqrt(x)
    if value != int(value) or not 0 < value <= MOST_FACTORS:
        return exp(t, t.mul(log(t, x), t.constant(value)))
    return reduce(t.mul, [x] * int(value))
