"""Distances between the rows of the data and fixed points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.export.builder import dtype_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir as ir
    from numpy.typing import ArrayLike, NDArray

    from bridge.export.builder import Builder


MOST_UNROLLED = 32
"""Up to this many columns are summed one by one."""


def squared_distances(b: Builder, x: ir.Value, points: NDArray[np.floating]) -> ir.Value:
    """Return (rows, points), the squared Euclidean distances |x|^2 - 2 x.p + |p|^2, not below 0.

    Both are moved so that the points' mean is the origin: the same distances, from numbers that cancel less.
    """
    wide = np.result_type(dtype_of(x), points.dtype)
    origin = points.astype(np.float64).mean(axis=0)
    moved = points - origin
    centered = b.sub(b.cast(x, wide), b.constant(origin.reshape(1, -1), wide))
    lengths = b.sum(b.mul(centered, centered), keepdims=True)
    # The factor -2 goes into the constant: a power of two rounds nothing.
    products = b.matmul(centered, b.constant(-2 * moved.T, wide))
    total = b.add(b.add(products, lengths), b.constant((moved**2).sum(axis=1).reshape(1, -1), wide))
    return b.op("Max", total, b.constant(0, wide))


def squares_in_order(b: Builder, x: ir.Value, points: NDArray[np.floating]) -> ir.Value:
    """Return (rows, points), squared distances in the order of `sklearn.metrics.pairwise.euclidean_distances`.

    It adds the lengths of rows to a product of matrices: beside large numbers that leaves little but its rounding,
    which has to be met. The product is one chain of fused multiply-adds a number in OpenBLAS and in onnxruntime; the
    lengths are einsum's.
    """
    total = b.add(b.matmul(x, b.constant(-2 * points.T)), row_norms(b, x, points.shape[1]))
    total = b.add(total, b.constant(np.einsum("ij,ij->i", points, points)[None]))
    return b.op("Max", total, b.like(0, total))


def row_norms(b: Builder, x: ir.Value, width: int) -> ir.Value:
    """Return (rows, 1), the sums of squares, with the bits of NumPy's einsum on x86-64.

    It adds pairs of columns, four pairs at a time from the last to the first, and then the two halves (NumPy 2, the
    same numbers for 1 to 100 columns).
    """
    squares = b.mul(x, x)
    pairs = [[i, i + 1] for i in range(0, width - 1, 2)]
    whole = len(pairs) - len(pairs) % 4
    order = [pair for start in range(0, whole, 4) for pair in reversed(pairs[start : start + 4])] + pairs[whole:]
    total: ir.Value | None = None
    for pair in order:
        taken = b.take_columns(squares, pair)
        total = taken if total is None else b.add(taken, total)
    last = b.take_columns(squares, [width - 1])
    if total is None:
        return last
    even = b.take_columns(total, [0])
    return b.add(b.add(last, even) if width % 2 else even, b.take_columns(total, [1]))


def differences(b: Builder, x: ir.Value, points: ArrayLike) -> ir.Value:
    """Return (rows, points, columns), x - p for every point."""
    return b.combine("Sub", b.op("Unsqueeze", x, b.constant([1], np.int64)), np.asarray(points)[np.newaxis])


def sum_over_columns(
    b: Builder,
    x: ir.Value,
    points: NDArray[np.floating[Any]],
    term: Callable[[ir.Value, NDArray[np.floating[Any]]], ir.Value],
) -> ir.Value:
    """Return (rows, points), the sum of what `term` makes of each column of `x` beside that column of the points.

    Few columns one after the other, as SciPy sums them, to the last bit; many in one array of three dimensions.
    """
    if points.shape[1] > MOST_UNROLLED:
        return b.sum(term(b.op("Unsqueeze", x, b.constant([1], np.int64)), points[np.newaxis]), axis=2)
    total: ir.Value | None = None
    for i in range(points.shape[1]):
        found = term(b.take_columns(x, [i]), points[:, i].reshape(1, -1))
        total = found if total is None else b.add(total, found)
    if total is None:
        raise TypeError("points without columns")
    return total


def quadratic_form(b: Builder, x: ir.Value, matrix: NDArray[np.floating]) -> ir.Value:
    """Return (rows,), x @ matrix @ x.

    For a positive matrix by its Cholesky factor, as a sum of squares: nothing cancels in the sum, which in float32
    leaves 2e-6 of an error where 1e-4 was (569 rows of 30 correlated columns). The form asks for the mean of the matrix
    and its mirror image alone; an inverse that was rounded to float32 is as symmetric as that rounding leaves it.
    """
    wide = matrix.astype(np.float64)
    try:
        factor = np.linalg.cholesky((wide + wide.T) / 2).astype(matrix.dtype)
    except np.linalg.LinAlgError:
        return b.sum(b.mul(b.project(x, matrix), x))
    product = b.project(x, factor)
    return b.sum(b.mul(product, product))


def argmin(b: Builder, values: ir.Value) -> ir.Value:
    """Return the int64 index (rows,) of the smallest column, the first one of equals."""
    return b.argmax(b.op("Neg", values))
