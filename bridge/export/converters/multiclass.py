"""Classifiers made of binary ones: one against the rest, one against one, output codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.multiclass import (
    OneVsOneClassifier,
    OneVsRestClassifier,
    OutputCodeClassifier,
    _ConstantPredictor,
    _threshold_for_binary_predict,
)

from bridge.errors import UnsupportedError
from bridge.export.converters.delegates import ask, binary_score, column, side_by_side
from bridge.export.converters.distances import argmin, squared_distances
from bridge.export.converters.links import binary_columns
from bridge.export.registry import Answer, Labels, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(_ConstantPredictor)
def convert_constant_predictor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    constant = np.ravel(model.y_)[:1]
    value = b.flatten_column(b.repeat_row(constant, x.parts[0].value))
    share = np.array([1 - constant[0], constant[0]], np.float64)
    return {
        "predict": value,
        "decision_function": value,
        "predict_proba": b.repeat_row(share, x.parts[0].value),
    }


@converts(OneVsRestClassifier)
def convert_one_vs_rest(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    members = model.estimators_
    scores = side_by_side(b, [binary_score(b, e, x) for e in members])
    answers: dict[str, Answer] = {}
    if model.label_binarizer_.y_type_ == "multiclass":
        answers["predict"] = Labels(b.argmax(scores), model.classes_)
    else:
        threshold = b.like(_threshold_for_binary_predict(members[0]), scores)
        above = b.cast(b.op("Greater", scores, threshold), np.int64)
        answers["predict"] = above if model.multilabel_ else Labels(b.flatten_column(above), model.classes_)
    if hasattr(model, "decision_function"):
        decisions = [column(b, ask(b, e, x, "decision_function")) for e in members]
        together = side_by_side(b, decisions)
        answers["decision_function"] = together if len(members) > 1 else b.flatten_column(together)
    if hasattr(model, "predict_proba"):
        positive = side_by_side(b, [b.take_columns(ask(b, e, x, "predict_proba"), [1]) for e in members])
        proba = binary_columns(b, positive) if len(members) == 1 else positive
        answers["predict_proba"] = proba if model.multilabel_ else _shares(b, proba)
    return answers


def _shares(b: Builder, proba: ir.Value) -> ir.Value:
    """Return rows divided by their sum, rows of zeros as they are."""
    total = b.sum(proba, keepdims=True)
    return b.div(proba, b.where(b.op("Equal", total, b.like(0, total)), b.like(1, total), total))


@converts(OneVsOneClassifier)
def convert_one_vs_one(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    if model.pairwise_indices_ is not None:
        raise UnsupportedError("OneVsOneClassifier over a precomputed kernel cannot be exported")
    members = model.estimators_
    ballots = b.concat([column(b, b.cast(ask(b, e, x, "predict"), np.float64)) for e in members])
    confidences = b.cast(side_by_side(b, [binary_score(b, e, x) for e in members]), np.float64)
    scores = ovr_scores(b, ballots, confidences, len(model.classes_))
    if len(model.classes_) > 2:
        return {"predict": Labels(b.argmax(scores), model.classes_), "decision_function": scores}
    score = b.flatten_column(b.take_columns(scores, [1]))
    threshold = b.like(_threshold_for_binary_predict(members[0]), score)
    above = b.cast(b.op("Greater", score, threshold), np.int64)
    return {"predict": Labels(above, model.classes_), "decision_function": score}


def ovr_scores(b: Builder, ballots: ir.Value, confidences: ir.Value, classes: int) -> ir.Value:
    """Return `sklearn.utils.multiclass._ovr_decision_function`: votes, with ties broken by summed confidences.

    `ballots` holds 1.0 where the second class of a pair wins, else 0.0; pairs are in the order (0, 1), (0, 2), ...
    """
    first, second = np.triu_indices(classes, 1)
    of_first = np.eye(classes)[first]
    of_second = np.eye(classes)[second]
    # A pair votes for its second class where the ballot is 1, and otherwise for its first.
    votes = b.combine("Add", b.project(ballots, of_second - of_first), of_first.sum(axis=0).reshape(1, -1))
    sums = b.project(confidences, of_second - of_first)
    size = b.add(b.op("Abs", sums), b.like(1, sums))
    return b.add(votes, b.div(sums, b.mul(size, b.like(3, size))))


@converts(OutputCodeClassifier)
def convert_output_code(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    scores = b.cast(side_by_side(b, [binary_score(b, e, x) for e in model.estimators_]), np.float64)
    nearest = argmin(b, squared_distances(b, scores, model.code_book_.astype(np.float64)))
    return {"predict": Labels(nearest, model.classes_)}
