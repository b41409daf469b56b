"""Gaussian processes: the mean, and the standard deviation or the probability that the variance makes of it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from scipy.linalg import solve_triangular
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process._gpc import COEFS, LAMBDAS, _BinaryGaussianProcessClassifierLaplace
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from bridge.export.builder import Rounding, dtype_of, set_rounding
from bridge.export.converters.error_function import mixed_error_functions
from bridge.export.converters.gaussian_kernels import kernel_diagonal, kernel_matrix
from bridge.export.converters.links import binary_columns
from bridge.export.registry import Answer, Labels, convert, converts
from bridge.method import PREDICT_STD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(GaussianProcessRegressor)
def convert_gaussian_process_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    value = x.floats()
    if not hasattr(model, "X_train_"):
        return _prior(b, model, x, value)
    kernel = kernel_matrix(b, model.kernel_, value, model.X_train_)
    targets = 1 if model.alpha_.ndim == 1 else model.alpha_.shape[1]
    scale, shift = (np.reshape(v, (1, -1)) for v in (model._y_train_std, model._y_train_mean))
    mean = b.project(kernel, model.alpha_.reshape(-1, targets))
    mean = b.combine("Add", b.combine("Mul", mean, scale), shift)
    variance = _variance(b, model, x, kernel, np.eye(len(model.L_)))
    variance = b.op("Max", variance, b.like(0, variance))
    std = b.op("Sqrt", b.combine("Mul", variance, scale**2))
    mean, std = (b.flatten_column(mean), b.flatten_column(std)) if targets == 1 else (mean, std)
    of_mean, of_variance = _roundings(model)
    return {"predict": set_rounding(mean, of_mean), PREDICT_STD: set_rounding(std, of_variance)}


def _roundings(model: Any) -> tuple[Rounding, Rounding]:
    """Return what a rounding of every number adds up to in the mean and in the variance, on up to 100 training rows.

    The mean is a sum of coefficients times kernels. The variance is what is left of k(x, x) without |v|^2, where a
    rounding of L and k, in L v = k, changes v by |L^-1| (|L| |v| + |k|) (Higham 2002, section 7.2).
    """
    rows = model.X_train_[:: max(1, len(model.X_train_) // 100)]
    kernel = model.kernel_(model.X_train_, rows)
    solved = np.abs(solve_triangular(model.L_, kernel, lower=True, check_finite=False))
    inverse = np.abs(solve_triangular(model.L_, np.eye(len(model.L_)), lower=True, check_finite=False))
    moved = inverse @ (np.abs(model.L_) @ solved + np.abs(kernel))
    variance = 2 * (moved * solved).sum(axis=0) + 2 * model.kernel_.diag(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # variances below 0
        mean, std = model.predict(rows, return_std=True)
    # Some kernels of float32 rows are sums in float32.
    is_wide = np.array_equal(kernel, model.kernel_(model.X_train_.astype(np.float64), rows.astype(np.float64)))
    # RationalQuadratic raises 1 + a small number to the power of -alpha, and with it the rounding of that sum.
    powers = [v for name, v in model.kernel_.get_params().items() if name.split("__")[-1] == "alpha"]
    unit = float(np.finfo(np.float64 if is_wide else np.float32).epsneg) * max([1.0, *powers])
    deviation = np.max(model._y_train_std)
    return (
        Rounding(unit * float((np.abs(kernel).T @ np.abs(model.alpha_)).max() * deviation), float(np.abs(mean).max())),
        Rounding(unit * float(variance.max() * deviation**2), float(np.square(std).max()), in_square=True),
    )


def _prior(b: Builder, model: Any, x: Block, value: ir.Value) -> Mapping[str, Answer]:
    """Return what an unfitted process expects: 0, and the kernel of each row with itself."""
    kernel = ConstantKernel(1.0) * RBF(1.0) if model.kernel is None else model.kernel
    targets = model.n_targets or 1
    mean = b.repeat_row(np.zeros(targets), value)
    std = b.op("Sqrt", kernel_diagonal(b, kernel, value, x.width))
    if targets == 1:
        return {"predict": b.flatten_column(mean), PREDICT_STD: b.flatten_column(std)}
    return {"predict": mean, PREDICT_STD: b.add(b.cast(mean, dtype_of(std)), std)}


@converts(_BinaryGaussianProcessClassifierLaplace)
def convert_binary_gaussian_process(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    kernel = kernel_matrix(b, model.kernel_, x.floats(), model.X_train_)
    mean = b.project(kernel, (model.y_train_ - model.pi_).reshape(-1, 1))
    variance = _variance(b, model, x, kernel, np.diag(model.W_sr_))
    proba = mixed_error_functions(b, mean, variance, LAMBDAS.ravel(), COEFS.ravel())
    return {
        "predict": Labels(b.flatten_column(b.positive(mean)), model.classes_),
        "predict_proba": binary_columns(b, proba),
    }


@converts(GaussianProcessClassifier)
def convert_gaussian_process_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    answers = dict(convert(b, model.base_estimator_, x))
    if isinstance(proba := answers.get("predict_proba"), ir.Value):
        # Williams and Barber's factors are thousands, and cancel to 1.
        unit = np.finfo(np.float64).epsneg
        answers["predict_proba"] = set_rounding(proba, Rounding(float(unit * np.abs(COEFS).sum() / 2), size=1.0))
    return answers


def _variance(b: Builder, model: Any, x: Block, kernel: ir.Value, weights: NDArray[np.floating[Any]]) -> ir.Value:
    """Return (rows, 1), k(x, x) - |L^-1 @ weights @ k(X, x)|^2; the inverse is solved for once, here."""
    solved = solve_triangular(model.L_, weights, lower=True, check_finite=False)
    explained = b.project(kernel, solved.T)
    part = b.sum(b.mul(explained, explained), keepdims=True)
    total = kernel_diagonal(b, model.kernel_, x.floats(), x.width)
    wide = np.result_type(dtype_of(total), dtype_of(part))
    return b.sub(b.cast(total, wide), b.cast(part, wide))
