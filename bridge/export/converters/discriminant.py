"""Discriminant analysis: classes as normal distributions, of one covariance or of one each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from bridge.export.builder import dtype_of
from bridge.export.converters.linear import decide, linear_scores
from bridge.export.converters.links import binary_columns, difference, sigmoid, softmax
from bridge.export.registry import Answer, Labels, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(LinearDiscriminantAnalysis)
def convert_linear_discriminant(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    value = x.matrix()
    scores = linear_scores(b, model.coef_, model.intercept_, value)
    answers = decide(b, scores, model.classes_, model.coef_.shape[0])
    proba = binary_columns(b, sigmoid(b, scores)) if len(model.classes_) == 2 else softmax(b, scores)
    answers["predict_proba"] = proba
    # scikit-learn adds the smallest normal number to zeros: its logarithm is a constant that float32 can hold.
    lowest = np.log(np.finfo(dtype_of(proba)).smallest_normal)
    answers["predict_log_proba"] = b.where(
        b.op("Equal", proba, b.like(0, proba)), b.like(lowest, proba), b.op("Log", proba)
    )
    if model.solver != "lsqr":
        centered = b.combine("Sub", value, model.xbar_) if model.solver == "svd" else value
        scalings = model.scalings_[:, : model._max_components]
        answers["transform"] = x.of(b.project(centered, scalings), scalings.shape[1])
    return answers


@converts(QuadraticDiscriminantAnalysis)
def convert_quadratic_discriminant(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    value = x.matrix()
    squares = b.concat([_squared_distance(b, model, value, i) for i in range(len(model.classes_))])
    log_volumes = np.asarray([np.sum(np.log(s)) for s in model.scalings_]).reshape(1, -1)
    total = b.combine("Add", squares, log_volumes)
    scores = b.combine("Add", b.mul(total, b.like(-0.5, total)), np.log(model.priors_).reshape(1, -1))
    log_proba = b.op("LogSoftmax", scores, axis=-1)
    return {
        "predict": Labels(b.argmax(scores), model.classes_),
        "decision_function": difference(b, scores) if len(model.classes_) == 2 else scores,
        "predict_log_proba": log_proba,
        "predict_proba": b.op("Exp", log_proba),
    }


def _squared_distance(b: Builder, model: Any, x: ir.Value, position: int) -> ir.Value:
    """Return (rows, 1), the squared Mahalanobis distance to one class."""
    centered = b.combine("Sub", x, model.means_[position].reshape(1, -1))
    rotated = b.project(centered, model.rotations_[position] * model.scalings_[position] ** -0.5)
    return b.sum(b.mul(rotated, rotated), keepdims=True)
