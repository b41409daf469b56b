"""LightGBM and XGBoost estimators, by their scikit-learn interface."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.export.converters.links import binary_columns, sigmoid, softmax
from bridge.export.registry import Answer, Labels, converts
from bridge.export.treelite_reader import Boosted, read_booster

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder
    from bridge.forest import Forest

LIGHTGBM_ZERO = float(np.float32(1e-35))
"""LightGBM predicts for numbers up to this, of either sign, as for 0 (kZeroThreshold)."""


def _read_lightgbm(estimator: Any) -> Boosted:
    booster = estimator.booster_
    if booster.pandas_categorical:
        raise UnsupportedError(
            f"{type(estimator).__name__} was fitted on pandas categorical columns, which LightGBM codes by itself.\n"
            "Put an OrdinalEncoder in front, fit with categorical_feature=[positions], and export the pipeline."
        )
    if booster.params.get("zero_as_missing"):
        raise UnsupportedError(f"{type(estimator).__name__} with zero_as_missing=True cannot be exported yet")
    boosted = read_booster(booster, "lightgbm")
    return replace(boosted, forest=_with_wide_zero(boosted.forest))


def _with_wide_zero(forest: Forest) -> Forest:
    """Return a forest that decides for all numbers within `LIGHTGBM_ZERO` as `forest` does for 0."""
    threshold = forest.threshold
    below = (threshold >= -LIGHTGBM_ZERO) & (threshold < 0)
    above = (threshold >= 0) & (threshold < LIGHTGBM_ZERO) & ~forest.is_leaf & (forest.category < 0)
    moved = np.where(below, np.nextafter(-LIGHTGBM_ZERO, -np.inf), np.where(above, LIGHTGBM_ZERO, threshold))
    return replace(forest, threshold=moved)


def _lightgbm_sums(b: Builder, forest: Forest, x: Block) -> ir.Value:
    """Return the sums of the trees; a category is the integer part of a number, so that of -0.5 is 0.

    LightGBM rounds an array of integers to float32, and a DataFrame's integer columns to float64.
    """
    rounds = not x.frame and x.dtype.kind in "iu"
    matrix = x.matrix(np.float32 if rounds else x.float_dtype)
    if not forest.has_categories:
        return b.forest(forest, matrix)
    above = np.zeros((1, x.width))
    above[0, forest.feature[forest.category >= 0]] = -1.0
    zero = b.like(0, matrix)
    is_part_below_zero = b.op("And", b.op("Less", b.like(above, matrix), matrix), b.op("Less", matrix, zero))
    return b.forest(forest, b.where(is_part_below_zero, zero, matrix))


def _read_xgboost(estimator: Any) -> Boosted:
    booster = estimator.get_booster()
    if getattr(estimator, "booster", None) == "gblinear":
        raise UnsupportedError(f"{type(estimator).__name__} with booster='gblinear' has no trees")
    if (best := booster.attr("best_iteration")) is not None:
        booster = booster[: int(best) + 1]  # what predict uses
    return read_booster(booster, "xgboost")


def _xgboost_sums(b: Builder, forest: Forest, estimator: Any, x: Block) -> ir.Value:
    """Return the sums of the trees; what equals the estimator's `missing`, in float32, is NaN."""
    matrix = x.matrix(np.float32)
    if not np.isnan(estimator.missing):
        is_missing = b.op("Equal", matrix, b.like(estimator.missing, matrix))
        matrix = b.where(is_missing, b.like(np.nan, matrix), matrix)
    return b.forest(forest, matrix)


def _link(b: Builder, boosted: Boosted, total: ir.Value) -> ir.Value:
    """Return the library's answer (rows, outputs) from the raw scores."""
    scores = b.div(total, b.constant(boosted.divisor, np.float64)) if boosted.divisor > 1 else total
    if boosted.base.any():
        scores = b.add(scores, b.constant(boosted.base.reshape(1, -1)))
    if boosted.link in ("sigmoid", "multiclass_ova"):
        scaled = scores if boosted.alpha == 1 else b.mul(scores, b.constant(boosted.alpha, np.float64))
        return sigmoid(b, scaled)
    if boosted.link == "softmax":
        return softmax(b, scores)
    if boosted.link == "exponential":
        return b.op("Exp", scores)
    if boosted.link in ("identity", "identity_multiclass"):
        return scores
    raise UnsupportedError(f"the objective's link {boosted.link!r} has no lowering")


def _classify(b: Builder, boosted: Boosted, total: ir.Value, estimator: Any) -> Mapping[str, Answer]:
    scores = _link(b, boosted, total)
    raw = total
    if boosted.forest.n_outputs == 1:
        scores, raw = binary_columns(b, scores), b.flatten_column(total)
    return {
        "predict": Labels(b.argmax(scores), np.asarray(estimator.classes_)),
        "predict_proba": scores,
        "decision_function": raw,
    }


def _regress(b: Builder, boosted: Boosted, total: ir.Value) -> Mapping[str, Answer]:
    scores = _link(b, boosted, total)
    return {"predict": b.flatten_column(scores) if boosted.forest.n_outputs == 1 else scores}


@converts("lightgbm.sklearn.LGBMClassifier")
def convert_lightgbm_classifier(b: Builder, estimator: Any, x: Block) -> Mapping[str, Answer]:
    boosted = _read_lightgbm(estimator)
    return _classify(b, boosted, _lightgbm_sums(b, boosted.forest, x), estimator)


@converts("lightgbm.sklearn.LGBMRegressor", "lightgbm.sklearn.LGBMRanker")
def convert_lightgbm_regressor(b: Builder, estimator: Any, x: Block) -> Mapping[str, Answer]:
    boosted = _read_lightgbm(estimator)
    return _regress(b, boosted, _lightgbm_sums(b, boosted.forest, x))


@converts("xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRFClassifier")
def convert_xgboost_classifier(b: Builder, estimator: Any, x: Block) -> Mapping[str, Answer]:
    boosted = _read_xgboost(estimator)
    return _classify(b, boosted, _xgboost_sums(b, boosted.forest, estimator, x), estimator)


@converts("xgboost.sklearn.XGBRegressor", "xgboost.sklearn.XGBRFRegressor", "xgboost.sklearn.XGBRanker")
def convert_xgboost_regressor(b: Builder, estimator: Any, x: Block) -> Mapping[str, Answer]:
    boosted = _read_xgboost(estimator)
    return _regress(b, boosted, _xgboost_sums(b, boosted.forest, estimator, x))
