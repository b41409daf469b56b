"""Mean and variance of a Gaussian process at new rows, and how far rounding alone moves them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import solve_triangular
from sklearn.gaussian_process import kernels

from bridge.export.builder import dtype_of
from bridge.export.converters.gaussian_kernels import kernel_diagonal, kernel_matrix

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

    Floats = NDArray[np.floating[Any]]

MOST_ROWS = 100
"""On so many training rows the rounding is measured."""


@dataclass(frozen=True)
class Posterior:
    """A fitted process.

    Attributes
    ----------
    kernel, points
        The kernel, and the training rows.
    coefficients
        (points, targets): the mean is the kernel with the points, times these.
    factor
        (points, points), lower triangular; with v = factor^-1 (scales * k), the variance is k(x, x) - |v|^2.
    scales
        (points,).
    precisions
        (points,): of what was observed at the points, without a WhiteKernel's noise.
    """

    kernel: Any
    points: Floats
    coefficients: Floats
    factor: Floats
    scales: Floats
    precisions: Floats

    def write(self, b: Builder, x: Block) -> tuple[ir.Value, ir.Value]:
        """Return the mean (rows, targets) and the variance (rows, 1)."""
        value = x.floats()
        linear = _linear_part(self.kernel)
        if linear is not None and x.width < len(self.points):
            return self._write_linear(b, x.matrix(np.float64), linear)
        kernel = kernel_matrix(b, self.kernel, value, self.points)
        solved = b.project(kernel, (self._inverse * self.scales).T)
        part = b.sum(b.mul(solved, solved), keepdims=True)
        total = kernel_diagonal(b, self.kernel, value, x.width)
        wide = np.result_type(dtype_of(total), dtype_of(part))
        return b.project(kernel, self.coefficients), b.sub(b.cast(total, wide), b.cast(part, wide))

    def _write_linear(self, b: Builder, x: ir.Value, linear: _Linear) -> tuple[ir.Value, ir.Value]:
        """Write a process whose kernel is slope x.y + offset as the linear model that it is.

        With f = (sqrt(offset), sqrt(slope) x), the variance is noise + f (1 + F^T D F)^-1 f (Woodbury), a sum of
        squares, where k(x, x) - |v|^2 cancels all digits of rows that are far from 0.
        """
        points = self.points.astype(np.float64)
        mean = b.project(x, linear.slope * points.T @ self.coefficients)
        mean = b.combine("Add", mean, linear.offset * self.coefficients.sum(axis=0, keepdims=True))
        features = np.hstack([np.full((len(points), 1), np.sqrt(linear.offset)), np.sqrt(linear.slope) * points])
        precisions = self.precisions / (1 + linear.noise * self.precisions)
        root = np.linalg.cholesky(np.eye(features.shape[1]) + features.T @ (precisions[:, np.newaxis] * features))
        inverse = solve_triangular(root, np.eye(len(root)), lower=True).T
        solved = b.project(x, np.sqrt(linear.slope) * inverse[1:])
        solved = b.combine("Add", solved, np.sqrt(linear.offset) * inverse[:1])
        part = b.sum(b.mul(solved, solved), keepdims=True)
        return mean, b.combine("Add", part, np.full((1, 1), linear.noise))

    def roundings(self) -> tuple[float, float]:
        """Return what a rounding of every number adds up to in the mean and in the variance, on some training rows.

        The mean is a sum of coefficients times kernels. The variance is what is left of k(x, x) without |v|^2, where a
        rounding of L and k, in L v = k, changes v by |L^-1| (|L| |v| + |k|) (Higham 2002, section 7.2).
        """
        rows = self.some_rows()
        kernel = self.kernel(self.points, rows)
        scaled = self.scales[:, np.newaxis] * kernel
        solved = np.abs(solve_triangular(self.factor, scaled, lower=True, check_finite=False))
        moved = np.abs(self._inverse) @ (np.abs(self.factor) @ solved + np.abs(scaled))
        variance = 2 * (moved * solved).sum(axis=0) + 2 * self.kernel.diag(rows)
        mean = np.abs(kernel).T @ np.abs(self.coefficients)
        # Some kernels of float32 rows are sums in float32.
        is_wide = np.array_equal(kernel, self.kernel(self.points.astype(np.float64), rows.astype(np.float64)))
        # RationalQuadratic raises 1 + a small number to the power of -alpha, and with it the rounding of that sum.
        powers = [v for name, v in self.kernel.get_params().items() if name.split("__")[-1] == "alpha"]
        unit = float(np.finfo(np.float64 if is_wide else np.float32).epsneg) * max([1.0, *powers])
        return unit * float(mean.max()), unit * float(variance.max())

    def some_rows(self) -> Floats:
        return self.points[:: max(1, len(self.points) // MOST_ROWS)]

    @cached_property
    def _inverse(self) -> Floats:
        identity = np.eye(len(self.factor))
        return np.asarray(solve_triangular(self.factor, identity, lower=True, check_finite=False))


@dataclass(frozen=True)
class _Linear:
    """The kernel slope x.y + offset, and noise where a row meets itself."""

    slope: float
    offset: float
    noise: float


def _linear_part(kernel: Any) -> _Linear | None:
    """Return a kernel that is made of DotProduct, constants and noise in this form, else None."""
    match kernel:
        case kernels.DotProduct():
            return _Linear(1.0, float(kernel.sigma_0) ** 2, 0.0)
        case kernels.ConstantKernel():
            return _Linear(0.0, float(kernel.constant_value), 0.0)
        case kernels.WhiteKernel():
            return _Linear(0.0, 0.0, float(kernel.noise_level))
        case kernels.Sum() | kernels.Product():
            one, other = _linear_part(kernel.k1), _linear_part(kernel.k2)
            join = _added if isinstance(kernel, kernels.Sum) else _multiplied
            return join(one, other) if one is not None and other is not None else None
        case _:
            return None


def _added(one: _Linear, other: _Linear) -> _Linear:
    return _Linear(one.slope + other.slope, one.offset + other.offset, one.noise + other.noise)


def _multiplied(one: _Linear, other: _Linear) -> _Linear | None:
    """Return the product where one is a constant."""
    constant, rest = (one, other) if not one.slope + one.noise else (other, one)
    if constant.slope + constant.noise:
        return None
    return _Linear(constant.offset * rest.slope, constant.offset * rest.offset, constant.offset * rest.noise)
