"""Einsum of one or two operands as one MatMul: onnxruntime's CUDA kernel needs cuDNN, and takes no integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.kernels.digits import digits_of, from_digits, multiply_digits
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import require_number
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from bridge.passes.rule import Rule


def _einsum(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    terms, result = _parse(Attributes(node).text("equation", ""))
    operands = [require_number(node, i) for i in range(len(node.inputs))]
    if len(operands) != len(terms) or len(terms) > 2:
        raise DeclinedError(f"Einsum has {len(operands)} operands, expected as many as in its equation, and at most 2")
    dtype = require_dtype(operands[0], "the operands of Einsum")
    if dtype.kind == "f":
        return [_contract(tape, operands, terms, result)]
    digits = [digits_of(tape, x) or {0: tape.cast(x, np.float64)} for x in operands]
    if len(digits) == 1:
        made = {power: _contract(tape, [digit], terms, result) for power, digit in digits[0].items()}
        return [from_digits(tape, made, dtype)]
    products = multiply_digits(
        tape, *digits, count=dtype.itemsize // 2, product=lambda a, b: _contract(tape, [a, b], terms, result)
    )
    return [from_digits(tape, products, dtype)]


def _parse(equation: str) -> tuple[list[str], str]:
    """Return the labels of each operand, and of the result: without an arrow, those that occur once, sorted."""
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if "." in equation or any(len(set(term)) < len(term) for term in (*terms, result)):
        raise DeclinedError(f"equation {equation!r} has an ellipsis, or a label twice in one operand")
    if not arrow:
        joined = "".join(terms)
        result = "".join(sorted(label for label in joined if joined.count(label) == 1))
    return terms, result


def _contract(tape: RuleTape, operands: Sequence[ir.Value], terms: Sequence[str], result: str) -> ir.Value:
    others = [set(result).union(*terms[:i], *terms[i + 1 :]) for i in range(len(terms))]
    values = [_summed(tape, x, term, kept) for x, term, kept in zip(operands, terms, others, strict=True)]
    terms = ["".join(label for label in term if label in kept) for term, kept in zip(terms, others, strict=True)]
    if len(values) == 1:
        return _ordered(tape, values[0], terms[0], result)
    (a, b), (of_a, of_b) = values, terms
    batch = "".join(label for label in result if label in of_a and label in of_b)
    inner = "".join(label for label in of_a if label in of_b and label not in result)
    rows = "".join(label for label in of_a if label not in of_b)
    columns = "".join(label for label in of_b if label not in of_a)
    if max(len(inner), len(rows), len(columns)) > 1:
        raise DeclinedError(f"Einsum of {of_a} and {of_b} to {result} is more than one product of matrices")
    left = _as_matrices(tape, _ordered(tape, a, of_a, batch + rows + inner), len(batch), rows, inner)
    right = _as_matrices(tape, _ordered(tape, b, of_b, batch + inner + columns), len(batch), inner, columns)
    product = tape.op("MatMul", left, right, dtype=a.dtype)
    absent = [len(batch) + i for i, group in enumerate((rows, columns)) if not group]
    if absent:
        product = tape.op("Squeeze", product, tape.constant(absent, np.int64), dtype=a.dtype)
    return _ordered(tape, product, batch + rows + columns, result)


def _summed(tape: RuleTape, x: ir.Value, term: str, kept: set[str]) -> ir.Value:
    """Return `x` summed over the labels that nothing else has."""
    axes = [i for i, label in enumerate(term) if label not in kept]
    if not axes:
        return x
    return tape.op("ReduceSum", x, tape.constant(axes, np.int64), keepdims=0, dtype=x.dtype)


def _ordered(tape: RuleTape, x: ir.Value, term: str, wanted: str) -> ir.Value:
    if term == wanted:
        return x
    return tape.op("Transpose", x, perm=[term.index(label) for label in wanted], dtype=x.dtype)


def _as_matrices(tape: RuleTape, x: ir.Value, batch: int, rows: str, columns: str) -> ir.Value:
    """Return `x` with an axis of length 1 in place of a group without a label."""
    absent = [batch + i for i, group in enumerate((rows, columns)) if not group]
    return tape.op("Unsqueeze", x, tape.constant(absent, np.int64), dtype=x.dtype) if absent else x


RULES: dict[str, Rule] = {"Einsum": _einsum}
