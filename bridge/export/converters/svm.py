"""Support vector machines of libsvm: kernels, votes of pairs, and coupled probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from bridge.export.builder import get_rounding, set_rounding
from bridge.export.converters.coupling import couple
from bridge.export.converters.kernels import kernel_times
from bridge.export.converters.links import sigmoid
from bridge.export.converters.multiclass import ovr_scores
from bridge.export.dense import to_dense
from bridge.export.registry import Answer, Labels, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(SVR, NuSVR)
def convert_support_vector_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return {"predict": _one_decision(b, model, x)}


@converts(OneClassSVM)
def convert_one_class_svm(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    decision = _one_decision(b, model, x)
    inside = b.op("Greater", decision, b.like(0, decision))
    return {
        "predict": b.where(inside, b.constant(1, np.int64), b.constant(-1, np.int64)),
        "decision_function": decision,
        "score_samples": set_rounding(b.combine("Add", decision, model.offset_), get_rounding(decision)),
    }


@converts(SVC, NuSVC)
def convert_support_vector_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Decide each pair of classes: above 0 the first wins. Labels are by votes, whatever the probabilities are."""
    classes = len(model.classes_)
    pairs = b.combine("Add", _weighted_kernel(b, model, x, _pair_weights(model)), model._intercept_)
    second_wins = b.cast(b.op("LessOrEqual", pairs, b.like(0, pairs)), np.float64)
    if classes == 2:
        decision = b.flatten_column(b.op("Neg", pairs))
        index = b.cast(b.flatten_column(second_wins), np.int64)
    else:
        ballots = b.cast(b.op("Less", pairs, b.like(0, pairs)), np.float64)
        by_class = ovr_scores(b, ballots, b.op("Neg", pairs), classes)
        decision = by_class if model.decision_function_shape == "ovr" else pairs
        index = b.argmax(by_class if model.break_ties else _votes(b, second_wins, classes))
    answers: dict[str, Answer] = {"predict": Labels(index, model.classes_), "decision_function": decision}
    if hasattr(model, "predict_proba"):
        slope = b.combine("Mul", pairs, model._probA.reshape(1, -1))
        first_wins = sigmoid(b, b.op("Neg", b.combine("Add", slope, model._probB.reshape(1, -1))))
        answers["predict_proba"] = couple(b, first_wins, classes)
    return answers


def _one_decision(b: Builder, model: Any, x: Block) -> ir.Value:
    """Return (rows,), the decision of a machine that makes one."""
    found = _weighted_kernel(b, model, x, to_dense(model._dual_coef_).astype(np.float64).T)
    return set_rounding(b.flatten_column(b.combine("Add", found, model._intercept_)), get_rounding(found))


def _pair_weights(model: Any) -> NDArray[np.float64]:
    """Return (vectors, pairs): what each support vector adds to the decision between two classes.

    In libsvm, row j - 1 of the coefficients holds those of class i < j against j, and row i those of j against i.
    """
    coefficients, counts = to_dense(model._dual_coef_).astype(np.float64), model._n_support
    owner = np.repeat(np.arange(len(counts)), counts)
    first, second = np.triu_indices(len(counts), 1)
    weights = np.zeros((len(owner), len(first)))
    for pair, (i, j) in enumerate(zip(first, second, strict=True)):
        weights[owner == i, pair] = coefficients[j - 1, owner == i]
        weights[owner == j, pair] = coefficients[i, owner == j]
    return weights


def _votes(b: Builder, second_wins: ir.Value, classes: int) -> ir.Value:
    first, second = np.triu_indices(classes, 1)
    of_first, of_second = np.eye(classes)[first], np.eye(classes)[second]
    return b.combine("Add", b.project(second_wins, of_second - of_first), of_first.sum(axis=0).reshape(1, -1))


def _weighted_kernel(b: Builder, model: Any, x: Block, weights: NDArray[np.float64]) -> ir.Value:
    """Return float64 (rows, k), the kernel with the support vectors times `weights`, as libsvm has it."""
    value = x.matrix(np.float64)
    if isinstance(model.kernel, str) and model.kernel == "precomputed":
        return b.project(b.take_columns(value, model.support_), weights)
    params = {"gamma": model._gamma, "degree": model.degree, "coef0": model.coef0}
    return kernel_times(b, value, to_dense(model.support_vectors_).astype(np.float64), weights, model.kernel, **params)
