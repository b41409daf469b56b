"""Ensembles that vote or average: voting and stacking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor

from bridge.errors import UnsupportedError
from bridge.export.builder import dtype_of
from bridge.export.converters.delegates import ask, column, divided, numbers, positions, side_by_side, total
from bridge.export.registry import Answer, Labels, RowsSecond, convert, converts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(VotingRegressor)
def convert_voting_regressor(b: Builder, voting: Any, x: Block) -> Mapping[str, Answer]:
    predictions = [column(b, ask(b, e, x, "predict")) for e in voting.estimators_]
    mean = average(b, predictions, voting._weights_not_none)
    together = side_by_side(b, predictions)
    return {"predict": b.flatten_column(mean), "transform": x.of(together, len(predictions))}


@converts(VotingClassifier)
def convert_voting_classifier(b: Builder, voting: Any, x: Block) -> Mapping[str, Answer]:
    """Answer by the largest mean probability, or by the most votes; the classifiers know the labels as 0, 1, ..."""
    members, weights = voting.estimators_, voting._weights_not_none
    count = len(voting.classes_)
    if voting.voting == "hard":
        places = np.arange(count)
        ballots = b.concat([column(b, positions(b, e, x, places)) for e in members])
        votes = cast_votes(b, ballots, count, np.ones(len(members)) if weights is None else np.asarray(weights, float))
        return {"predict": Labels(b.argmax(votes), voting.classes_), "transform": x.of(ballots, len(members))}
    probabilities = [ask(b, e, x, "predict_proba") for e in members]
    mean = average(b, probabilities, weights)
    answers: dict[str, Answer] = {"predict": Labels(b.argmax(mean), voting.classes_), "predict_proba": mean}
    together = side_by_side(b, probabilities)
    if voting.flatten_transform:
        answers["transform"] = x.of(together, len(members) * count)
    else:
        answers["transform"] = RowsSecond(b.reshape(together, [-1, len(members), count]))
    return answers


def average(b: Builder, values: Sequence[ir.Value], weights: Sequence[float] | None) -> ir.Value:
    """Return `numpy.average` of values of one shape."""
    values = [b.cast(v, np.float64) if dtype_of(v).kind != "f" else v for v in values]
    if weights is None:
        return divided(b, total(b, values), len(values))
    weighted = [b.combine("Mul", v, np.float64(w)) for v, w in zip(values, weights, strict=True)]
    return divided(b, total(b, weighted), float(np.sum(weights)))


def cast_votes(b: Builder, ballots: ir.Value, classes: int, weights: np.ndarray[Any, Any]) -> ir.Value:
    """Return float64 (rows, classes), the summed weights of the members whose ballot names each class."""
    names = b.op("Unsqueeze", ballots, b.constant([1], np.int64))
    is_named = b.op("Equal", names, b.constant(np.arange(classes).reshape(1, -1, 1), np.int64))
    votes = b.where(is_named, b.constant(weights.reshape(1, 1, -1), np.float64), b.constant(0.0))
    return b.sum(votes, axis=2)


@converts(StackingClassifier, StackingRegressor)
def convert_stacking(b: Builder, stacking: Any, x: Block) -> Mapping[str, Answer]:
    """Hand the answers of the estimators, and the columns where they pass through, to the final estimator."""
    if isinstance(getattr(stacking, "_label_encoder", None), list):
        raise UnsupportedError("a StackingClassifier of several targets cannot be exported; stack one target at a time")
    members = [(e, m) for e, m in zip(stacking.estimators_, stacking.stack_method_, strict=True) if e != "drop"]
    values = [_stacked(b, stacking, estimator, method, x) for estimator, method in members]
    if stacking.passthrough:
        values.append(x.matrix())
    width = sum(stacking._n_feature_outs) + (x.width if stacking.passthrough else 0)
    block = x.of(side_by_side(b, values), width)
    answers = dict(convert(b, stacking.final_estimator_, block))
    if is_classifier(stacking):
        final = numbers(b, stacking.final_estimator_, "predict", answers["predict"])
        answers["predict"] = Labels(final, stacking.classes_)
    return {**answers, "transform": block}


def _stacked(b: Builder, stacking: Any, estimator: Any, method: str, x: Block) -> ir.Value:
    """Return what one estimator adds: of two probabilities the second, of anything else all columns."""
    value = ask(b, estimator, x, method)
    if method == "predict_proba":
        classes = len(stacking.classes_)
        return b.take_columns(value, [1]) if classes == 2 else value
    if method == "decision_function":
        classes = len(estimator.classes_)
        return value if classes > 2 else column(b, value)
    outputs = _outputs(stacking)
    return b.reshape(value, [-1, outputs])


def _outputs(stacking: Any) -> int:
    """Return how many targets a regressor was fitted on: what each of its estimators adds by `predict`."""
    return int(stacking._n_feature_outs[0]) if not is_classifier(stacking) else 1
