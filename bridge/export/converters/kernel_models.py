"""Models of kernels between the data and the training rows: KernelRidge, KernelPCA, KernelCenterer and Nystroem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import KernelCenterer

from bridge.export.builder import get_rounding, set_rounding
from bridge.export.converters.kernels import kernel_times
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(KernelRidge)
def convert_kernel_ridge(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    params = {"gamma": model.gamma, "degree": model.degree, "coef0": model.coef0}
    dual = np.asarray(model.dual_coef_)
    values = kernel_times(b, x.matrix(), model.X_fit_, dual.reshape(len(dual), -1), model.kernel, **params)
    rounding = get_rounding(values)
    return {"predict": set_rounding(b.flatten_column(values) if dual.ndim == 1 else values, rounding)}


@converts(KernelPCA)
def convert_kernel_pca(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Project the centered kernel on the eigenvectors over the roots of their eigenvalues; those of 0 give 0.

    The centering goes into the projection: k - mean(k) as a matrix, and the means of the columns as a constant.
    """
    vectors = scaled_vectors(model)
    centerer = model._centerer
    moved_vectors = vectors - vectors.mean(axis=0)
    shift = (centerer.K_fit_all_ - centerer.K_fit_rows_) @ vectors
    params = {"gamma": model.gamma_, "degree": model.degree, "coef0": model.coef0}
    values = kernel_times(b, x.matrix(), model.X_fit_, moved_vectors, model.kernel, **params)
    moved = b.combine("Add", values, shift.reshape(1, -1))
    return {"transform": x.of(set_rounding(moved, get_rounding(values)), vectors.shape[1])}


@converts(KernelCenterer)
def convert_kernel_centerer(b: Builder, centerer: Any, x: Block) -> Mapping[str, Answer]:
    return {"transform": x.of(centered(b, centerer, x.floats()), x.width)}


@converts(Nystroem)
def convert_nystroem(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    params = model._get_kernel_params()
    values = kernel_times(b, x.matrix(), model.components_, model.normalization_.T, model.kernel, **params)
    return {"transform": x.of(values, len(model.normalization_))}


def scaled_vectors(pca: Any) -> NDArray[np.floating[Any]]:
    """Return (points, components), a KernelPCA's eigenvectors over the roots of their eigenvalues; for 0, zeros."""
    vectors = np.zeros_like(pca.eigenvectors_)
    kept = np.flatnonzero(pca.eigenvalues_)
    vectors[:, kept] = pca.eigenvectors_[:, kept] / np.sqrt(pca.eigenvalues_[kept])
    return np.asarray(vectors)


def centered(b: Builder, centerer: Any, kernel: ir.Value) -> ir.Value:
    """Return the kernel less the means of its columns and rows, in the dtype that it has."""
    total = b.sum(kernel, keepdims=True)
    means = b.div(total, b.like(centerer.K_fit_rows_.shape[0], total))
    moved = b.sub(b.in_place("Sub", kernel, centerer.K_fit_rows_.reshape(1, -1)), means)
    return b.in_place("Add", moved, np.reshape(centerer.K_fit_all_, (1, 1)))
