"""Einsum of two factors, which on CUDA needs cuDNN and which few runtimes know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import TENSOR_TARGETS
from bridge.passes.rule import RuleTape, lowers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

TWO_FACTORS = re.compile(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]*)")


@lowers("", "Einsum", targets=TENSOR_TARGETS)
def lower_einsum(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return a matrix product where each factor has one letter of its own, else the sum of an elementwise product."""
    equation = Attributes(node).text("equation", "").replace(" ", "")
    found = TWO_FACTORS.fullmatch(equation)
    if found is None or len(node.inputs) != 2 or any(len(set(letters)) < len(letters) for letters in found.groups()):
        raise DeclinedError(f"Einsum of the equation {equation!r}")
    a, b = node.inputs
    if a is None or b is None:
        raise DeclinedError("Einsum lacks an input")
    first, second, result = _Factor(a, found[1]), _Factor(b, found[2]), found[3]
    shared = _common(first.letters, second.letters)
    batch, summed = _common(shared, result), _without(shared, result)
    own = _without(first.letters, shared), _without(second.letters, shared)
    if set(result) != set(batch + own[0] + own[1]):
        raise DeclinedError(f"Einsum of the equation {equation!r}")
    if own == ("", ""):
        return [_sum_of_products(tape, first, second, batch, summed).ordered(tape, result)]
    if (len(own[0]), len(own[1]), len(summed)) != (1, 1, 1):
        raise DeclinedError(f"Einsum of the equation {equation!r}")
    if not (first.letters.startswith(batch) and second.letters.startswith(batch)):
        # onnxruntime 1.31.1 fuses such a Transpose into the MatMul, and divides by zero where there are no rows.
        raise DeclinedError(f"Einsum of the equation {equation!r} moves the axes that both factors share")
    left, right = first.ordered(tape, batch + own[0] + summed), second.ordered(tape, batch + summed + own[1])
    product = tape.op("MatMul", left, right, dtype=left.dtype)
    return [_Factor(product, batch + own[0] + own[1]).ordered(tape, result)]


@dataclass(frozen=True)
class _Factor:
    """A value with a letter for each of its axes."""

    value: ir.Value
    letters: str

    def ordered(self, tape: RuleTape, letters: str) -> ir.Value:
        """Return the value with its axes in this order."""
        if letters == self.letters:
            return self.value
        order = [self.letters.index(letter) for letter in letters]
        return tape.op("Transpose", self.value, perm=order, dtype=self.value.dtype)


def _sum_of_products(tape: RuleTape, first: _Factor, second: _Factor, batch: str, summed: str) -> _Factor:
    product = tape.op("Mul", first.value, second.ordered(tape, first.letters), dtype=first.value.dtype)
    if not summed:
        return _Factor(product, first.letters)
    axes = tape.constant([first.letters.index(letter) for letter in summed], np.int64)
    total = tape.op("ReduceSum", product, axes, keepdims=0, dtype=product.dtype)
    return _Factor(total, _common(first.letters, batch))


def _common(letters: str, others: str) -> str:
    return "".join(letter for letter in letters if letter in others)


def _without(letters: str, others: str) -> str:
    return "".join(letter for letter in letters if letter not in others)
