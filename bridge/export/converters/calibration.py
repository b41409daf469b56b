"""Calibrated classifiers, isotonic regression, and classifiers with another threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from bridge.export.builder import dtype_of
from bridge.export.converters.delegates import binary_response, divided, numbers, total
from bridge.export.converters.interpolation import interpolate
from bridge.export.converters.linear import normalize_or_uniform
from bridge.export.converters.links import binary_columns, sigmoid, softmax
from bridge.export.held import hold_between
from bridge.export.registry import Answer, Labels, convert, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(FrozenEstimator)
def convert_frozen_estimator(b: Builder, frozen: Any, x: Block) -> Mapping[str, Answer]:
    return convert(b, frozen.estimator, x)


@converts(IsotonicRegression)
def convert_isotonic_regression(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    given = x.matrix(model.X_thresholds_.dtype)
    if model.out_of_bounds == "raise" and len(model.y_thresholds_) > 1:
        low, high = (model.X_thresholds_[[i]].reshape(1, 1) for i in (0, -1))
        reason = "IsotonicRegression(out_of_bounds='raise') takes no value beyond those that it was fitted on"
        given = hold_between(b, given, low, high, reason=reason)
    value = b.flatten_column(_isotonic(b, model, given))
    return {"predict": value, "transform": value}


def _isotonic(b: Builder, model: Any, x: ir.Value) -> ir.Value:
    """Return (rows, 1), linear between the thresholds; outside NaN, or the nearest value with out_of_bounds="clip"."""
    if len(model.y_thresholds_) == 1:
        return b.repeat_row(model.y_thresholds_, x)
    value = interpolate(b, x, model.X_thresholds_, model.y_thresholds_)
    if model.out_of_bounds == "clip":
        return value
    low, high = b.like(model.X_thresholds_[0], x), b.like(model.X_thresholds_[-1], x)
    outside = b.op("Or", b.op("Less", x, low), b.op("Greater", x, high))
    return b.where(outside, b.like(np.nan, value), value)


@converts(CalibratedClassifierCV)
def convert_calibrated_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    members = [b.cast(_calibrated(b, c, x), np.float64) for c in model.calibrated_classifiers_]
    proba = divided(b, total(b, members), len(members))
    return {"predict": Labels(b.argmax(proba), model.classes_), "predict_proba": proba}


def _calibrated(b: Builder, member: Any, x: Block) -> ir.Value:
    estimator, classes = member.estimator, len(member.classes)
    answers = convert(b, estimator, x)
    method = "decision_function" if hasattr(estimator, "decision_function") else "predict_proba"
    if classes == 2:
        scores = binary_response(b, estimator, answers)
    else:
        scores = numbers(b, estimator, method, answers.get(method))
    if member.method == "temperature":
        proba = _by_temperature(b, member, scores, method)
    else:
        proba = _by_class(b, member, scores)
    over = b.op("And", b.op("Greater", proba, b.like(1, proba)), b.op("LessOrEqual", proba, b.like(1 + 1e-5, proba)))
    return b.where(over, b.like(1, proba), proba)


def _by_class(b: Builder, member: Any, scores: ir.Value) -> ir.Value:
    """Calibrate the score of every class by itself, then normalise."""
    classes = len(member.classes)
    columns = []
    for i, calibrator in enumerate(member.calibrators):
        score = scores if classes == 2 else b.take_columns(scores, [i])
        if isinstance(calibrator, IsotonicRegression):
            columns.append(b.cast(_isotonic(b, calibrator, b.cast(score, calibrator.X_thresholds_.dtype)), np.float64))
        else:
            line = b.combine("Add", b.combine("Mul", score, calibrator.a_), calibrator.b_)
            columns.append(b.cast(sigmoid(b, b.op("Neg", line)), np.float64))
    if classes == 2:
        return binary_columns(b, columns[0])
    known = np.searchsorted(member.classes, member.estimator.classes_)
    proba = b.concat(columns)
    if len(known) < classes:  # a fold did not hold every class: those have probability 0
        padded = b.concat([proba, b.repeat_row([0.0], proba)])
        places = known.tolist()
        proba = b.take_columns(padded, [places.index(c) if c in places else len(places) for c in range(classes)])
    return normalize_or_uniform(b, proba, classes)


def _by_temperature(b: Builder, member: Any, scores: ir.Value, method: str) -> ir.Value:
    """Return softmax(beta * logits): log(p + 1e-12) for probabilities, (-d, d) for one decision."""
    if method == "predict_proba":
        proba = binary_columns(b, scores) if len(member.classes) == 2 else scores
        logits = b.op("Log", b.combine("Add", proba, np.asarray(1e-12, dtype_of(proba))))
    else:
        logits = b.concat([b.op("Neg", scores), scores]) if len(member.classes) == 2 else scores
    return softmax(b, b.combine("Mul", logits, member.calibrators[0].beta_))


@converts(FixedThresholdClassifier)
def convert_fixed_threshold(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    estimator = getattr(model, "estimator_", model.estimator)
    return _thresholded(b, model, estimator, x, threshold=model.threshold, positive=model.pos_label)


@converts(TunedThresholdClassifierCV)
def convert_tuned_threshold(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    positive = model._curve_scorer._get_pos_label()
    return _thresholded(b, model, model.estimator_, x, threshold=model.best_threshold_, positive=positive)


def _thresholded(
    b: Builder, model: Any, estimator: Any, x: Block, *, threshold: Any, positive: Any
) -> Mapping[str, Answer]:
    """Return the estimator's answers, with the class `positive` predicted where its score reaches the threshold."""
    answers = dict(convert(b, estimator, x))
    wanted = model._get_response_method()
    method = next(m for m in ([wanted] if isinstance(wanted, str) else wanted) if hasattr(estimator, m))
    value = numbers(b, estimator, method, answers.get(method))
    place = 1 if positive is None else int(np.flatnonzero(model.classes_ == positive)[0])
    if method == "predict_proba":
        score = b.flatten_column(b.take_columns(value, [place]))
    else:
        score = value if place == 1 else b.op("Neg", value)
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    reached = b.op("GreaterOrEqual", score, b.like(threshold, score))
    index = b.where(reached, b.constant(place, np.int64), b.constant(1 - place, np.int64))
    return {**answers, "predict": Labels(index, model.classes_)}
