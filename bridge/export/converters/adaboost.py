"""AdaBoost: weighted votes of classifiers, the weighted median of regressors; trees become one forest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from bridge.export.converters.delegates import ask, column, divided, positions
from bridge.export.converters.links import softmax
from bridge.export.converters.voting import cast_votes
from bridge.export.registry import Answer, Labels, converts
from bridge.export.tree_reader import read_trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder

_CLASSIFIERS = (DecisionTreeClassifier, ExtraTreeClassifier)
_REGRESSORS = (DecisionTreeRegressor, ExtraTreeRegressor)


@converts(AdaBoostClassifier)
def convert_ada_boost_classifier(b: Builder, boosting: Any, x: Block) -> Mapping[str, Answer]:
    """Give each class the weights of its voters, and take from the others their share (SAMME, Zhu et al. 2009)."""
    classes = len(boosting.classes_)
    if classes == 1:
        ones = b.repeat_row([1.0], x.parts[0].value)
        zeros = b.repeat_row([0.0], x.parts[0].value)
        return {"predict": Labels(b.argmax(ones), boosting.classes_), "predict_proba": ones, "decision_function": zeros}
    votes = _votes(b, boosting, x)
    scores = divided(b, votes, float(np.sum(boosting.estimator_weights_[: len(boosting.estimators_)])))
    if classes > 2:
        proba = softmax(b, divided(b, scores, classes - 1))
        labels = Labels(b.argmax(scores), boosting.classes_)
        return {"predict": labels, "predict_proba": proba, "decision_function": scores}
    decision = b.sub(b.take_columns(scores, [1]), b.take_columns(scores, [0]))
    score = b.flatten_column(decision)
    proba = softmax(b, divided(b, b.concat([b.op("Neg", decision), decision]), 2))
    labels = Labels(b.positive(score), boosting.classes_)
    return {"predict": labels, "predict_proba": proba, "decision_function": score}


def _votes(b: Builder, boosting: Any, x: Block) -> ir.Value:
    """Return float64 (rows, classes): each estimator adds w to the class that it names, -w / (k - 1) to the others."""
    members, classes = boosting.estimators_, boosting.classes_
    weights = boosting.estimator_weights_[: len(members)]
    share = 1 / (len(classes) - 1)
    if all(type(e) in _CLASSIFIERS for e in members):
        scores = (
            np.where(member.classes_[member.tree_.value[:, 0, :].argmax(axis=1)][:, None] == classes, w, -share * w)
            for member, w in zip(members, weights, strict=True)
        )
        return b.forest(read_trees([member.tree_ for member in members], scores), x.matrix(np.float32))
    ballots = b.concat([column(b, positions(b, e, x, classes)) for e in members])
    for_class = cast_votes(b, ballots, len(classes), weights * (1 + share))
    return b.sub(for_class, b.constant(float(share * weights.sum())))


@converts(AdaBoostRegressor)
def convert_ada_boost_regressor(b: Builder, boosting: Any, x: Block) -> Mapping[str, Answer]:
    """Take the first prediction, in their order, at which half of the weight is reached."""
    predictions = _predictions(b, boosting, x)
    count = len(boosting.estimators_)
    values, order = b.sorted_rows(predictions, count)
    weights = b.op("Gather", b.constant(boosting.estimator_weights_[:count], np.float64), order, axis=0)
    reached = b.op("CumSum", weights, b.constant(1, np.int64))
    half = b.mul(b.take_columns(reached, [count - 1]), b.constant(0.5))
    # ArgMax takes no bool, and on CUDA no integers.
    first = b.op("ArgMax", b.cast(b.op("GreaterOrEqual", reached, half), np.float32), axis=1, keepdims=1)
    return {"predict": b.flatten_column(b.op("GatherElements", values, first, axis=1))}


def _predictions(b: Builder, boosting: Any, x: Block) -> ir.Value:
    """Return (rows, estimators)."""
    members = boosting.estimators_
    if not all(type(e) in _REGRESSORS for e in members):
        return b.concat([column(b, ask(b, e, x, "predict")) for e in members])
    scores = (np.where(np.arange(len(members)) == i, m.tree_.value[:, 0], 0.0) for i, m in enumerate(members))
    return b.forest(read_trees([member.tree_ for member in members], scores), x.matrix(np.float32))
