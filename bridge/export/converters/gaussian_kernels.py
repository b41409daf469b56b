"""The kernels of Gaussian processes: between the data and the training rows, and of each row with itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from sklearn.gaussian_process import kernels

from bridge.errors import UnsupportedError
from bridge.export.builder import dtype_of
from bridge.export.converters.distances import squared_distances, sum_over_columns
from bridge.export.converters.elementary import log1p
from bridge.export.converters.kernels import pairwise_diagonal, pairwise_kernel, power

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bridge.export.builder import Builder

    Points = NDArray[np.floating[Any]]
    _Formula = Callable[[Builder, Any, ir.Value, Points], ir.Value | float]

LEAST_COLUMNS = 4
MOST_SPREAD = 4.0
"""Squared distances are taken from one product for so many columns, and points within so many squared length scales."""
MIXTURE_STEP = 0.26
"""Between the logarithms of two rates of a Matern kernel of any nu. The sum converges as exp(-pi^2 / step)."""


def kernel_matrix(b: Builder, kernel: Any, x: ir.Value, points: Any) -> ir.Value:
    """Return `kernel(x, points)`, (rows, points), in NumPy's dtype; x is float32 or float64."""
    found = _between(b, kernel, x, np.asarray(points, None if np.asarray(points).dtype.kind == "f" else np.float64))
    return found if isinstance(found, ir.Value) else b.repeat_row(np.full(len(points), found), x)


def kernel_diagonal(b: Builder, kernel: Any, x: ir.Value, width: int) -> ir.Value:
    """Return `kernel.diag(x)`, (rows, 1), for x of `width` columns."""
    found = _with_itself(b, kernel, x, width)
    return found if isinstance(found, ir.Value) else b.repeat_row([found], x)


def _between(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value | float:
    """Return (rows, points), or the number that all of them are."""
    return _formula(kernel)(b, kernel, x, points)


def _formula(kernel: Any) -> _Formula:
    if type(kernel) not in _KERNELS:
        raise UnsupportedError(
            f"a Gaussian process with a {type(kernel).__name__} cannot be exported: its formula is not known.\n"
            f"Use {', '.join(sorted(cls.__name__ for cls in _KERNELS))}."
        )
    return _KERNELS[type(kernel)]


def _sum(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value | float:
    return _joined(b, "Add", _between(b, kernel.k1, x, points), _between(b, kernel.k2, x, points))


def _product(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value | float:
    return _joined(b, "Mul", _between(b, kernel.k1, x, points), _between(b, kernel.k2, x, points))


def _exponentiation(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value | float:
    return _raised(b, _between(b, kernel.kernel, x, points), kernel.exponent)


def _joined(b: Builder, op_type: str, one: ir.Value | float, other: ir.Value | float) -> ir.Value | float:
    if not isinstance(one, ir.Value):
        one, other = other, one
    if not isinstance(one, ir.Value):
        return one + other if op_type == "Add" else one * other
    if isinstance(other, ir.Value):
        wide = np.result_type(dtype_of(one), dtype_of(other))
        return b.op(op_type, b.cast(one, wide), b.cast(other, wide))
    return b.combine(op_type, one, np.full((1, 1), other, np.float64))


def _raised(b: Builder, value: ir.Value | float, exponent: float) -> ir.Value | float:
    return power(b, value, exponent) if isinstance(value, ir.Value) else value**exponent


def _constant(_b: Builder, kernel: Any, _x: ir.Value, _points: Points) -> float:
    return float(kernel.constant_value)


def _white(_b: Builder, _kernel: Any, _x: ir.Value, _points: Points) -> float:
    return 0.0


def _rbf(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value:
    squares = _squares(b, x, points, kernel.length_scale)
    return b.op("Exp", b.mul(squares, b.like(-0.5, squares)))


def _matern(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value:
    squares = _squares(b, x, points, kernel.length_scale, smooth=kernel.nu > 1)
    if kernel.nu == np.inf:
        return b.op("Exp", b.mul(squares, b.like(-0.5, squares)))
    if kernel.nu % 1 != 0.5 or kernel.nu > 8:
        return _mixture(b, squares, kernel.nu)
    distance = b.op("Sqrt", squares)
    return _half_integer(b, b.mul(distance, b.like(math.sqrt(2 * kernel.nu), distance)), int(kernel.nu))


def _half_integer(b: Builder, distance: ir.Value, degree: int) -> ir.Value:
    """Return exp(-t) times the polynomial of a Matern kernel of nu = degree + 1/2, by Horner's rule.

    Rasmussen and Williams 2006, equation 4.16.
    """
    decay = b.op("Exp", b.op("Neg", distance))
    if not degree:
        return decay
    # The coefficient of (2t)^k is degree! / (2 degree)! * (2 degree - k)! / (k! (degree - k)!).
    scale = math.factorial(degree) / math.factorial(2 * degree)
    factors = [
        scale * 2**k * math.factorial(2 * degree - k) / (math.factorial(k) * math.factorial(degree - k))
        for k in range(degree + 1)
    ]
    series = b.mul(distance, b.like(factors[-1], distance))
    for factor in factors[-2:0:-1]:
        series = b.mul(b.add(series, b.like(factor, distance)), distance)
    return b.mul(b.add(series, b.like(1, distance)), decay)


def _mixture(b: Builder, squares: ir.Value, nu: float) -> ir.Value:
    """Return a Matern kernel of any nu as a sum of Gaussian ones, in which nothing cancels.

    With t the distance times sqrt(2 nu), t^nu K_nu(t) 2^(1 - nu) / Gamma(nu) is the integral over all w of
    exp(nu w - e^w - t^2 / 4 e^-w) / Gamma(nu) (DLMF 10.32.10, with its variable as e^w), and sums of equal steps
    converge to that of such a function to the last bit.
    """
    low, high = -37.0 / nu, math.log(745.0 + nu)
    w = low + MIXTURE_STEP * np.arange(math.ceil((high - low) / MIXTURE_STEP))
    weights = MIXTURE_STEP * np.exp(nu * w - np.exp(w) - math.lgamma(nu))
    kept = weights > 0
    rates = (-0.5 * nu * np.exp(-w))[kept]
    # scikit-learn moves distances of 0 to the smallest number beside 1, because its Bessel function is infinite at 0.
    least = np.finfo(np.float64).eps ** 2
    moved = b.where(b.op("Equal", squares, b.like(0, squares)), b.like(least, squares), squares)
    deep = b.op("Unsqueeze", moved, b.constant([2], np.int64))
    parts = b.op("Exp", b.mul(deep, b.like(rates.reshape(1, 1, -1), squares)))
    return b.sum(b.mul(parts, b.like(weights[kept].reshape(1, 1, -1), squares)), axis=2)


def _rational_quadratic(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value:
    # Not (1 + ...) ** -alpha: alpha grows large where an RBF kernel fits better, and 1 + a small number loses digits.
    squares = _squares(b, x, points, kernel.length_scale)
    log = log1p(b, b.div(squares, b.like(2 * kernel.alpha, squares)))
    return b.op("Exp", b.mul(log, b.like(-kernel.alpha, log)))


def _exp_sine_squared(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value:
    distance = b.op("Sqrt", _squares(b, x, points, 1.0, smooth=False))
    wave = b.op("Sin", b.mul(distance, b.like(np.pi / kernel.periodicity, distance)))
    scaled = b.div(wave, b.like(kernel.length_scale, wave))
    return b.op("Exp", b.mul(b.mul(scaled, scaled), b.like(-2, scaled)))


def _dot_product(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value:
    products = b.project(x, points.T)
    return b.combine("Add", products, np.full((1, 1), kernel.sigma_0**2, np.float64))


def _pairwise(b: Builder, kernel: Any, x: ir.Value, points: Points) -> ir.Value:
    return pairwise_kernel(b, x, points, kernel.metric, **_options(kernel))


def _options(kernel: Any) -> dict[str, Any]:
    return {**(kernel.pairwise_kernels_kwargs or {}), "gamma": kernel.gamma}


def _squares(b: Builder, x: ir.Value, points: Points, length_scale: Any, *, smooth: bool = True) -> ir.Value:
    """Return float64 (rows, points), the squared distances of `x / length_scale`, from differences as `cdist` has them.

    Not from products, which cancel: the coefficients behind a kernel are large, and training rows are among the data.
    But where the points lie so close together that only some roundings are lost, and the kernel is `smooth` at 0, one
    product takes less than half of the time (1,000 points of 10 columns).
    """
    scale = np.asarray(length_scale, np.float64).reshape(1, -1)
    scaled = b.combine("Div", b.cast(x, np.float64), scale) if np.any(scale != 1) else b.cast(x, np.float64)
    places = points.astype(np.float64) / scale
    farthest = np.square(places - places.mean(axis=0)).sum(axis=1).max()
    if smooth and places.shape[1] >= LEAST_COLUMNS and farthest <= MOST_SPREAD:
        return squared_distances(b, scaled, places)

    def square(column: ir.Value, values: Points) -> ir.Value:
        apart = b.combine("Sub", column, values)
        return b.mul(apart, apart)

    return sum_over_columns(b, scaled, places, square)


_KERNELS: dict[type, _Formula] = {
    kernels.ConstantKernel: _constant,
    kernels.DotProduct: _dot_product,
    kernels.Exponentiation: _exponentiation,
    kernels.ExpSineSquared: _exp_sine_squared,
    kernels.Matern: _matern,
    kernels.PairwiseKernel: _pairwise,
    kernels.Product: _product,
    kernels.RBF: _rbf,
    kernels.RationalQuadratic: _rational_quadratic,
    kernels.Sum: _sum,
    kernels.WhiteKernel: _white,
}


def _with_itself(b: Builder, kernel: Any, x: ir.Value, width: int) -> ir.Value | float:
    """Return (rows, 1), or the number that all of them are."""
    _formula(kernel)
    match kernel:
        case kernels.Sum() | kernels.Product():
            parts = [_with_itself(b, k, x, width) for k in (kernel.k1, kernel.k2)]
            return _joined(b, "Add" if isinstance(kernel, kernels.Sum) else "Mul", *parts)
        case kernels.Exponentiation():
            return _raised(b, _with_itself(b, kernel.kernel, x, width), kernel.exponent)
        case kernels.ConstantKernel() | kernels.WhiteKernel():
            return float(kernel.constant_value if isinstance(kernel, kernels.ConstantKernel) else kernel.noise_level)
        case kernels.DotProduct():
            return b.combine("Add", b.sum(b.mul(x, x), keepdims=True), np.full((1, 1), kernel.sigma_0**2, np.float64))
        case kernels.PairwiseKernel():
            return pairwise_diagonal(b, x, kernel.metric, width, **_options(kernel))
        case _:
            return 1.0
