"""The error function and mixtures of it, from operators that every runtime has in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder

    Floats = NDArray[np.floating[Any]]

NODES = 24
"""Of the quadrature of erf over [0, a] for a up to `MOST`: within 2e-15 of SciPy's."""
MOST = 6.0
"""erf is 1 beyond it, to float64."""
NEAR_NODES = 5
"""Of the quadrature between two arguments of erf that differ by a tenth: within 3e-16."""


def error_function(b: Builder, x: ir.Value) -> ir.Value:
    """Return erf of a column (rows, 1). The Erf of onnxruntime has no float64 kernel on the CPU (1.31.1)."""
    places, weights = _quadrature(NODES)
    near = b.clip(x, -MOST, MOST)
    squares = b.mul(near, near)
    heights = b.op("Exp", b.mul(squares, b.like(-(places**2).reshape(1, -1), x)))
    return b.mul(near, b.matmul(heights, b.like(2 / np.sqrt(np.pi) * weights.reshape(-1, 1), x)))


def mixed_error_functions(b: Builder, mean: ir.Value, variance: ir.Value, scales: Floats, factors: Floats) -> ir.Value:
    """Return (rows, 1), the expectation of sum(factors / 2 * (1 + erf(scales * z))) for normal z; NaN without variance.

    Williams and Barber's logistic function in `GaussianProcessClassifier` has factors of thousands that cancel to 1.
    So erf is computed for the largest factor, and for the others how much their erf exceeds that, as an integral: in
    float32 the error is 4e-6, where 2e-4 was.
    """
    chosen = int(np.abs(factors).argmax())
    others = np.delete(np.arange(len(factors)), chosen)
    scale, rest = scales[chosen], scales[others].reshape(1, -1)
    spread, spreads = _spread(b, variance, np.array([[scale]])), _spread(b, variance, rest)
    slope = b.op("Reciprocal", b.op("Sqrt", spread))
    slope = b.mul(slope, b.like(scale, slope))
    slopes = b.div(b.like(rest, spreads), b.op("Sqrt", spreads))
    argument = b.mul(mean, slope)
    # slopes - slope without the difference of two numbers that are nearly equal.
    squares = b.mul(b.mul(spreads, spread), b.add(slopes, slope))
    gaps = b.mul(mean, b.div(b.like(rest**2 - scale**2, squares), squares))
    beyond = _integrals(b, argument, gaps)
    total = b.add(
        b.mul(error_function(b, argument), b.like(factors.sum() / 2, mean)),
        b.matmul(beyond, b.like(factors[others].reshape(-1, 1) / 2, mean)),
    )
    proba = b.add(total, b.like(factors.sum() / 2, mean))
    return b.where(b.op("Greater", variance, b.like(0, variance)), proba, b.like(np.nan, proba))


def _spread(b: Builder, variance: ir.Value, scales: Floats) -> ir.Value:
    return b.add(b.mul(variance, b.like(2 * scales**2, variance)), b.like(1, variance))


def _integrals(b: Builder, start: ir.Value, gaps: ir.Value) -> ir.Value:
    """Return erf(start + gap) - erf(start) for each gap, (rows, gaps)."""
    total: ir.Value | None = None
    for place, weight in zip(*_quadrature(NEAR_NODES), strict=True):
        t = b.add(start, b.mul(gaps, b.like(place, gaps)))
        height = b.mul(b.op("Exp", b.op("Neg", b.mul(t, t))), b.like(2 / np.sqrt(np.pi) * weight, t))
        total = height if total is None else b.add(total, height)
    return gaps if total is None else b.mul(gaps, total)


def _quadrature(nodes: int) -> tuple[Floats, Floats]:
    """Return places in [0, 1] and weights (Gauss and Legendre)."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    return (places + 1) / 2, weights / 2
