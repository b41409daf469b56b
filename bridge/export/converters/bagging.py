"""Bagging: estimators fitted on samples of the rows and of the columns; trees become one forest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from bridge.export.builder import dtype_of
from bridge.export.converters.delegates import ask, column, divided, positions, total
from bridge.export.converters.elementary import log1p
from bridge.export.converters.voting import cast_votes
from bridge.export.registry import Answer, Labels, converts
from bridge.export.tree_reader import read_trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

_TREES = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)


@converts(BaggingRegressor)
def convert_bagging_regressor(b: Builder, bagging: Any, x: Block) -> Mapping[str, Answer]:
    """Average the predictions, in the shape that the estimators give them: a column a target, if there are several."""
    count = len(bagging.estimators_)
    if _are_trees(bagging):
        return {"predict": b.flatten_column(divided(b, _tree_sum(b, bagging, x), count))}
    predictions = [ask(b, e, block, "predict") for e, block in _members(bagging, x)]
    return {"predict": divided(b, total(b, predictions), count)}


@converts(BaggingClassifier)
def convert_bagging_classifier(b: Builder, bagging: Any, x: Block) -> Mapping[str, Answer]:
    """Average probabilities, or votes where there are none; the estimators know the labels as 0, 1, ..."""
    count, classes = len(bagging.estimators_), bagging.n_classes_
    if _are_trees(bagging):
        proba = divided(b, _tree_sum(b, bagging, x), count)
    elif hasattr(bagging.estimators_[0], "predict_proba"):
        parts = [_spread(b, e, ask(b, e, block, "predict_proba"), classes, 0.0) for e, block in _members(bagging, x)]
        proba = divided(b, b.cast(total(b, parts), np.float64), count)
    else:
        places = np.arange(classes)
        ballots = b.concat([column(b, positions(b, e, block, places)) for e, block in _members(bagging, x)])
        proba = divided(b, cast_votes(b, ballots, classes, np.ones(count)), count)
    answers: dict[str, Answer] = {"predict": Labels(b.argmax(proba), bagging.classes_), "predict_proba": proba}
    if hasattr(bagging.estimator_, "predict_log_proba") and not _are_trees(bagging):
        answers["predict_log_proba"] = _mean_of_logs(b, bagging, x)
    if hasattr(bagging, "decision_function"):
        decisions = [ask(b, e, block, "decision_function") for e, block in _members(bagging, x)]
        answers["decision_function"] = divided(b, total(b, decisions), count)
    return answers


def _are_trees(bagging: Any) -> bool:
    return all(type(e) in _TREES and e.n_outputs_ == 1 for e in bagging.estimators_)


def _tree_sum(b: Builder, bagging: Any, x: Block) -> ir.Value:
    """Return the float64 (rows, outputs) sum of the trees, each of which sees its own columns."""
    members = bagging.estimators_
    scores = (
        _class_columns(e, bagging) if isinstance(bagging, BaggingClassifier) else e.tree_.value[:, 0] for e in members
    )
    features = (np.asarray(columns) for columns in bagging.estimators_features_)
    return b.forest(read_trees([e.tree_ for e in members], scores, features), x.matrix(np.float32))


def _class_columns(estimator: Any, bagging: Any) -> NDArray[np.float64]:
    """Return (nodes, classes), what a tree says in a column for each class: its sample may have held fewer of them."""
    wide = np.zeros((estimator.tree_.node_count, bagging.n_classes_))
    wide[:, estimator.classes_.astype(np.int64)] = estimator.tree_.value[:, 0]
    return wide


def _members(bagging: Any, x: Block) -> list[tuple[Any, Block]]:
    x = x.of_one_dtype()
    pairs = zip(bagging.estimators_, bagging.estimators_features_, strict=True)
    return [(estimator, x.select([int(f) for f in features])) for estimator, features in pairs]


def _spread(b: Builder, estimator: Any, value: ir.Value, classes: int, absent: float) -> ir.Value:
    """Return a column for every class, `absent` for those that a sample of the rows did not hold."""
    known = [int(c) for c in estimator.classes_]
    if len(known) == classes:
        return value
    padded = b.concat([value, b.cast(b.repeat_row([absent], value), dtype_of(value))])
    return b.take_columns(padded, [known.index(c) if c in known else len(known) for c in range(classes)])


def _mean_of_logs(b: Builder, bagging: Any, x: Block) -> ir.Value:
    """Return the logarithm of the mean probability, from logarithms that do not underflow."""
    result: ir.Value | None = None
    for estimator, block in _members(bagging, x):
        value = ask(b, estimator, block, "predict_log_proba")
        value = b.cast(_spread(b, estimator, value, bagging.n_classes_, -np.inf), np.float64)
        result = value if result is None else _log_add_exp(b, result, value)
    if result is None:
        raise TypeError("a fitted bagging has at least one estimator")
    return b.sub(result, b.like(np.log(bagging.n_estimators), result))


def _log_add_exp(b: Builder, x: ir.Value, y: ir.Value) -> ir.Value:
    """Return log(exp(x) + exp(y)), also where both are minus infinity."""
    larger = b.op("Max", x, y)
    gap = b.op("Neg", b.op("Abs", b.sub(x, y)))
    apart = b.add(larger, log1p(b, b.op("Exp", gap)))
    return b.where(b.op("Equal", x, y), b.add(x, b.like(np.log(2), x)), apart)
