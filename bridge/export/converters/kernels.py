"""Kernels between the rows of the data and fixed points, as `sklearn.metrics.pairwise` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.metrics.pairwise import pairwise_kernels

from bridge.errors import UnsupportedError
from bridge.export.builder import Rounding, dtype_of, set_rounding
from bridge.export.converters.distances import squared_distances, sum_over_columns
from bridge.export.dense import to_dense
from bridge.export.held import hold_positive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir
    from numpy.typing import DTypeLike, NDArray

    from bridge.export.builder import Builder

    Points = NDArray[np.floating[Any]]
    Kernel = Callable[[Builder, ir.Value, Points, Mapping[str, Any]], ir.Value]


def pairwise_kernel(b: Builder, x: ir.Value, points: Any, kernel: Any, **params: Any) -> ir.Value:
    """Return (rows, points) as `pairwise_kernels(x, points, kernel, filter_params=True, **params)`.

    Parameters that are None take scikit-learn's defaults. A matrix of kernels, "precomputed", is `x` itself.
    """
    if callable(kernel):
        raise UnsupportedError(
            "a kernel that is a function cannot be exported.\n"
            f"Use one of {', '.join(map(repr, KERNELS))}, or 'precomputed' and give the kernel's values as the data."
        )
    if kernel == "precomputed":
        return x
    dense = to_dense(points)
    # As `check_pairwise_arrays`: float32 where both sides are, else float64.
    dtype = np.float32 if dtype_of(x) == dense.dtype == np.float32 else np.float64
    known = {name: value for name, value in params.items() if value is not None}
    if kernel == "cosine":
        known["shortest"] = shortest_direction(points, dtype)
    return KERNELS[kernel](b, b.cast(x, dtype), dense.astype(dtype), known)


def kernel_times(
    b: Builder, x: ir.Value, points: Any, weights: NDArray[np.floating[Any]], kernel: Any, **params: Any
) -> ir.Value:
    """Return (rows, k), the kernel times weights (points, k), with a note of what one rounding of each kernel makes.

    A kernel that is a product of rows is not computed: the points and weights are one matrix, in which nothing cancels.
    """
    if isinstance(kernel, str) and kernel in ("linear", "cosine"):
        dense = to_dense(points)
        dense = dense if dense.dtype.kind == "f" else dense.astype(np.float64)
        x = x if dtype_of(x).kind == "f" else b.cast(x, np.float64)
        rows, columns = x, dense
        if kernel == "cosine":
            shortest = shortest_direction(points, np.result_type(dtype_of(x), dense.dtype))
            rows, columns = _directions(b, x, shortest), _unit_rows(dense, shortest)
        dtype = np.result_type(dense.dtype, weights.dtype)
        found = b.project(rows, (columns.T.astype(np.float64) @ weights).astype(dtype))
    else:
        found = b.project(pairwise_kernel(b, x, points, kernel, **params), weights)
    if kernel == "precomputed" or callable(kernel):
        return found
    few = points[:: max(1, points.shape[0] // 100)]
    known = {name: value for name, value in params.items() if value is not None}
    values = pairwise_kernels(few, points, metric=kernel, filter_params=True, **known)
    size = np.abs(values @ weights).max(initial=0.0)
    unit = np.finfo(values.dtype if values.dtype.kind == "f" else np.float64).epsneg
    error = unit * (np.abs(values).astype(np.float64) @ np.abs(weights)).max(initial=0.0)
    return set_rounding(found, Rounding(float(error), float(size)))


def pairwise_diagonal(b: Builder, x: ir.Value, kernel: str, width: int, **params: Any) -> ir.Value | float:
    """Return (rows, 1), the kernel of each row of `width` columns with itself, or the number that all of them are."""
    if kernel in ("rbf", "laplacian", "chi2", "additive_chi2"):
        return 0.0 if kernel == "additive_chi2" else 1.0
    squares = b.sum(b.mul(x, x), keepdims=True)
    if kernel == "cosine":
        return b.where(b.op("Equal", squares, b.like(0, squares)), b.like(0, squares), b.like(1, squares))
    if kernel == "linear":
        return squares
    gamma = params.get("gamma")
    scaled = b.mul(squares, b.like(1.0 / width if gamma is None else gamma, squares))
    product = b.add(scaled, b.like(params.get("coef0", 1), scaled))
    return b.op("Tanh", product) if kernel == "sigmoid" else power(b, product, params.get("degree", 3))


def _linear(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    return b.project(x, points.T)


def _polynomial(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    return power(b, _affine(b, x, points, params), params.get("degree", 3))


def _sigmoid(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    return b.op("Tanh", _affine(b, x, points, params))


def _affine(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    """Return gamma * x.p + coef0; gamma goes into the points, as a factor behind a product may be folded in float32."""
    product = b.project(x, (_gamma(points, params) * points.astype(np.float64)).T.astype(points.dtype))
    coef0 = params.get("coef0", 1)
    return b.add(product, b.like(np.full((1, len(points)), float(coef0)), product)) if coef0 else product


def _rbf(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    # euclidean_distances computes in float64 also where both sides are float32, and rounds the squares.
    squares = b.cast(squared_distances(b, b.cast(x, np.float64), points.astype(np.float64)), dtype_of(x))
    return b.op("Exp", b.mul(squares, b.like(-_gamma(points, params), squares)))


def _laplacian(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    def distance(column: ir.Value, values: Points) -> ir.Value:
        return b.op("Abs", b.combine("Sub", column, values))

    total = sum_over_columns(b, b.cast(x, np.float64), points.astype(np.float64), distance)
    return b.op("Exp", b.mul(total, b.like(-_gamma(points, params), total)))


def _cosine(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    shortest = params["shortest"]
    return b.project(_directions(b, x, shortest), _unit_rows(points, shortest).T)


def shortest_direction(points: Any, dtype: DTypeLike) -> float:
    """Return up to which length a row stays as it is in `sklearn.preprocessing.normalize`: 10 eps, if not sparse."""
    return 0.0 if sparse.issparse(points) else float(np.nextafter(10 * np.finfo(dtype).eps, 0))


def _directions(b: Builder, x: ir.Value, shortest: float) -> ir.Value:
    lengths = b.op("Sqrt", b.sum(b.mul(x, x), keepdims=True))
    is_short = b.op("LessOrEqual", lengths, b.like(shortest, lengths))
    return b.div(x, b.where(is_short, b.like(1, lengths), lengths))


def _unit_rows(points: Points, shortest: float) -> Points:
    lengths = np.sqrt((points * points).sum(axis=1, keepdims=True))
    return np.asarray(points / np.where(lengths <= shortest, 1, lengths))


def _additive_chi2(b: Builder, x: ir.Value, points: Points, _params: Mapping[str, Any]) -> ir.Value:
    def term(column: ir.Value, values: Points) -> ir.Value:
        apart, total = b.combine("Sub", column, values), b.combine("Add", column, values)
        is_zero = b.op("Equal", total, b.like(0, total))
        share = b.div(b.mul(apart, apart), b.where(is_zero, b.like(1, total), total))
        return b.where(is_zero, b.like(0, share), share)

    x = hold_positive(b, x, reason="the kernels 'chi2' and 'additive_chi2' take no negative numbers")
    squares = sum_over_columns(b, b.cast(x, np.float64), points.astype(np.float64), term)
    return b.cast(b.op("Neg", squares), dtype_of(x))


def _chi2(b: Builder, x: ir.Value, points: Points, params: Mapping[str, Any]) -> ir.Value:
    distance = _additive_chi2(b, x, points, params)
    return b.op("Exp", b.mul(distance, b.like(params.get("gamma", 1.0), distance)))


def _gamma(points: Points, params: Mapping[str, Any]) -> float:
    return float(params.get("gamma", 1.0 / points.shape[1]))


KERNELS: dict[str, Kernel] = {
    "additive_chi2": _additive_chi2,
    "chi2": _chi2,
    "cosine": _cosine,
    "laplacian": _laplacian,
    "linear": _linear,
    "poly": _polynomial,
    "polynomial": _polynomial,
    "rbf": _rbf,
    "sigmoid": _sigmoid,
}


def power(b: Builder, base: ir.Value, exponent: float) -> ir.Value:
    """Return `base ** exponent`; whole powers by repeated squaring, which a GPU's Pow does not give to the last bit."""
    degree = int(exponent)
    if degree != exponent or not 0 < degree <= 16:
        return b.op("Pow", base, b.like(exponent, base))
    result: ir.Value | None = None
    while degree:
        if degree % 2:
            result = base if result is None else b.mul(result, base)
        degree //= 2
        base = b.mul(base, base) if degree else base
    return base if result is None else result
