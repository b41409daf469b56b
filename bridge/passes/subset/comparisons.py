"""Comparisons and logical operators as `LessOrEqual`, the one order comparison that works everywhere.

`Greater` is not `Not(LessOrEqual)`: NaN must fail both. And `x > 0` is not `nextafter(0) <= x`: OpenVINO and OpenCV
take denormals for zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.rule import RuleTape, constant_of, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bridge.passes.rule import Rule

BOOL = ir.DataType.BOOL


def less_or_equal(tape: RuleTape, a: ir.Value, b: ir.Value) -> ir.Value:
    return tape.op("LessOrEqual", a, b, dtype=BOOL)


def as_float(tape: RuleTape, condition: ir.Value) -> ir.Value:
    """Return 1 and 0 for true and false."""
    return tape.op("Cast", condition, to=ir.DataType.FLOAT.value, dtype=ir.DataType.FLOAT)


def at_least_one(tape: RuleTape, count: ir.Value) -> ir.Value:
    return less_or_equal(tape, tape.constant(1, np.float32), count)


def _two(node: ir.Node) -> tuple[ir.Value, ir.Value]:
    a, b = node.inputs
    if a is None or b is None:
        raise DeclinedError(f"{node.op_type} lacks an input")
    return a, b


def _one(node: ir.Node) -> ir.Value:
    (x,) = node.inputs
    if x is None:
        raise DeclinedError(f"{node.op_type} lacks its input")
    return x


def _greater_or_equal(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    a, b = _two(node)
    return [less_or_equal(tape, b, a)]


def _greater(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    return [_is_greater(tape, *_two(node))]


def _less(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    a, b = _two(node)
    return [_is_greater(tape, b, a)]


def _is_greater(tape: RuleTape, a: ir.Value, b: ir.Value) -> ir.Value:
    """Return a > b: `b' <= a` with the next number above b where b is known, else `(b <= a) - (a <= b) >= 1`.

    The latter is 0 for NaN on either side, in runtimes that take NaN <= x for true (tinygrad) as well.
    """
    if (above := _neighbour(b, upwards=True)) is not None:
        return less_or_equal(tape, tape.constant(above), a)
    if (below := _neighbour(a, upwards=False)) is not None:
        return less_or_equal(tape, b, tape.constant(below))
    at_least, at_most = less_or_equal(tape, b, a), less_or_equal(tape, a, b)
    difference = tape.op("Sub", as_float(tape, at_least), as_float(tape, at_most), dtype=ir.DataType.FLOAT)
    return at_least_one(tape, difference)


def _neighbour(value: ir.Value, *, upwards: bool) -> NDArray[Any] | None:
    """Return the next numbers above or below a constant; None where they may be denormal, infinite or not there."""
    array = constant_of(value)
    if array is None or array.dtype.kind not in "fiu":
        return None
    if array.dtype.kind != "f":
        limits = np.iinfo(array.dtype)
        if (array == (limits.max if upwards else limits.min)).any():
            return None
        return np.asarray(array + 1 if upwards else array - 1, array.dtype)
    with np.errstate(over="ignore"):
        moved = np.asarray(np.nextafter(array, np.asarray(np.inf if upwards else -np.inf, array.dtype)), array.dtype)
    smallest = np.finfo(array.dtype).tiny
    safe = np.isfinite(moved) & np.isfinite(array) & (np.abs(array) >= smallest) & (np.abs(moved) >= smallest)
    return moved if safe.all() else None


def _not(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    return [less_or_equal(tape, as_float(tape, _one(node)), tape.constant(0, np.float32))]


def _and(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    return [_all(tape, *_two(node))]


def _all(tape: RuleTape, a: ir.Value, b: ir.Value) -> ir.Value:
    product = tape.op("Mul", as_float(tape, a), as_float(tape, b), dtype=ir.DataType.FLOAT)
    return at_least_one(tape, product)


def _or(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    a, b = _two(node)
    return [at_least_one(tape, tape.op("Add", as_float(tape, a), as_float(tape, b), dtype=ir.DataType.FLOAT))]


def _xor(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    a, b = _two(node)
    difference = tape.op("Sub", as_float(tape, a), as_float(tape, b), dtype=ir.DataType.FLOAT)
    return [at_least_one(tape, tape.op("Abs", difference, dtype=ir.DataType.FLOAT))]


def _equal(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return a == b for floats and bools; integers keep `Equal`."""
    a, b = _two(node)
    dtype = require_dtype(a, "an input of Equal")
    if dtype.kind == "b":
        difference = tape.op("Sub", as_float(tape, a), as_float(tape, b), dtype=ir.DataType.FLOAT)
        distance = tape.op("Abs", difference, dtype=ir.DataType.FLOAT)
        return [less_or_equal(tape, distance, tape.constant(0, np.float32))]
    if dtype.kind != "f":
        raise DeclinedError(f"Equal of {dtype} is in the portable subset")
    if a is b:
        return [less_or_equal(tape, a, a)]
    return [_all(tape, less_or_equal(tape, a, b), less_or_equal(tape, b, a))]


def _is_nan(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return whether x is NaN, which MNN, OpenCV 4 and jaxonnxruntime have no operator for.

    `x * x <= inf` holds for every number, `x * x <= -1` for none; for NaN both fail, or both hold (tinygrad). MNN has 0
    for the absolute value of NaN.
    """
    x = _one(node)
    dtype = require_dtype(x, "the input of IsNaN")
    square = tape.op("Mul", x, x, dtype=x.dtype)
    below_all = as_float(tape, less_or_equal(tape, square, tape.constant(np.inf, dtype)))
    below_none = as_float(tape, less_or_equal(tape, square, tape.constant(-1, dtype)))
    is_number = tape.op("Sub", below_all, below_none, dtype=ir.DataType.FLOAT)
    return [less_or_equal(tape, is_number, tape.constant(0, np.float32))]


def _is_inf(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = _one(node)
    if any(name in node.attributes for name in ("detect_negative", "detect_positive")):
        raise DeclinedError("IsInf of one sign")
    infinity = tape.constant(np.inf, require_dtype(x, "the input of IsInf"))
    return [less_or_equal(tape, infinity, tape.op("Abs", x, dtype=x.dtype))]


def _sign(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = _one(node)
    dtype = require_dtype(x, "the input of Sign")
    if dtype.kind == "u":
        raise DeclinedError("Sign of unsigned integers")
    zero = tape.constant(0, dtype)
    at_least = tape.cast(as_float(tape, less_or_equal(tape, zero, x)), dtype)
    at_most = tape.cast(as_float(tape, less_or_equal(tape, x, zero)), dtype)
    sign = tape.op("Sub", at_least, at_most, dtype=x.dtype)
    if dtype.kind != "f":
        return [sign]
    return [tape.op("Where", tape.op("IsNaN", x, dtype=BOOL), x, sign, dtype=x.dtype)]


RULES: dict[str, Rule] = {
    "GreaterOrEqual": _greater_or_equal,
    "Greater": _greater,
    "Less": _less,
    "Not": _not,
    "And": _and,
    "Or": _or,
    "Xor": _xor,
    "Equal": _equal,
    "IsNaN": _is_nan,
    "IsInf": _is_inf,
    "Sign": _sign,
}
