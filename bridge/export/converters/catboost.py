"""CatBoost estimators, by their scikit-learn interface."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.export.catboost_reader import Scored, read_catboost
from bridge.export.converters.links import binary_columns, sigmoid, softmax
from bridge.export.registry import Answer, Labels, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder

MULTILABEL = ("MultiLogloss", "MultiCrossEntropy")
"""Losses under which a classifier answers yes or no for each class by itself."""


def _raw_scores(b: Builder, scored: Scored, x: Block) -> ir.Value:
    """Return float64 (rows, dimensions), what CatBoost calls RawFormulaVal; it rounds its input to float32."""
    scores = b.forest(scored.forest, x.matrix(np.float32))
    if scored.scale != 1:
        scores = b.mul(scores, b.constant(scored.scale, np.float64))
    return b.add(scores, b.constant(scored.bias.reshape(1, -1))) if scored.bias.any() else scores


def _shaped(b: Builder, scored: Scored, scores: ir.Value) -> ir.Value:
    return b.flatten_column(scores) if scored.forest.n_outputs == 1 else scores


def _log_sigmoid(b: Builder, x: ir.Value) -> ir.Value:
    """Return -log(1 + exp(-x)) as CatBoost writes it: 0 for large x, -inf where exp(-x) is infinite."""
    return b.op("Neg", b.op("Log", b.add(b.op("Exp", b.op("Neg", x)), b.like(1, x))))


def _log_softmax(b: Builder, x: ir.Value) -> ir.Value:
    shifted = b.sub(x, b.row_max(x))
    return b.sub(shifted, b.op("Log", b.sum(b.op("Exp", shifted), keepdims=True)))


@converts("catboost.core.CatBoostClassifier")
def convert_catboost_classifier(b: Builder, classifier: Any, x: Block) -> Mapping[str, Answer]:
    scored = read_catboost(classifier)
    raw = _raw_scores(b, scored, x)
    loss = classifier._object._get_loss_function_name()
    classes = np.asarray(classifier.classes_)
    if scored.forest.n_outputs == 1:
        share = classifier.get_probability_threshold()
        above = b.op("Greater", raw, b.constant(log(share / (1 - share)), np.float64))
        return {
            "predict": Labels(b.flatten_column(b.cast(above, np.int64)), classes),
            "predict_proba": binary_columns(b, sigmoid(b, raw)),
            "predict_log_proba": b.concat([_log_sigmoid(b, b.op("Neg", raw)), _log_sigmoid(b, raw)]),
        }
    if loss in MULTILABEL:
        return {
            "predict": b.positive(raw),
            "predict_proba": sigmoid(b, raw),
            "predict_log_proba": _log_sigmoid(b, raw),
        }
    one_by_one = loss == "MultiClassOneVsAll"
    return {
        "predict": Labels(b.op("ArgMax", raw, axis=1, keepdims=1), classes),  # (rows, 1), as CatBoost has it
        "predict_proba": sigmoid(b, raw) if one_by_one else softmax(b, raw),
        "predict_log_proba": _log_sigmoid(b, raw) if one_by_one else _log_softmax(b, raw),
    }


@converts("catboost.core.CatBoostRegressor")
def convert_catboost_regressor(b: Builder, regressor: Any, x: Block) -> Mapping[str, Answer]:
    scored = read_catboost(regressor)
    raw = _raw_scores(b, scored, x)
    kind = regressor._get_default_prediction_type()
    if kind == "Exponent":
        raw = b.op("Exp", raw)
    elif kind == "RMSEWithUncertainty":  # the mean, and the logarithm of the standard deviation
        mean, deviation = (b.take_columns(raw, [i]) for i in (0, 1))
        raw = b.concat([mean, b.op("Exp", b.add(deviation, deviation))])
    elif kind != "RawFormulaVal":
        raise UnsupportedError(f"{type(regressor).__name__}.predict answers with {kind}, which has no lowering")
    return {"predict": _shaped(b, scored, raw)}


@converts("catboost.core.CatBoost", "catboost.core.CatBoostRanker")
def convert_catboost(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Return the raw scores, whatever the loss."""
    scored = read_catboost(model)
    return {"predict": _shaped(b, scored, _raw_scores(b, scored, x))}
