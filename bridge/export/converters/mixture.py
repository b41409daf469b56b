"""Gaussian mixtures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import digamma
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.mixture._gaussian_mixture import _compute_log_det_cholesky

from bridge.export.builder import dtype_of
from bridge.export.converters.distances import differences
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(GaussianMixture)
def convert_gaussian_mixture(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return _answers(b, model, x, np.zeros(len(model.means_)))


@converts(BayesianGaussianMixture)
def convert_bayesian_gaussian_mixture(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Add what `BayesianGaussianMixture._estimate_log_prob` adds to the Gaussian log-probability of each component."""
    width = model.n_features_in_
    degrees = 0.5 * (model.degrees_of_freedom_ - np.arange(width)[:, np.newaxis])
    log_lambda = width * np.log(2.0) + digamma(degrees).sum(axis=0)
    freedom = 0.5 * width * np.log(model.degrees_of_freedom_)
    return _answers(b, model, x, 0.5 * (log_lambda - width / model.mean_precision_) - freedom)


def _answers(b: Builder, model: Any, x: Block, extra: NDArray[np.float64]) -> Mapping[str, Answer]:
    width = model.n_features_in_
    value = x.matrix()
    is_narrower = np.result_type(dtype_of(value), model.means_.dtype) != dtype_of(value)
    squares = (_rounded_squares if is_narrower else _mahalanobis_squares)(b, model, value)
    log_det = _compute_log_det_cholesky(model.precisions_cholesky_, model.covariance_type, width)
    total = b.add(squares, b.like(width * np.log(2 * np.pi), squares))
    constant = log_det + model._estimate_log_weights() + extra
    scores = b.combine("Add", b.mul(total, b.like(-0.5, total)), constant.reshape(1, -1))
    # log(sum(exp(scores))) is the score less its logarithm of a softmax, the same for every component.
    shares = b.op("LogSoftmax", scores, axis=-1)
    largest = b.row_max(scores)
    total = b.sum(b.op("Exp", b.sub(scores, largest)), keepdims=True)
    return {
        "predict": b.argmax(scores),
        "predict_proba": b.op("Exp", shares),
        "score_samples": b.flatten_column(b.add(largest, b.op("Log", total))),
    }


def _rounded_squares(b: Builder, model: Any, x: ir.Value) -> ir.Value:
    """Return (rows, components) for rows of another dtype than the model, in which scikit-learn keeps parts of it.

    Squares of whole numbers are cut to whole numbers, where the covariance is "full" or "tied".
    """
    means, roots = model.means_, model.precisions_cholesky_
    if model.covariance_type in ("full", "tied"):
        kept = b.cast(_mahalanobis_squares(b, model, x), dtype_of(x))
        return kept if dtype_of(x) == np.float32 else b.cast(kept, np.float64)
    if dtype_of(x) != np.float32:
        return _mahalanobis_squares(b, model, x)
    precisions = roots**2
    squares = b.mul(x, x)
    if model.covariance_type == "diag":
        of_means = (means**2 * precisions).sum(axis=1)
        own, both = b.project(squares, precisions.T), b.project(x, -2.0 * (means * precisions).T)
    else:
        of_means = (means**2).sum(axis=1) * precisions
        own = b.project(b.sum(squares, keepdims=True), precisions.reshape(1, -1))
        both = b.project(x, -2.0 * means.T * precisions)
    return b.add(b.combine("Add", both, of_means.reshape(1, -1)), own)


def _mahalanobis_squares(b: Builder, model: Any, x: ir.Value) -> ir.Value:
    """Return (rows, components), |(x - mean) @ cholesky|^2 of each component."""
    means, roots = model.means_, model.precisions_cholesky_
    kind = model.covariance_type
    if kind in ("diag", "spherical"):
        scale = roots if kind == "diag" else roots[:, np.newaxis]
        apart = b.combine("Mul", differences(b, x, means), scale[np.newaxis])
    elif kind == "tied":
        apart = differences(b, b.project(x, roots), means @ roots)
    else:
        components, width, _ = roots.shape
        shift = np.concatenate([mean @ root for mean, root in zip(means, roots, strict=True)])
        apart = b.combine("Sub", b.project(x, np.concatenate(roots, axis=1)), shift.reshape(1, -1))
        apart = b.reshape(apart, [-1, components, width])
    return b.sum(b.mul(apart, apart), axis=2)
