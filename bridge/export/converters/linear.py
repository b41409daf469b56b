"""Linear models: a matrix product, an intercept, and a link."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lars,
    LarsCV,
    Lasso,
    LassoCV,
    LassoLars,
    LassoLarsCV,
    LassoLarsIC,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
    OrthogonalMatchingPursuit,
    OrthogonalMatchingPursuitCV,
    PassiveAggressiveClassifier,
    PassiveAggressiveRegressor,
    Perceptron,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDOneClassSVM,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.svm import LinearSVC, LinearSVR

from bridge.export.builder import dtype_of
from bridge.export.converters.distances import quadratic_form
from bridge.export.converters.links import binary_columns, sigmoid, softmax
from bridge.export.dense import to_dense
from bridge.export.registry import Answer, Labels, convert, converts
from bridge.method import PREDICT_STD

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


def linear_scores(b: Builder, coef: Any, intercept: Any, x: ir.Value) -> ir.Value:
    """Return `x @ coef.T + intercept`, (rows, outputs), in NumPy's dtypes; a vector `coef` has one output."""
    weights = to_dense(coef)
    product = b.project(x, np.atleast_2d(weights).T)
    if isinstance(intercept, (int, float)) and not isinstance(intercept, np.generic):
        intercept = np.asarray(intercept, dtype_of(product))  # Python's numbers take the dtype of the array
    shift = np.asarray(intercept).reshape(1, -1)
    if not shift.any() and np.result_type(dtype_of(product), shift.dtype) == dtype_of(product):
        return product
    return b.combine("Add", product, shift)


def decide(b: Builder, scores: ir.Value, classes: Any, outputs: int) -> dict[str, Answer]:
    """Return predict and decision_function of a `LinearClassifierMixin` with scores (rows, outputs)."""
    if outputs > 1:
        return {"predict": Labels(b.argmax(scores), classes), "decision_function": scores}
    score = b.flatten_column(scores)
    return {"predict": Labels(b.positive(score), classes), "decision_function": score}


def one_against_rest(b: Builder, scores: ir.Value, outputs: int) -> ir.Value:
    """Return probabilities as `LinearClassifierMixin._predict_proba_lr`: one logistic function a class, normalised."""
    positive = sigmoid(b, scores)
    return binary_columns(b, positive) if outputs == 1 else normalize_or_uniform(b, positive, outputs)


def normalize_or_uniform(b: Builder, values: ir.Value, outputs: int) -> ir.Value:
    """Return rows divided by their sum; rows of zeros become uniform."""
    total = b.sum(values, keepdims=True)
    is_zero = b.op("Equal", total, b.like(0, total))
    values = b.where(is_zero, b.like(1, values), values)
    return b.div(values, b.where(is_zero, b.like(outputs, total), total))


@converts(LogisticRegression, LogisticRegressionCV)
def convert_logistic_regression(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    scores = linear_scores(b, model.coef_, model.intercept_, x.matrix())
    proba = binary_columns(b, sigmoid(b, scores)) if len(model.classes_) <= 2 else softmax(b, scores)
    return {**decide(b, scores, model.classes_, model.coef_.shape[0]), "predict_proba": proba}


@converts(LinearSVC, PassiveAggressiveClassifier, Perceptron)
def convert_linear_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    scores = linear_scores(b, model.coef_, model.intercept_, x.matrix())
    return decide(b, scores, model.classes_, model.coef_.shape[0])


@converts(SGDClassifier)
def convert_sgd_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    outputs = model.coef_.shape[0]
    scores = linear_scores(b, model.coef_, model.intercept_, x.matrix())
    answers = decide(b, scores, model.classes_, outputs)
    if model.loss == "log_loss":
        answers["predict_proba"] = one_against_rest(b, scores, outputs)
    elif model.loss == "modified_huber":
        clipped = b.add(b.clip(scores, -1, 1), b.like(1, scores))
        positive = b.div(clipped, b.like(2, scores))
        two = outputs == 1
        answers["predict_proba"] = binary_columns(b, positive) if two else normalize_or_uniform(b, positive, outputs)
    return answers


@converts(RidgeClassifier, RidgeClassifierCV)
def convert_ridge_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    scores = linear_scores(b, model.coef_, model.intercept_, x.matrix())
    if model._label_binarizer.y_type_.startswith("multilabel"):
        return {"predict": b.positive(scores), "decision_function": scores}
    return decide(b, scores, model.classes_, np.atleast_2d(model.coef_).shape[0])


@converts(ARDRegression, BayesianRidge)
def convert_bayesian_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Add the uncertainty of the coefficients that a row multiplies, (x - offset) @ sigma @ (x - offset), to the noise.

    ARDRegression keeps `sigma_` for the columns that it did not prune.
    """
    value = x.matrix()
    centered = b.combine("Sub", value, np.asarray(model.X_offset_).reshape(1, -1))
    sigma = model.sigma_
    if isinstance(model, ARDRegression):
        kept = model.lambda_ < model.threshold_lambda
        sigma = np.zeros((len(kept), len(kept)), sigma.dtype)
        sigma[np.ix_(kept, kept)] = model.sigma_
    spread = quadratic_form(b, centered, sigma)
    values = linear_scores(b, model.coef_, model.intercept_, value)
    return {
        "predict": b.flatten_column(values),
        PREDICT_STD: b.op("Sqrt", b.combine("Add", spread, np.asarray(1.0 / model.alpha_))),
    }


@converts(
    ElasticNet,
    ElasticNetCV,
    HuberRegressor,
    Lars,
    LarsCV,
    Lasso,
    LassoCV,
    LassoLars,
    LassoLarsCV,
    LassoLarsIC,
    LinearRegression,
    LinearSVR,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
    OrthogonalMatchingPursuit,
    OrthogonalMatchingPursuitCV,
    PassiveAggressiveRegressor,
    QuantileRegressor,
    Ridge,
    RidgeCV,
    SGDRegressor,
    TheilSenRegressor,
)
def convert_linear_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    values = linear_scores(b, model.coef_, model.intercept_, x.matrix())
    return {"predict": b.flatten_column(values) if model.coef_.ndim == 1 else values}


@converts(GammaRegressor, PoissonRegressor, TweedieRegressor)
def convert_generalized_linear_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    raw = b.flatten_column(linear_scores(b, model.coef_, model.intercept_, x.floats()))
    return {"predict": raw if type(model._base_loss.link).__name__ == "IdentityLink" else b.op("Exp", raw)}


@converts(RANSACRegressor)
def convert_ransac_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return {"predict": convert(b, model.estimator_, x)["predict"]}


@converts(SGDOneClassSVM)
def convert_sgd_one_class_svm(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    decision = b.flatten_column(linear_scores(b, model.coef_, -np.asarray(model.offset_), x.matrix()))
    inside = b.op("GreaterOrEqual", decision, b.like(0, decision))
    return {
        "predict": b.where(inside, b.constant(1, np.int64), b.constant(-1, np.int64)),
        "decision_function": decision,
        "score_samples": b.combine("Add", decision, model.offset_),
    }
