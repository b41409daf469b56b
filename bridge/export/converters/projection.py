"""Linear projections: PCA, IncrementalPCA and TruncatedSVD."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.utils.extmath import fast_logdet

from bridge.export.builder import dtype_of
from bridge.export.registry import Answer, converts

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
        answers["score_samples"] = _log_likelihood(b, pca, floats)
    return answers


def _log_likelihood(b: Builder, pca: Any, x: ir.Value) -> ir.Value:
    """Return the Gaussian log-likelihood of each row (Bishop 2006, section 12.2.1)."""
    precision = pca.get_precision()
    centered = b.combine("Sub", x, pca.mean_)
    squares = b.sum(b.mul(centered, b.project(centered, precision)))
    constant = 0.5 * (pca.n_features_in_ * np.log(2.0 * np.pi) - fast_logdet(precision))
    return b.in_place("Sub", b.mul(squares, b.like(-0.5, squares)), np.asarray(constant, dtype_of(squares)))


@converts(TruncatedSVD)
def convert_truncated_svd(b: Builder, svd: Any, x: Block) -> Mapping[str, Answer]:
    return {"transform": x.of(b.project(x.matrix(), svd.components_.T), len(svd.components_))}
