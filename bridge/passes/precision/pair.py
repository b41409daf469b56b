"""Numbers as the sum of two float32, which together hold some 47 bits: their arithmetic as float32 operators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.passes.rule import Options, RuleTape

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FLOAT = ir.DataType.FLOAT
SPLITTER = 4097.0
"""2**12 + 1: splits 24 bits into two halves, whose products are exact (Dekker 1971)."""


@dataclass(frozen=True)
class Pair:
    """A number: `high` is the float32 nearest to it, `low` what is left over, None for nothing.

    `array` holds the float64 values where they are constant.
    """

    high: ir.Value
    low: ir.Value | None = None
    array: NDArray[np.float64] | None = None


@dataclass
class PairTape:
    """Records float32 nodes that compute with pairs.

    Sums and products are those of Dekker 1971 and of Hida, Li and Bailey 2001 ("sloppy" addition): their errors are
    some units of 2**-47 of the operands. What overflows, and NaN, is left to `high` alone. Every runtime gives these
    bits that rounds each operator to nearest, and evaluates the nodes as they stand: onnxruntime 1.31, ONNX's reference
    evaluator, OpenVINO 2026.4 and tract held 1e-7 on kernels where float32 alone was 4e-5 to 3e-2 off. tinygrad
    simplifies the sums, and keeps float32's digits or fewer (3e-4).
    """

    tape: RuleTape = field(default_factory=lambda: RuleTape(Options("portable")))
    _constants: dict[tuple[tuple[int, ...], bytes], ir.Value] = field(default_factory=dict)
    _halves: dict[ir.Value, tuple[ir.Value, ir.Value]] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what the nodes of a graph made, which another graph does not see."""
        self._halves.clear()

    def op(self, op_type: str, *inputs: ir.Value, dtype: ir.DataType = FLOAT, **attributes: Any) -> ir.Value:
        return self.tape.op(op_type, *inputs, dtype=dtype, **attributes)

    def test(self, op_type: str, *inputs: ir.Value) -> ir.Value:
        return self.tape.op(op_type, *inputs, dtype=ir.DataType.BOOL)

    def number(self, array: ArrayLike) -> ir.Value:
        """Return a float32 constant; equal ones are one."""
        values = np.asarray(array, np.float32)
        key = values.shape, values.tobytes()
        if key not in self._constants:
            self._constants[key] = self.tape.constant(values)
        return self._constants[key]

    def constant(self, array: ArrayLike) -> Pair:
        """Return float64 numbers, rounded to a pair."""
        values = np.asarray(array, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            high = values.astype(np.float32)
            low = np.where(np.isfinite(high), values - high, 0.0).astype(np.float32)
        return Pair(self.number(high), self.number(low) if low.any() else None, values)

    def low(self, x: Pair) -> ir.Value:
        """Return what is left over, in the shape of `high`."""
        if x.low is not None:
            return x.low
        zero = self.number(0)
        return self.op("Where", self.test("Equal", x.high, x.high), zero, zero)

    def neg(self, x: Pair) -> Pair:
        if x.array is not None:
            return self.constant(-x.array)
        return Pair(self.op("Neg", x.high), None if x.low is None else self.op("Neg", x.low))

    def add(self, a: Pair, b: Pair) -> Pair:
        total, error = self._sum(a.high, b.high)
        for low in (a.low, b.low):
            error = error if low is None else self.op("Add", error, low)
        return self.normal(total, error)

    def sub(self, a: Pair, b: Pair) -> Pair:
        if b.array is not None:
            return self.add(a, self.neg(b))
        total = self.op("Sub", a.high, b.high)
        of_b = self.op("Sub", total, a.high)
        of_a = self.op("Sub", total, of_b)
        error = self.op("Sub", self.op("Sub", a.high, of_a), self.op("Add", b.high, of_b))
        error = error if a.low is None else self.op("Add", error, a.low)
        return self.normal(total, error if b.low is None else self.op("Sub", error, b.low))

    def mul(self, a: Pair, b: Pair) -> Pair:
        for given, factor in ((a, b), (b, a)):
            if factor.array is not None and _are_powers_of_two(factor.array):
                low = None if given.low is None else self.op("Mul", given.low, factor.high)
                return Pair(self.op("Mul", given.high, factor.high), low)
        product = self.op("Mul", a.high, b.high)
        error = self._product_error(a.high, b.high, product)
        for x, low in ((a.high, b.low), (b.high, a.low)):
            error = error if low is None else self.op("Add", error, self.op("Mul", x, low))
        return self.normal(product, error)

    def div(self, a: Pair, b: Pair) -> Pair:
        if b.array is not None and _are_powers_of_two(b.array):
            return self.mul(a, self.constant(1 / b.array))
        quotient = self.op("Div", a.high, b.high)
        rest = self.sub(a, self.mul(Pair(quotient), b))
        return self.normal(quotient, self.op("Div", rest.high, b.high))

    def sqrt(self, x: Pair) -> Pair:
        root = self.op("Sqrt", x.high)
        rest = self.sub(x, self.mul(Pair(root), Pair(root)))
        return self.normal(root, self.op("Div", rest.high, self.op("Add", root, root)))

    def abs(self, x: Pair) -> Pair:
        if x.low is None:
            return Pair(self.op("Abs", x.high))
        is_negative = self.test("Less", x.high, self.number(0))
        return Pair(self.op("Abs", x.high), self.op("Where", is_negative, self.op("Neg", x.low), x.low))

    def where(self, condition: ir.Value, a: Pair, b: Pair) -> Pair:
        high = self.op("Where", condition, a.high, b.high)
        if a.low is None and b.low is None:
            return Pair(high)
        lows = (self.number(0) if x.low is None else x.low for x in (a, b))
        return Pair(high, self.op("Where", condition, *lows))

    def less(self, a: Pair, b: Pair) -> ir.Value:
        """Return a < b; what `LessOrEqual` says of the highs is enough only where nothing is left over."""
        if a.low is None and b.low is None:
            return self.test("Less", a.high, b.high)
        is_not_above = self.test("Not", self.test("LessOrEqual", self.number(0), self._apart(a, b)))
        return self.test("And", self.test("LessOrEqual", a.high, b.high), is_not_above)

    def less_or_equal(self, a: Pair, b: Pair) -> ir.Value:
        highs = self.test("LessOrEqual", a.high, b.high)
        if a.low is None and b.low is None:
            return highs
        return self.test("And", highs, self.test("LessOrEqual", self._apart(a, b), self.number(0)))

    def equal(self, a: Pair, b: Pair) -> ir.Value:
        highs = self.test("Equal", a.high, b.high)
        if (a.low is None and b.low is None) or a.high is b.high:
            return highs
        distance = self.op("Abs", self._apart(a, b))
        return self.test("And", highs, self.test("LessOrEqual", distance, self.number(0)))

    def normal(self, total: ir.Value, error: ir.Value) -> Pair:
        """Return a number and its small error as a pair; an error that is NaN, beside infinity, as none."""
        error = self.finite(error)
        high = self.op("Add", total, error)
        return Pair(high, self.op("Sub", error, self.op("Sub", high, total)))

    def finite(self, x: ir.Value) -> ir.Value:
        """Return `x`, and 0 for the NaN that is left over beside infinity."""
        return self.op("Where", self.test("Equal", x, x), x, self.number(0))

    def _sum(self, a: ir.Value, b: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return a + b and its rounding error (Knuth's two-sum)."""
        total = self.op("Add", a, b)
        of_b = self.op("Sub", total, a)
        of_a = self.op("Sub", total, of_b)
        return total, self.op("Add", self.op("Sub", a, of_a), self.op("Sub", b, of_b))

    def _product_error(self, a: ir.Value, b: ir.Value, product: ir.Value) -> ir.Value:
        (a1, a2), (b1, b2) = self._split(a), self._split(b)
        error = self.op("Sub", self.op("Mul", a1, b1), product)
        for x, y in ((a1, b2), (a2, b1), (a2, b2)):
            error = self.op("Add", error, self.op("Mul", x, y))
        return error

    def _split(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        if x not in self._halves:
            scaled = self.op("Mul", x, self.number(SPLITTER))
            upper = self.op("Sub", scaled, self.op("Sub", scaled, x))
            self._halves[x] = upper, self.op("Sub", x, upper)
        return self._halves[x]

    def _apart(self, a: Pair, b: Pair) -> ir.Value:
        """Return a - b with the sign that it has; 0 where both are one infinity."""
        apart = self.finite(self.op("Sub", a.high, b.high))
        if a.low is None or b.low is None:
            low = self.low(a) if b.low is None else self.op("Neg", b.low)
        else:
            low = self.op("Sub", a.low, b.low)
        return self.op("Add", apart, self.finite(low))


def _are_powers_of_two(array: NDArray[np.float64]) -> bool:
    fractions = np.frexp(array)[0]
    with np.errstate(over="ignore"):
        is_float32 = np.abs(array) < 2.0**100
    return bool((is_float32 & (np.abs(fractions) == 0.5)).all())
