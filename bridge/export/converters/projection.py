"""Linear projections: PCA and its relatives, FactorAnalysis, FastICA, SparsePCA, random projections, BernoulliRBM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg
from sklearn.decomposition import (
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    MiniBatchSparsePCA,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.linear_model import ridge_regression
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from sklearn.utils.extmath import fast_logdet

from bridge.export.builder import dtype_of
from bridge.export.converters.links import sigmoid
from bridge.export.dense import to_dense
from bridge.export.registry import Answer, Refused, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(PCA, IncrementalPCA)
def convert_pca(b: Builder, pca: Any, x: Block) -> Mapping[str, Answer]:
    """Project, then subtract the projected mean, as `_BasePCA._transform` does."""
    floats = x.floats()
    value = b.project(floats, pca.components_.T)
    value = b.in_place("Sub", value, pca.mean_.reshape(1, -1) @ pca.components_.T)
    if pca.whiten:
        scale = np.sqrt(pca.explained_variance_)
        value = b.in_place("Div", value, np.maximum(scale, np.finfo(scale.dtype).eps))
    answers: dict[str, Answer] = {"transform": x.of(value, len(pca.components_))}
    if hasattr(pca, "score_samples"):
        answers["score_samples"] = _log_likelihood(b, pca, b.combine("Sub", floats, pca.mean_))
    return answers


def _log_likelihood(b: Builder, model: Any, centered: ir.Value) -> ir.Value:
    """Return the Gaussian log-likelihood of each row (Bishop 2006, section 12.2.1)."""
    precision = model.get_precision()
    squares = b.sum(b.mul(centered, b.project(centered, precision)))
    constant = 0.5 * (model.n_features_in_ * np.log(2.0 * np.pi) - fast_logdet(precision))
    return b.in_place("Sub", b.mul(squares, b.like(-0.5, squares)), np.asarray(constant, dtype_of(squares)))


@converts(TruncatedSVD)
def convert_truncated_svd(b: Builder, svd: Any, x: Block) -> Mapping[str, Answer]:
    return {"transform": x.of(b.project(x.matrix(), svd.components_.T), len(svd.components_))}


@converts(FactorAnalysis)
def convert_factor_analysis(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Return the expected latent variables (Barber 2012, formula 21.2.33)."""
    components = model.components_
    centered = b.combine("Sub", x.matrix(), model.mean_)
    weighted = components / model.noise_variance_
    covariance = linalg.inv(np.eye(len(components)) + weighted @ components.T)
    value = b.project(b.project(centered, weighted.T), covariance)
    return {
        "transform": x.of(value, len(components)),
        "score_samples": _log_likelihood(b, model, centered),
    }


@converts(FastICA)
def convert_fast_ica(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    value = b.in_place("Sub", x.floats(), model.mean_) if model.whiten else x.floats()
    return {"transform": x.of(b.project(value, model.components_.T), len(model.components_))}


@converts(SparsePCA, MiniBatchSparsePCA)
def convert_sparse_pca(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Return the ridge regression of the centered rows on the components, which is linear in the rows."""
    components = model.components_
    each_column = np.eye(components.shape[1], dtype=components.dtype)
    weights = ridge_regression(components.T, each_column, model.ridge_alpha, solver="cholesky")
    centered = b.cast(b.combine("Sub", x.matrix(), model.mean_), components.dtype)
    return {"transform": x.of(b.project(centered, np.reshape(weights, (-1, len(components)))), len(components))}


@converts(GaussianRandomProjection, SparseRandomProjection)
def convert_random_projection(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    value = b.project(x.floats(), to_dense(model.components_).T)
    keeps_sparse = x.sparse and not getattr(model, "dense_output", True)
    return {"transform": replace(x.of(value, model.n_components_), sparse=keeps_sparse)}


@converts(BernoulliRBM)
def convert_bernoulli_rbm(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Return the probability that each hidden unit is on."""
    value = b.in_place("Add", b.project(x.floats(), model.components_.T), model.intercept_hidden_)
    return {
        "transform": x.of(sigmoid(b, value), len(model.components_)),
        "score_samples": Refused("it flips a random unit of each row, and answers otherwise at every call"),
    }


@converts(NeighborhoodComponentsAnalysis)
def convert_neighborhood_components(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return {"transform": x.of(b.project(x.matrix(), model.components_.T), len(model.components_))}
