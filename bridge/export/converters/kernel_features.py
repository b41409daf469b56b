"""Transformers whose columns have products that are near to a kernel: random waves, and sketches of polynomials."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.kernel_approximation import AdditiveChi2Sampler, PolynomialCountSketch, RBFSampler, SkewedChi2Sampler

from bridge.export.builder import Rounding, dtype_of, set_rounding
from bridge.export.held import hold_positive
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

    Floats = NDArray[np.floating[Any]]

MOST_PRODUCTS = 10_000
"""Up to this many products of columns are summed without a Fourier transform."""
_INTERVALS = {1: 0.8, 2: 0.5, 3: 0.4}
"""AdditiveChi2Sampler's own sampling intervals, by the number of steps."""


@converts(RBFSampler)
def convert_rbf_sampler(b: Builder, sampler: Any, x: Block) -> Mapping[str, Answer]:
    return {"transform": _waves(b, sampler, x, x.matrix(), (2.0 / sampler.n_components) ** 0.5)}


@converts(SkewedChi2Sampler)
def convert_skewed_chi2_sampler(b: Builder, sampler: Any, x: Block) -> Mapping[str, Answer]:
    value = x.floats()
    too_small = b.op("LessOrEqual", value, b.like(-sampler.skewedness, value))
    b.refuse(too_small, f"SkewedChi2Sampler takes numbers above {-sampler.skewedness!r}, its negative skewedness")
    log = b.op("Log", b.add(value, b.like(sampler.skewedness, value)))
    return {"transform": _waves(b, sampler, x, log, np.sqrt(2.0) / np.sqrt(sampler.n_components))}


def _waves(b: Builder, sampler: Any, x: Block, value: ir.Value, height: float) -> Block:
    phase = b.in_place("Add", b.project(value, sampler.random_weights_), sampler.random_offset_.reshape(1, -1))
    waves = b.op("Cos", phase)
    return x.of(b.mul(waves, b.like(height, waves)), sampler.random_weights_.shape[1])


@converts(AdditiveChi2Sampler)
def convert_additive_chi2_sampler(b: Builder, sampler: Any, x: Block) -> Mapping[str, Answer]:
    """Return sqrt(x) times a cosine and a sine of log(x) for each step; 0 stays 0, and whole numbers stay whole."""
    interval = _INTERVALS[sampler.sample_steps] if sampler.sample_interval is None else sampler.sample_interval
    given = hold_positive(b, x.matrix(), reason="AdditiveChi2Sampler takes no negative numbers")
    is_zero = b.op("Equal", given, b.like(0, given))
    value = b.cast(given, x.float_dtype)
    positive = b.where(is_zero, b.like(1, value), value)
    log = b.mul(b.op("Log", positive), b.like(interval, value))
    doubled = b.mul(b.mul(positive, b.like(2, value)), b.like(interval, value))
    columns = [b.op("Sqrt", b.mul(positive, b.like(interval, value)))]
    for step in range(1, sampler.sample_steps):
        factor = b.op("Sqrt", b.combine("Div", doubled, np.cosh(np.pi * step * interval)))
        angle = b.mul(log, b.like(step, log))
        columns += [b.mul(factor, b.cast(b.op(wave, angle), dtype_of(factor))) for wave in ("Cos", "Sin")]
    blank = b.like(0, given)
    parts = [b.where(is_zero, blank, b.cast(column, dtype_of(given))) for column in columns]
    return {"transform": replace(x.of(b.concat(parts), x.width * len(parts)), sparse=x.sparse)}


@converts(PolynomialCountSketch)
def convert_polynomial_count_sketch(b: Builder, sketch: Any, x: Block) -> Mapping[str, Answer]:
    """Sum the products of columns that hash to a place, or multiply the Fourier transforms of the sketches.

    scikit-learn transforms there and back, so that each answer has the rounding of the row's largest.
    """
    value = x.matrix(np.float64)
    inputs = len(sketch.indexHash_[0])
    build = _products if inputs**sketch.degree <= MOST_PRODUCTS else _convolution
    answer = build(b, sketch, value)
    unit = float(np.finfo(np.float64).epsneg)
    return {"transform": x.of(set_rounding(answer, Rounding(unit * 1e-100, size=1e-100)), sketch.n_components)}


def _products(b: Builder, sketch: Any, x: ir.Value) -> ir.Value:
    """Return all products of `degree` columns, of which the last may be ones, times the matrix of their signs."""
    n, inputs = sketch.n_components, len(sketch.indexHash_[0])
    constant = np.sqrt(sketch.coef0)
    columns = b.combine("Mul", x, np.full((1, 1), np.sqrt(sketch.gamma)))
    if constant:
        columns = b.concat([columns, b.repeat_row([constant], x)])
    terms, places, signs = columns, sketch.indexHash_[0], sketch.bitHash_[0]
    for degree in range(1, sketch.degree):
        shorter, factor = (axis.ravel() for axis in np.indices((len(places), inputs)))
        terms = b.mul(b.take_columns(terms, shorter), b.take_columns(columns, factor))
        places = (places[shorter] + sketch.indexHash_[degree][factor]) % n
        signs = signs[shorter] * sketch.bitHash_[degree][factor]
    weights = np.zeros((len(places), n))
    weights[np.arange(len(places)), places] = signs
    return b.project(terms, weights)


def _convolution(b: Builder, sketch: Any, x: ir.Value) -> ir.Value:
    """Return the product of the Fourier transforms of all degrees, transformed back.

    The sketch of a degree and its transform are one matrix; of the transform's n numbers, the first half suffices.
    """
    n = sketch.n_components
    angles = -2 * np.pi * (np.outer(np.arange(n), np.arange(n // 2 + 1)) % n) / n
    real, imaginary = _transformed(b, sketch, x, 0, angles)
    for degree in range(1, sketch.degree):
        r, i = _transformed(b, sketch, x, degree, angles)
        real, imaginary = b.sub(b.mul(real, r), b.mul(imaginary, i)), b.add(b.mul(real, i), b.mul(imaginary, r))
    # All but the first number, and the last of an even n, stand for two that are conjugate.
    weights = np.where(2 * np.arange(n // 2 + 1) % n == 0, 1.0, 2.0).reshape(-1, 1) / n
    waves = weights * np.cos(angles.T), weights * np.sin(angles.T)
    return b.project(b.concat([real, imaginary]), np.concatenate(waves))


def _transformed(b: Builder, sketch: Any, x: ir.Value, degree: int, angles: Floats) -> tuple[ir.Value, ir.Value]:
    """Return the real and the imaginary part of the Fourier transform of one sketch, (rows, n // 2 + 1)."""
    places, signs = sketch.indexHash_[degree], sketch.bitHash_[degree].reshape(-1, 1).astype(np.float64)
    scales = np.full(len(signs), np.sqrt(sketch.gamma))
    constant = len(signs) if sketch.coef0 == 0 else len(signs) - 1  # the last column is one of ones
    scales[constant:] = np.sqrt(sketch.coef0)
    found = []
    for wave in (np.cos, np.sin):
        weights = scales.reshape(-1, 1) * signs * wave(angles)[places]
        product = b.project(x, weights[:constant])
        found.append(b.combine("Add", product, weights[constant:]) if constant < len(signs) else product)
    return found[0], found[1]
