"""Files that onnxmltools writes for LightGBM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.passes.exporters.data import (
    GROUP,
    MISSING,
    NUMBER,
    POSITIVE,
    ROWS,
    TEN,
    THREE,
    THREE_NAMES,
    TWO,
    TWO_NAMES,
    WHOLE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx

SMALL = {"n_estimators": 4, "num_leaves": 7, "verbose": -1, "n_jobs": 1}
SAMPLED = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
EVERY_CATEGORY = {"min_child_samples": 5, "cat_smooth": 0, "min_data_per_group": 1, "max_cat_to_onehot": 1}


def _fitted(
    estimator: str,
    target: Any,
    *,
    rows: Any = MISSING,
    fit: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Callable[[], onnx.ModelProto]:
    """Return a function that fits LGBM<estimator> and converts it with `options`."""

    def export() -> onnx.ModelProto:
        lightgbm, onnxmltools = pytest.importorskip("lightgbm"), pytest.importorskip("onnxmltools")
        model = getattr(lightgbm, f"LGBM{estimator}")(**SMALL | settings).fit(rows, target, **fit or {})
        return _convert(onnxmltools, model, "Float", options)

    return export


def _double_input() -> onnx.ModelProto:
    lightgbm, onnxmltools = pytest.importorskip("lightgbm"), pytest.importorskip("onnxmltools")
    return _convert(onnxmltools, lightgbm.LGBMRegressor(**SMALL).fit(MISSING, NUMBER), "Double")


def _convert(onnxmltools: Any, model: Any, kind: str, options: Mapping[str, Any] | None = None) -> onnx.ModelProto:
    from onnxmltools.convert.common import data_types

    inputs = [("X", getattr(data_types, f"{kind}TensorType")([None, WHOLE.shape[1]]))]
    return onnxmltools.convert_lightgbm(model, initial_types=inputs, target_opset=15, **options or {})


MATRIX = {"zipmap": False}
FILES = {
    "two classes": _fitted("Classifier", TWO),
    "two classes, matrix": _fitted("Classifier", TWO, options=MATRIX),
    "two names": _fitted("Classifier", TWO_NAMES),
    "three names, matrix": _fitted("Classifier", THREE_NAMES, options=MATRIX),
    "ten classes": _fitted("Classifier", TEN),
    "ten classes, one against the rest": _fitted("Classifier", TEN, objective="multiclassova", options=MATRIX),
    "number": _fitted("Regressor", NUMBER),
    "number, nothing missing": _fitted("Regressor", NUMBER, rows=WHOLE),
    "number, double input": _double_input,
    "poisson": _fitted("Regressor", POSITIVE, objective="poisson"),
    "quantile": _fitted("Regressor", NUMBER, objective="quantile"),
    "ranking": _fitted("Ranker", THREE, fit={"group": [GROUP] * (ROWS // GROUP)}),
    "dart": _fitted("Classifier", THREE, boosting_type="dart"),
    "random forest": _fitted("Regressor", NUMBER, **SAMPLED),
    "random forest, two classes": _fitted("Classifier", TWO, options=MATRIX, **SAMPLED),
    "random forest, three classes": _fitted("Classifier", THREE, options=MATRIX, **SAMPLED),
    "categories": _fitted("Classifier", TWO, rows=WHOLE, fit={"categorical_feature": [0]}, **EVERY_CATEGORY),
    "leaf-wise, deep": _fitted("Regressor", NUMBER, num_leaves=120, min_child_samples=1),
    "stumps": _fitted("Classifier", TWO, num_leaves=2, options=MATRIX),
    "a constant": _fitted("Regressor", NUMBER * 0 + 1),
    "split into parts": _fitted("Regressor", NUMBER, options={"split": 2}),
}
