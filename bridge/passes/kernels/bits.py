"""Operators on bits by integer arithmetic: CUDA has no kernel for any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import require_number
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule

BYTE = 256
INT64 = ir.DataType.INT64


def _not(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the complement: -1 - x, and for unsigned integers the largest number less x."""
    x = require_number(node)
    all_bits = np.invert(np.zeros((), require_dtype(x, "the input of BitwiseNot")))
    return [tape.op("Sub", tape.constant(all_bits), x, dtype=x.dtype)]


def _and(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    a, b, both = _factors(tape, node)
    return [tape.cast(both, require_dtype(a, "an input of BitwiseAnd")) if a is not b else a]


def _or(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return a + b - (a and b)."""
    a, b, both = _factors(tape, node)
    total = tape.op("Add", tape.cast(a, np.int64), tape.cast(b, np.int64), dtype=INT64)
    return [tape.cast(tape.op("Sub", total, both, dtype=INT64), require_dtype(a, "an input of BitwiseOr"))]


def _xor(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return a + b - 2 (a and b)."""
    a, b, both = _factors(tape, node)
    total = tape.op("Add", tape.cast(a, np.int64), tape.cast(b, np.int64), dtype=INT64)
    twice = tape.op("Add", both, both, dtype=INT64)
    return [tape.cast(tape.op("Sub", total, twice, dtype=INT64), require_dtype(a, "an input of BitwiseXor"))]


def _factors(tape: RuleTape, node: ir.Node) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return both inputs and their common bits as int64, modulo 2^bits: byte by byte, from a table."""
    a, b = require_number(node, 0), require_number(node, 1)
    count = require_dtype(a, f"an input of {node.op_type}").itemsize
    numbers = np.arange(BYTE, dtype=np.int64)
    table = tape.constant(np.bitwise_and.outer(numbers, numbers).ravel())
    base = tape.constant(BYTE, np.int64)
    rests = [tape.cast(a, np.int64), tape.cast(b, np.int64)]
    total: ir.Value | None = None
    for power in range(count):
        digits = [tape.op("Mod", rest, base, dtype=INT64) for rest in rests]
        rests = [
            tape.op("Div", tape.op("Sub", rest, digit, dtype=INT64), base, dtype=INT64)
            for rest, digit in zip(rests, digits, strict=True)
        ]
        place = tape.op("Add", tape.op("Mul", digits[0], base, dtype=INT64), digits[1], dtype=INT64)
        part = tape.op("Gather", table, place, axis=0, dtype=INT64)
        if power:
            weight = np.array(BYTE**power, np.uint64).astype(np.int64)
            part = tape.op("Mul", part, tape.constant(weight), dtype=INT64)
        total = part if total is None else tape.op("Add", total, part, dtype=INT64)
    if total is None:
        raise ValueError("an integer has at least one byte")
    return a, b, total


def _shift(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return x times or divided by a power of two; 0 for a shift by all its bits or more."""
    x, by = require_number(node, 0), require_number(node, 1)
    dtype = require_dtype(x, "the input of BitShift")
    bits = 8 * dtype.itemsize
    most = tape.constant(bits, np.uint64)
    place = tape.cast(tape.op("Min", tape.cast(by, np.uint64), most, dtype=most.dtype), np.int64)
    wide = tape.cast(x, np.uint64)
    powers = [2**k for k in range(bits)]
    if Attributes(node).choice("direction", ("LEFT", "RIGHT"), "") == "LEFT":
        factor = tape.op("Gather", tape.constant([*powers, 0], np.uint64), place, axis=0, dtype=wide.dtype)
        return [tape.cast(tape.op("Mul", wide, factor, dtype=wide.dtype), dtype)]
    divisor = tape.op("Gather", tape.constant([*powers, 1], np.uint64), place, axis=0, dtype=wide.dtype)
    kept = tape.op("Gather", tape.constant([1] * bits + [0], np.uint64), place, axis=0, dtype=wide.dtype)
    quotient = tape.op("Div", wide, divisor, dtype=wide.dtype)
    return [tape.cast(tape.op("Mul", quotient, kept, dtype=wide.dtype), dtype)]


RULES: dict[str, Rule] = {
    "BitwiseNot": _not,
    "BitwiseAnd": _and,
    "BitwiseOr": _or,
    "BitwiseXor": _xor,
    "BitShift": _shift,
}
