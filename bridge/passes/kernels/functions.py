"""Circular and hyperbolic functions of float32, computed in float64 by the functions that CUDA has.

Each formula keeps a relative error below 1e-12, so that the result is the true value rounded to float32, but for ties.
Below `SMALL` the hyperbolic ones are Taylor series: there the differences of their formulas would lose digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.lowering.values import less_or_equal, require_number, where
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.passes.rule import Rule

    Formula = Callable[["Terms", ir.Value], ir.Value]

SMALL = 2.0**-5
"""The first term that the series leave out is at most 1e-13 of the sum here."""
HALVINGS = 3
"""How often the argument of an arc tangent is halved: to at most tan(pi/32) = 0.0985."""
HUGE = 1e30
"""An arc tangent of more than this is pi/2 in float64; its square is still finite."""


class Terms:
    """Writes formulas of float64 values on a tape."""

    def __init__(self, tape: RuleTape) -> None:
        self.tape = tape

    def of(self, op_type: str, *values: ir.Value | float) -> ir.Value:
        """Return an operator's result; plain numbers become constants."""
        inputs = [v if isinstance(v, ir.Value) else self.tape.constant(v, np.float64) for v in values]
        return self.tape.op(op_type, *inputs, dtype=ir.DataType.DOUBLE)

    def odd_series(self, x: ir.Value, *coefficients: float) -> ir.Value:
        """Return x (1 + c1 x^2 + c2 x^4 + ...)."""
        square = self.of("Mul", x, x)
        total = self.of("Mul", square, coefficients[-1])
        for coefficient in coefficients[-2::-1]:
            total = self.of("Mul", square, self.of("Add", total, coefficient))
        return self.of("Add", x, self.of("Mul", x, total))

    def near_zero(self, x: ir.Value, series: ir.Value, formula: ir.Value) -> ir.Value:
        """Return the series where |x| is small, else the formula."""
        is_small = less_or_equal(self.tape, self.of("Abs", x), self.tape.constant(SMALL, np.float64))
        return where(self.tape, is_small, series, formula)


def _tan(t: Terms, x: ir.Value) -> ir.Value:
    return t.of("Div", t.of("Sin", x), t.of("Cos", x))


def _sinh(t: Terms, x: ir.Value) -> ir.Value:
    difference = t.of("Sub", t.of("Exp", x), t.of("Exp", t.of("Neg", x)))
    return t.near_zero(x, t.odd_series(x, 1 / 6, 1 / 120, 1 / 5040), t.of("Mul", difference, 0.5))


def _cosh(t: Terms, x: ir.Value) -> ir.Value:
    return t.of("Mul", t.of("Add", t.of("Exp", x), t.of("Exp", t.of("Neg", x))), 0.5)


def _asinh(t: Terms, x: ir.Value) -> ir.Value:
    size = t.of("Abs", x)
    root = t.of("Sqrt", t.of("Add", t.of("Mul", x, x), 1.0))
    formula = t.of("Mul", t.of("Sign", x), t.of("Log", t.of("Add", size, root)))
    return t.near_zero(x, t.odd_series(x, -1 / 6, 3 / 40, -5 / 112, 35 / 1152), formula)


def _acosh(t: Terms, x: ir.Value) -> ir.Value:
    root = t.of("Mul", t.of("Sqrt", t.of("Sub", x, 1.0)), t.of("Sqrt", t.of("Add", x, 1.0)))
    return t.of("Log", t.of("Add", x, root))


def _atanh(t: Terms, x: ir.Value) -> ir.Value:
    ratio = t.of("Div", t.of("Add", x, 1.0), t.of("Sub", t.of("Neg", x), -1.0))
    return t.near_zero(x, t.odd_series(x, 1 / 3, 1 / 5, 1 / 7, 1 / 9), t.of("Mul", t.of("Log", ratio), 0.5))


def _atan(t: Terms, x: ir.Value) -> ir.Value:
    """Return the arc tangent: tan(a/2) = tan(a) / (1 + sqrt(1 + tan(a)^2)), until a series converges fast."""
    is_finite = less_or_equal(t.tape, t.of("Abs", x), t.tape.constant(HUGE, np.float64))
    part = where(t.tape, is_finite, x, t.of("Mul", t.of("Sign", x), HUGE))
    for _ in range(HALVINGS):
        root = t.of("Sqrt", t.of("Add", t.of("Mul", part, part), 1.0))
        part = t.of("Div", part, t.of("Add", root, 1.0))
    series = t.odd_series(part, -1 / 3, 1 / 5, -1 / 7, 1 / 9, -1 / 11)
    return t.of("Mul", series, 2.0**HALVINGS)


def _asin(t: Terms, x: ir.Value) -> ir.Value:
    """Return asin(x) = 2 atan(x / (1 + sqrt(1 - x^2)))."""
    root = t.of("Sqrt", t.of("Mul", t.of("Add", x, 1.0), t.of("Sub", t.of("Neg", x), -1.0)))
    return t.of("Mul", _atan(t, t.of("Div", x, t.of("Add", root, 1.0))), 2.0)


def _acos(t: Terms, x: ir.Value) -> ir.Value:
    """Return acos(x) = 2 atan(sqrt((1 - x) / (1 + x)))."""
    ratio = t.of("Div", t.of("Sub", t.of("Neg", x), -1.0), t.of("Add", x, 1.0))
    return t.of("Mul", _atan(t, t.of("Sqrt", ratio)), 2.0)


def _in_float64(formula: Formula) -> Rule:
    def rule(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
        x = require_number(node)
        dtype = require_dtype(x, f"the input of {node.op_type}")
        if dtype not in (np.float32, np.float16):
            raise DeclinedError(f"there is no rule for {dtype}")
        result = formula(Terms(tape), tape.cast(x, np.float64))
        return [tape.cast(tape.cast(result, np.float32), dtype)]

    return rule


RULES: dict[str, Rule] = {
    "Tan": _in_float64(_tan),
    "Sinh": _in_float64(_sinh),
    "Cosh": _in_float64(_cosh),
    "Asinh": _in_float64(_asinh),
    "Acosh": _in_float64(_acosh),
    "Atanh": _in_float64(_atanh),
    "Asin": _in_float64(_asin),
    "Acos": _in_float64(_acos),
    "Atan": _in_float64(_atan),
}
