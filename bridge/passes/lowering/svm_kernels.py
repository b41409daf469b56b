"""The kernels of support vector machines: how near each row is to each support vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import like, sum_of_row

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.passes.rule import RuleTape

KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")

FARTHEST = 1e18
"""Coordinates are bounded by this, so that the square of an infinite one is a number: its kernel value is 0."""


@dataclass(frozen=True)
class Kernel:
    """`kernel_type` and `kernel_params` of a node."""

    name: str
    gamma: float
    coef0: float
    degree: float

    @staticmethod
    def of(node: ir.Node) -> Kernel:
        attributes = Attributes(node)
        name = attributes.choice("kernel_type", KERNELS, "LINEAR")
        params = attributes.finite_floats("kernel_params")
        if len(params) not in {0, 3}:
            raise DeclinedError(
                f"attribute 'kernel_params' has {len(params)} entries, expected gamma, coef0 and degree"
            )
        gamma, coef0, degree = params.tolist() if params.size else (0.0, 0.0, 0.0)
        return Kernel(name, gamma, coef0, degree)

    def between(self, tape: RuleTape, x: ir.Value, vectors: NDArray[np.float32]) -> ir.Value:
        """Return float64 (rows, vectors) for the matrix `x`.

        onnxruntime computes in float32: the result here is the more exact one, and rounds to its within a few units.
        """
        x = tape.cast(x, np.float64)
        wide = vectors.astype(np.float64)
        if self.name == "RBF":
            return self._rbf(tape, x, wide)
        # A scalar factor behind a MatMul would be fused into it as float32; folded into the vectors it stays float64.
        factor = 1.0 if self.name == "LINEAR" else self.gamma
        product = tape.op("MatMul", x, tape.constant((factor * wide).T), dtype=x.dtype)
        if self.name == "LINEAR":
            return product
        shifted = tape.op("Add", product, tape.constant(np.full(len(vectors), self.coef0)), dtype=x.dtype)
        if self.name == "SIGMOID":
            return tape.op("Tanh", shifted, dtype=x.dtype)
        return _power(tape, shifted, self.degree)

    def _rbf(self, tape: RuleTape, x: ir.Value, vectors: NDArray[np.float64]) -> ir.Value:
        """Return exp(-gamma d) of the squared distances d = |x|^2 + |v|^2 - 2 x.v, taken around the vectors' median.

        So no array of rows x vectors x features is needed. Around the median the three terms cancel little, and one far
        vector does not move it.
        """
        center = np.median(vectors, axis=0)
        vectors = vectors - center
        moved = _bounded(tape, tape.op("Sub", x, tape.constant(center), dtype=x.dtype))
        own = sum_of_row(tape, tape.op("Mul", moved, moved, dtype=x.dtype))
        cross = tape.op("MatMul", moved, tape.constant(-2 * vectors.T), dtype=x.dtype)
        theirs = tape.op("Add", cross, tape.constant((vectors**2).sum(axis=1)), dtype=x.dtype)
        squared = tape.op("Max", tape.op("Add", theirs, own, dtype=x.dtype), like(tape, 0, x), dtype=x.dtype)
        return tape.op("Exp", tape.op("Mul", squared, like(tape, -self.gamma, x), dtype=x.dtype), dtype=x.dtype)


def _bounded(tape: RuleTape, x: ir.Value) -> ir.Value:
    """Return x between -FARTHEST and FARTHEST by Max alone, which more runtimes have than Clip."""
    lowest = like(tape, -FARTHEST, x)
    for _ in range(2):
        x = tape.op("Neg", tape.op("Max", x, lowest, dtype=x.dtype), dtype=x.dtype)
    return x


def _power(tape: RuleTape, x: ir.Value, degree: float) -> ir.Value:
    if degree not in {1.0, 2.0, 3.0}:
        return tape.op("Pow", x, like(tape, degree, x), dtype=x.dtype)
    power = x
    for _ in range(int(degree) - 1):
        power = tape.op("Mul", power, x, dtype=x.dtype)
    return power
