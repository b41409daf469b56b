"""Integers as digits in base 2^16, held in float64: products of matrices of them are exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.passes.rule import RuleTape, constant_of, require_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir

BASE = 2**16
"""Digits lie in [-2^15, 2^15): a sum of 2^21 products of two of them stays below 2^53."""

Digits = dict[int, "ir.Value"]
"""float64 values by the power of BASE that they count; a power that is absent has the digit 0."""


def digits_of(tape: RuleTape, x: ir.Value) -> Digits:
    """Return the digits of an integer value, as many as its dtype has; equal to it modulo 2^bits."""
    count = max(1, require_dtype(x, "an integer").itemsize // 2)
    array = constant_of(x)
    if array is not None:
        return {k: tape.constant(d) for k, d in enumerate(_constant_digits(array, count)) if d.any()}
    half, base = tape.constant(BASE // 2, np.int64), tape.constant(BASE, np.int64)
    rest = tape.cast(x, np.int64)
    found = {}
    for power in range(count):
        moved = tape.op("Mod", tape.op("Add", rest, half, dtype=rest.dtype), base, dtype=rest.dtype)
        digit = tape.op("Sub", moved, half, dtype=rest.dtype)
        found[power] = tape.cast(digit, np.float64)
        rest = tape.op("Div", tape.op("Sub", rest, digit, dtype=rest.dtype), base, dtype=rest.dtype)
    return found


def _constant_digits(array: np.ndarray, count: int) -> list[np.ndarray]:
    rest = array.astype(np.int64)
    found = []
    for _ in range(count):
        digit = (rest + BASE // 2) % BASE - BASE // 2
        found.append(digit.astype(np.float64))
        rest = (rest - digit) // BASE
    return found


def from_digits(tape: RuleTape, digits: Mapping[int, ir.Value], dtype: np.dtype) -> ir.Value:
    """Return the integers in `dtype`, modulo 2^bits, that sums of digits stand for."""
    total: ir.Value | None = None
    for power, digit in digits.items():
        part = tape.cast(digit, np.int64)
        if power:
            part = tape.op("Mul", part, tape.constant(BASE**power, np.int64), dtype=part.dtype)
        total = part if total is None else tape.op("Add", total, part, dtype=part.dtype)
    if total is None:
        raise ValueError("no digits")
    return tape.cast(total, dtype)


def multiply_digits(
    tape: RuleTape, a: Digits, b: Digits, *, count: int, product: Callable[[ir.Value, ir.Value], ir.Value]
) -> Digits:
    """Return the digits, not yet carried, of a product that is linear in both factors."""
    found: Digits = {}
    for i, left in a.items():
        for j, right in b.items():
            if i + j < count:
                each = product(left, right)
                found[i + j] = tape.op("Add", found[i + j], each, dtype=each.dtype) if i + j in found else each
    return found
