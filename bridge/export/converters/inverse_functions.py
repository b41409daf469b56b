"""Inverse trigonometric and hyperbolic functions, which onnxruntime has no float64 kernels for (1.31.1)."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from bridge.export.converters.elementary import log1p

if TYPE_CHECKING:
    import onnx_ir as ir

    from bridge.export.builder import Builder

TERMS = 12
"""Of the series of arctan up to tan(pi / 16): the next one is below 1e-18 of the first."""
LARGE = 1e8
"""Beyond it 1 is nothing beside the square, to float64."""


def arctan(b: Builder, x: ir.Value) -> ir.Value:
    """Return arctan by its series, after 1 / x for large x and two halvings of the angle."""
    size = b.op("Abs", x)
    one = b.like(1, x)
    is_steep = b.op("Greater", size, one)
    t = b.where(is_steep, b.op("Reciprocal", size), size)
    for _ in range(2):
        t = b.div(t, b.add(one, b.op("Sqrt", b.add(one, b.mul(t, t)))))
    square = b.mul(t, t)
    powers = [(-1) ** k / (2 * k + 1) for k in reversed(range(TERMS))]
    series = reduce(lambda value, c: b.add(b.mul(value, square), b.like(c, x)), powers[1:], b.like(powers[0], x))
    angle = b.mul(b.like(4, x), b.mul(t, series))
    return b.mul(b.op("Sign", x), b.where(is_steep, b.sub(b.like(np.pi / 2, x), angle), angle))


def arcsin(b: Builder, x: ir.Value) -> ir.Value:
    one = b.like(1, x)
    return arctan(b, b.div(x, b.op("Sqrt", b.mul(b.sub(one, x), b.add(one, x)))))


def arccos(b: Builder, x: ir.Value) -> ir.Value:
    one = b.like(1, x)
    half = arctan(b, b.op("Sqrt", b.div(b.sub(one, x), b.add(one, x))))
    return b.mul(b.like(2, x), half)


def arcsinh(b: Builder, x: ir.Value) -> ir.Value:
    size = b.op("Abs", x)
    near = b.op("Min", size, b.like(LARGE, x))
    square = b.mul(near, near)
    root = b.op("Sqrt", b.add(square, b.like(1, x)))
    value = log1p(b, b.add(near, b.div(square, b.add(root, b.like(1, x)))))
    return b.mul(b.op("Sign", x), _or_far(b, size, value))


def arccosh(b: Builder, x: ir.Value) -> ir.Value:
    above = b.sub(b.op("Min", x, b.like(LARGE, x)), b.like(1, x))
    root = b.op("Sqrt", b.mul(above, b.add(above, b.like(2, x))))
    value = b.where(b.op("Less", x, b.like(1, x)), b.like(np.nan, x), log1p(b, b.add(above, root)))
    return _or_far(b, x, value)


def arctanh(b: Builder, x: ir.Value) -> ir.Value:
    size = b.op("Abs", x)
    ratio = b.div(b.mul(b.like(2, x), size), b.sub(b.like(1, x), size))
    return b.mul(b.op("Sign", x), b.mul(b.like(0.5, x), log1p(b, ratio)))


def logit(b: Builder, x: ir.Value) -> ir.Value:
    """Return log(x / (1 - x)); near one half, where that is small, as a difference that keeps its digits."""
    one = b.like(1, x)
    twice = b.mul(b.like(2, x), b.sub(x, b.like(0.5, x)))
    near = b.sub(log1p(b, twice), log1p(b, b.op("Neg", twice)))
    is_near = b.op("LessOrEqual", b.op("Abs", twice), b.like(0.4, x))
    return b.where(is_near, near, b.op("Log", b.div(x, b.sub(one, x))))


def _or_far(b: Builder, x: ir.Value, near: ir.Value) -> ir.Value:
    """Return `near`, or log(2 x) where x is large."""
    is_far = b.op("Greater", x, b.like(LARGE, x))
    return b.where(is_far, b.add(b.op("Log", x), b.like(np.log(2), x)), near)
