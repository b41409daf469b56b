"""The formula of each metric, for the rows of the data and fixed points: (rows, points), in scikit-learn's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.export.builder import dtype_of
from bridge.export.converters.distances import squared_distances, squares_in_order
from bridge.opset import MICROSOFT_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder

    Points = NDArray[Any]
    Term = Callable[[ir.Value, int], ir.Value]

MOST_COLUMNS = 32
"""Up to here squares are added column by column, which has scikit-learn's bits; beyond, scikit-learn's brute force
multiplies matrices itself, and so do we: no array of rows x points x columns is made."""
WHOLE = 2.0**26
"""Sums of products of whole numbers up to here are exact in float64 (for fewer than two columns in 2 to the 52 / 2)."""


def euclidean(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    """Return squares; of whole numbers they are exact in any order of their terms, so that equal ones tie."""
    width = points.shape[1]
    if width <= MOST_COLUMNS:
        # Written out by a lowering, which a search of the nearest replaces by one that multiplies matrices.
        return b.op("CDist", x, b.constant(points), metric="sqeuclidean", domain=MICROSOFT_DOMAIN)
    if dtype_of(x) == np.float64 and (np.abs(points) <= WHOLE).all() and (points == np.rint(points)).all():
        lengths = b.sum(b.mul(x, x), keepdims=True)
        total = b.add(b.add(b.matmul(x, b.constant(-2 * points.T)), lengths), b.constant((points**2).sum(1)[None]))
        return b.op("Max", total, b.like(0, x))
    squares = squared_distances(b, x, points)
    # What is left of two equal rows is rounding, up to this share of their lengths: a distance of 0.
    center = points.mean(axis=0)
    moved = b.combine("Sub", x, center.reshape(1, -1))
    rounding = 4 * width * float(np.finfo(dtype_of(x)).eps)
    own = b.mul(b.sum(b.mul(moved, moved), keepdims=True), b.like(rounding, x))
    least = b.add(own, b.constant(rounding * ((points - center) ** 2).sum(axis=1)[None], dtype_of(x)))
    return b.where(b.op("Less", squares, least), b.like(0, squares), squares)


def seuclidean(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    variances = np.asarray(params["V"], np.float64)
    return _columns(b, x, points, lambda d, j: b.div(b.mul(d, d), b.like(variances[j], d)))


def mahalanobis(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    """Return |(x - y) L|^2 with L L^T the inverse of the covariance."""
    inverse = np.asarray(params["VI"] if "VI" in params else np.linalg.inv(params["V"]), np.float64)
    values, vectors = np.linalg.eigh((inverse + inverse.T) / 2)
    if (values < -1e-12 * np.abs(values).max()).any():
        raise UnsupportedError(
            "the matrix VI of the Mahalanobis distance is not positive: its distances are no numbers"
        )
    root = vectors * np.sqrt(np.maximum(values, 0))
    return euclidean(b, b.project(x, root), points @ root, {})


def manhattan(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    return _columns(b, x, points, lambda d, _j: b.op("Abs", d))


def chebyshev(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    return _columns(b, x, points, lambda d, _j: b.op("Abs", d), join="Max")


def minkowski(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    power, weights = float(params.get("p", 2)), params.get("w")
    if power == np.inf:
        raise UnsupportedError("a Minkowski distance with p=inf and weights w has no formula in bridge; leave w out")

    def term(difference: ir.Value, column: int) -> ir.Value:
        size = b.op("Abs", difference)
        raised = size if power == 1 else b.mul(size, size) if power == 2 else b.op("Pow", size, b.like(power, size))
        return raised if weights is None else b.mul(raised, b.like(weights[column], raised))

    return _columns(b, x, points, term)


def cosine(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    """Return 1 - cos, between 0 and 2; rows up to the parameter `shortest` in length count as zeros."""
    shortest = params["shortest"]
    lengths = np.sqrt((points.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    others = (points / np.where(lengths <= shortest, 1, lengths)).astype(points.dtype)
    length = b.op("Sqrt", b.sum(b.mul(x, x), keepdims=True))
    unit = b.div(x, b.where(b.op("LessOrEqual", length, b.like(shortest, x)), b.like(1, x), length))
    exact = b.clip(b.sub(b.like(1, x), b.matmul(unit, b.constant(others.T))), 0, 2)
    if points.shape[1] > MOST_COLUMNS:  # whose squares of differences are products of matrices too
        return exact
    largest, scaled = _over_largest(b, x)
    size = b.op("Sqrt", b.sum(b.mul(scaled, scaled), keepdims=True))
    is_small = b.op("LessOrEqual", b.mul(largest, size), b.like(shortest, x))
    unit = b.where(is_small, b.like(0, x), b.div(scaled, size))
    halves = _half_square(b, unit, np.where(lengths <= shortest, 0, others))
    # Such a row is at a distance of 1 from all, also from another such.
    missing = b.add(b.where(is_small, b.like(0.5, x), b.like(0, x)), b.like(0.5 * (lengths <= shortest).T, x))
    return b.either(exact, b.add(halves, missing))


def correlation(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    def centered(value: ir.Value) -> ir.Value:
        return b.sub(value, b.div(b.sum(value, keepdims=True), b.like(points.shape[1], x)))

    def unit(value: ir.Value) -> ir.Value:
        return b.div(value, b.op("Sqrt", b.sum(b.mul(value, value), keepdims=True)))

    others = points - points.mean(axis=1, keepdims=True)
    others = others / np.sqrt((others**2).sum(axis=1, keepdims=True))
    exact = b.sub(b.like(1, x), b.matmul(unit(centered(x)), b.like(others.T, x)))
    if points.shape[1] > MOST_COLUMNS:
        return exact
    # What rounding of the first mean leaves is the second.
    return b.either(exact, _half_square(b, unit(centered(centered(_over_largest(b, x)[1]))), others))


def _half_square(b: Builder, unit: ir.Value, others: Points) -> ir.Value:
    """Return |u - v|^2 / 2 = 1 - u.v for vectors of length 1: nothing cancels where they are near."""
    return b.mul(b.like(0.5, unit), euclidean(b, unit, others.astype(dtype_of(unit)), {}))


def _over_largest(b: Builder, x: ir.Value) -> tuple[ir.Value, ir.Value]:
    """Return the largest number of each row, and the rows over it, whose squares float32 has room for."""
    largest = b.row_max(b.op("Abs", x))
    return largest, b.div(x, b.where(b.op("Equal", largest, b.like(0, x)), b.like(1, x), largest))


def canberra(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    total: ir.Value | None = None
    for j in range(points.shape[1]):
        column, other = b.take_columns(x, [j]), b.constant(points[None, :, j])
        size = b.add(b.op("Abs", column), b.constant(np.abs(points[None, :, j])))
        filled = b.where(b.op("Equal", size, b.like(0, size)), b.like(1, size), size)
        term = b.div(b.op("Abs", b.sub(column, other)), filled)
        total = term if total is None else b.add(total, term)
    return _made(total)


def braycurtis(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    sizes: ir.Value | None = None
    for j in range(points.shape[1]):
        size = b.add(b.op("Abs", b.take_columns(x, [j])), b.constant(np.abs(points[None, :, j])))
        sizes = size if sizes is None else b.add(sizes, size)
    total = _made(sizes)
    filled = b.where(b.op("Equal", total, b.like(0, total)), b.like(1, total), total)
    return b.div(manhattan(b, x, points, {}), filled)


def hamming(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    """Return the share of columns that differ."""
    width = points.shape[1]

    def differs(difference: ir.Value, _column: int) -> ir.Value:
        # By differences, not by Equal of infinities: rows are finite.
        return b.op("Abs", b.op("Sign", difference))

    return b.div(_columns(b, x, points, differs), b.like(width, x))


def haversine(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    """Return sin^2(dlat / 2) + cos cos sin^2(dlon / 2) for latitudes and longitudes in radians."""
    half = b.like(0.5, x)
    sines = [b.op("Sin", b.mul(half, b.sub(b.take_columns(x, [j]), b.constant(points[None, :, j])))) for j in range(2)]
    shrink = b.mul(b.op("Cos", b.take_columns(x, [0])), b.constant(np.cos(points[None, :, 0])))
    across = b.mul(b.mul(shrink, sines[1]), sines[1])
    return b.add(b.mul(sines[0], sines[0]), across)


def arcsine(b: Builder, sine: ir.Value) -> ir.Value:
    """Return asin of numbers from 0 to 1, by Newton's method: onnxruntime has no Asin in float64, nor any on CUDA.

    Above 0.7 it is found by pi / 2 - 2 asin(sqrt((1 - s) / 2)), so that the cosine below never vanishes. The first
    guess, s itself, is then off by less than 0.09, and each step squares that: five leave rounding alone.
    """
    large = b.op("Greater", sine, b.like(0.7, sine))
    rest = b.op("Sqrt", b.mul(b.like(0.5, sine), b.clip(b.sub(b.like(1, sine), sine), 0, 1)))
    target = b.where(large, rest, sine)
    angle = target
    for _ in range(5):
        angle = b.add(angle, b.div(b.sub(target, b.op("Sin", angle)), b.op("Cos", angle)))
    return b.where(large, b.sub(b.like(np.pi / 2, angle), b.add(angle, angle)), angle)


def nan_euclidean(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    """Return squares over the columns that both rows have, scaled up to all columns; infinity where they share none."""
    width = points.shape[1]
    ours, theirs = b.op("IsNaN", x), np.isnan(points)
    filled, others = b.where(ours, b.like(0, x), x), np.where(theirs, 0, points)
    here, there = b.cast(b.op("Not", ours), dtype_of(x)), (~theirs).astype(points.dtype)
    shared = b.matmul(here, b.constant(there.T))

    def without_missing(all_columns: ir.Value) -> ir.Value:
        left = b.sub(all_columns, b.matmul(b.mul(filled, filled), b.constant(theirs.T.astype(points.dtype))))
        left = b.sub(left, b.matmul(b.cast(ours, dtype_of(x)), b.constant((others**2).T)))
        return b.op("Max", left, b.like(0, left))

    if width <= MOST_COLUMNS:
        total: ir.Value | None = None
        for j in range(width):
            difference = b.sub(b.take_columns(filled, [j]), b.constant(others[None, :, j]))
            kept = b.mul(b.mul(difference, b.take_columns(here, [j])), b.constant(there[None, :, j]))
            term = b.mul(kept, kept)
            total = term if total is None else b.add(total, term)
        squares = _made(total)
    else:
        squares = without_missing(squared_distances(b, filled, others))
    # Of float32 rows, too, the product is float64, and rounded before anything is taken off it.
    wide = squares_in_order(b, b.cast(filled, np.float64), others.astype(np.float64))
    squares = b.either(without_missing(b.cast(wide, dtype_of(x))), squares)
    nothing = b.op("Equal", shared, b.like(0, shared))
    scaled = b.mul(b.div(squares, b.where(nothing, b.like(1, shared), shared)), b.like(width, shared))
    return b.where(nothing, b.like(np.inf, scaled), scaled)


def binary(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any], *, kind: str) -> ir.Value:
    """Return a distance of sets: a column belongs to a row where it is not 0."""
    ours = b.cast(b.op("Not", b.op("Equal", x, b.like(0, x))), dtype_of(x))
    theirs = (points != 0).astype(points.dtype)
    both = b.matmul(ours, b.constant(theirs.T))
    either = b.sub(b.add(b.sum(ours, keepdims=True), b.constant(theirs.sum(axis=1)[None])), both)
    unequal, width = b.sub(either, both), b.like(points.shape[1], x)
    if kind == "yule":
        ours_alone, theirs_alone = (
            b.sub(b.sum(ours, keepdims=True), both),
            b.sub(b.constant(theirs.sum(axis=1)[None]), both),
        )
        crossed = b.mul(ours_alone, theirs_alone)
        total = b.add(b.mul(both, b.sub(width, either)), crossed)
        nothing = b.op("Equal", crossed, b.like(0, crossed))
        return b.div(b.add(crossed, crossed), b.where(nothing, b.like(1, total), total))
    if kind == "russellrao":
        return b.div(b.sub(width, both), width)
    if kind == "rogerstanimoto":
        return b.div(b.add(unequal, unequal), b.add(width, unequal))
    if kind == "jaccard":
        filled = b.where(b.op("Equal", either, b.like(0, either)), b.like(1, either), either)
        return b.div(unequal, filled)
    share = {"dice": 2.0, "sokalsneath": 0.5}[kind]
    return b.div(unequal, b.add(b.mul(both, b.like(share, both)), unequal))


def _columns(b: Builder, x: ir.Value, points: Points, term: Term, *, join: str = "Add") -> ir.Value:
    """Return the terms of all columns added from left to right, as scikit-learn's loops do, or their largest.

    Float64, also of float32 rows, whose differences are rounded to float32.
    """
    total: ir.Value | None = None
    for j in range(points.shape[1]):
        difference = b.cast(b.sub(b.take_columns(x, [j]), b.constant(points[None, :, j])), np.float64)
        total = term(difference, j) if total is None else b.op(join, total, term(difference, j))
    return _made(total)


def _made(total: ir.Value | None) -> ir.Value:
    if total is None:
        raise UnsupportedError("there are no columns to take distances in")
    return total
