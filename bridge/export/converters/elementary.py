"""Functions that NumPy has and ONNX lacks, or that runtimes compute without the digits that scikit-learn has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

    from bridge.export.builder import Builder


def log1p(b: Builder, x: ir.Value) -> ir.Value:
    """Return log(1 + x), as exact for small x: log(u) + (x - (u - 1)) / u for the rounded u = 1 + x.

    The second term gives back to first order what rounding took from u. Where it took nothing, which includes
    infinity and -1, the term is left out, for it would be NaN there.
    """
    u = b.add(x, b.like(1, x))
    kept = b.sub(u, b.like(1, x))
    log = b.op("Log", u)
    corrected = b.add(log, b.div(b.sub(x, kept), u))
    return b.where(b.op("Equal", kept, x), log, corrected)


def expm1(b: Builder, x: ir.Value) -> ir.Value:
    """Return exp(x) - 1, as exact for small x: tanh(x / 2) * (exp(x) + 1)."""
    half = b.op("Tanh", b.mul(x, b.like(0.5, x)))
    return b.mul(half, b.add(b.op("Exp", x), b.like(1, x)))


def log2(b: Builder, x: ir.Value) -> ir.Value:
    return b.div(b.op("Log", x), b.like(math.log(2), x))


def log10(b: Builder, x: ir.Value) -> ir.Value:
    return b.div(b.op("Log", x), b.like(math.log(10), x))


def exp2(b: Builder, x: ir.Value) -> ir.Value:
    return b.op("Pow", b.like(2, x), x)


def cbrt(b: Builder, x: ir.Value) -> ir.Value:
    return b.mul(b.op("Sign", x), b.op("Pow", b.op("Abs", x), b.like(1 / 3, x)))


def sinh(b: Builder, x: ir.Value) -> ir.Value:
    """Return sinh(x) as (e + e / (1 + e)) / 2 with e = expm1(|x|), which keeps the digits of small x."""
    t = b.op("Abs", x)
    e = expm1(b, t)
    small = b.mul(b.like(0.5, x), b.add(e, b.div(e, b.add(e, b.like(1, x)))))
    # From 40 on exp(-t) no longer counts; the product of halves does not overflow before the result does.
    return b.mul(b.op("Sign", x), b.where(b.op("Greater", t, b.like(40, x)), _half_exp(b, t), small))


def cosh(b: Builder, x: ir.Value) -> ir.Value:
    half = _half_exp(b, b.op("Abs", x))
    return b.add(half, b.div(b.like(0.25, x), half))


def _half_exp(b: Builder, x: ir.Value) -> ir.Value:
    """Return exp(x) / 2 without overflow where the result is finite."""
    root = b.op("Exp", b.mul(x, b.like(0.5, x)))
    return b.mul(b.mul(root, b.like(0.5, x)), root)


def tan(b: Builder, x: ir.Value) -> ir.Value:
    return b.div(b.op("Sin", x), b.op("Cos", x))


def trunc(b: Builder, x: ir.Value) -> ir.Value:
    return b.mul(b.op("Sign", x), b.op("Floor", b.op("Abs", x)))
