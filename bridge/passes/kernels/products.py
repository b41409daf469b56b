"""Matrix products of integers, exact, by float64 products of their digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.passes.kernels.digits import digits_of, from_digits, multiply_digits
from bridge.passes.lowering.values import require_number
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule

DOUBLE = ir.DataType.DOUBLE


def _product(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the product of two matrices of integers, which wraps around as the CPU kernel does."""
    factors = [require_number(node, i) for i in range(2)]
    dtype = require_dtype(factors[0], "the factors of MatMul")
    left, right = (digits_of(tape, x) or {0: tape.cast(x, np.float64)} for x in factors)
    made = multiply_digits(
        tape,
        left,
        right,
        count=dtype.itemsize // 2,
        product=lambda a, b: tape.op("MatMul", a, b, dtype=DOUBLE),
    )
    return [from_digits(tape, made, dtype)]


def _matmul_integer(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the product of 8-bit integers less their zero points, as int32; float64 holds every sum exactly."""
    factors = []
    for i in range(2):
        factor = tape.cast(require_number(node, i), np.float64)
        zero = node.inputs[i + 2] if len(node.inputs) > i + 2 else None
        if zero is not None:
            factor = tape.op("Sub", factor, tape.cast(zero, np.float64), dtype=DOUBLE)
        factors.append(factor)
    return [tape.cast(tape.op("MatMul", *factors, dtype=DOUBLE), np.int32)]


RULES: dict[str, Rule] = {"MatMul": _product, "MatMulInteger": _matmul_integer}
