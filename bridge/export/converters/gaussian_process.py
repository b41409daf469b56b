"""Gaussian processes: the mean, and the standard deviation or the probability that the variance makes of it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process._gpc import COEFS, LAMBDAS, _BinaryGaussianProcessClassifierLaplace
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from bridge.export.builder import Rounding, dtype_of, set_rounding
from bridge.export.converters.error_function import mixed_error_functions
from bridge.export.converters.gaussian_kernels import kernel_diagonal
from bridge.export.converters.gaussian_posterior import Posterior
from bridge.export.converters.links import binary_columns
from bridge.export.registry import Answer, Labels, convert, converts
from bridge.method import PREDICT_STD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(GaussianProcessRegressor)
def convert_gaussian_process_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    if not hasattr(model, "X_train_"):
        return _prior(b, model, x, x.floats())
    targets = 1 if model.alpha_.ndim == 1 else model.alpha_.shape[1]
    rows = len(model.X_train_)
    with np.errstate(divide="ignore"):
        precisions = 1.0 / np.broadcast_to(np.asarray(model.alpha, np.float64), rows)
    coefficients = model.alpha_.reshape(rows, targets)
    posterior = Posterior(model.kernel_, model.X_train_, coefficients, model.L_, np.ones(rows), precisions)
    scale, shift = (np.reshape(v, (1, -1)) for v in (model._y_train_std, model._y_train_mean))
    mean, variance = posterior.write(b, x)
    mean = b.combine("Add", b.combine("Mul", mean, scale), shift)
    variance = b.op("Max", variance, b.like(0, variance))
    std = b.op("Sqrt", b.combine("Mul", variance, scale**2))
    mean, std = (b.flatten_column(mean), b.flatten_column(std)) if targets == 1 else (mean, std)
    of_mean, of_variance = posterior.roundings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # variances below 0
        means, deviations = model.predict(posterior.some_rows(), return_std=True)
    widest = float(scale.max())
    return {
        "predict": set_rounding(mean, Rounding(of_mean * widest, float(np.abs(means).max()))),
        PREDICT_STD: set_rounding(
            std, Rounding(of_variance * widest**2, float(np.square(deviations).max()), in_square=True)
        ),
    }


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
    mean, variance = _posterior(model).write(b, x)
    proba = mixed_error_functions(b, mean, variance, LAMBDAS.ravel(), COEFS.ravel())
    return {
        "predict": Labels(b.flatten_column(b.positive(mean)), model.classes_),
        "predict_proba": binary_columns(b, proba),
    }


@converts(GaussianProcessClassifier)
def convert_gaussian_process_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    answers = dict(convert(b, model.base_estimator_, x))
    if isinstance(proba := answers.get("predict_proba"), ir.Value):
        parts = [model.base_estimator_] if model.n_classes_ == 2 else model.base_estimator_.estimators_
        answers["predict_proba"] = set_rounding(proba, Rounding(max(map(_rounding, parts)), size=1.0))
    return answers


def _posterior(model: Any) -> Posterior:
    coefficients = (model.y_train_ - model.pi_).reshape(-1, 1)
    return Posterior(model.kernel_, model.X_train_, coefficients, model.L_, model.W_sr_, np.square(model.W_sr_))


def _rounding(model: Any) -> float:
    """Return what a rounding of every number adds up to in a probability.

    Williams and Barber's factors are thousands, and cancel to 1. A logistic function rises by 1/4 at most, and by less
    than 1/10 with the variance.
    """
    of_mean, of_variance = _posterior(model).roundings()
    return float(np.finfo(np.float64).epsneg * np.abs(COEFS).sum() / 2) + of_mean / 4 + of_variance / 10
