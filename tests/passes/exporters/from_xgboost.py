"""Files that onnxmltools writes for XGBoost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.passes.exporters.data import GROUP, MISSING, NUMBER, PAIR, POSITIVE, ROWS, TEN, THREE, TWO, WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx

SMALL = {"n_estimators": 4, "max_depth": 3, "n_jobs": 1}
LEAF_WISE = {
    "grow_policy": "lossguide",
    "max_leaves": 60,
    "max_depth": 0,
    "min_child_weight": 0,
    "tree_method": "hist",
}


def _fitted(
    estimator: str,
    target: Any,
    *,
    rows: Any = MISSING,
    fit: Mapping[str, Any] | None = None,
    booster: bool = False,
    **settings: Any,
) -> Callable[[], onnx.ModelProto]:
    """Return a function that fits XGB<estimator> and converts it, or its booster."""

    def export() -> onnx.ModelProto:
        xgboost, onnxmltools = pytest.importorskip("xgboost"), pytest.importorskip("onnxmltools")
        from onnxmltools.convert.common.data_types import FloatTensorType

        model = getattr(xgboost, f"XGB{estimator}")(**SMALL | settings).fit(rows, target, **fit or {})
        inputs = [("X", FloatTensorType([None, WHOLE.shape[1]]))]
        given = model.get_booster() if booster else model
        return onnxmltools.convert_xgboost(given, initial_types=inputs, target_opset=15)

    return export


EARLY = {"fit": {"eval_set": [(MISSING[:100], THREE[::-1][:100])], "verbose": False}, "early_stopping_rounds": 2}
FILES = {
    "two classes": _fitted("Classifier", TWO),
    "two classes, booster": _fitted("Classifier", TWO, booster=True),
    "three classes": _fitted("Classifier", THREE),
    "three classes, stopped early": _fitted("Classifier", THREE, **EARLY),
    "ten classes": _fitted("Classifier", TEN),
    "hinge": _fitted("Classifier", TWO, objective="binary:hinge"),
    "number": _fitted("Regressor", NUMBER),
    "number, nothing missing": _fitted("Regressor", NUMBER, rows=WHOLE),
    "number, base score": _fitted("Regressor", NUMBER, base_score=0.7),
    "logistic": _fitted("Regressor", TWO, objective="reg:logistic"),
    "poisson": _fitted("Regressor", POSITIVE, objective="count:poisson"),
    "gamma": _fitted("Regressor", POSITIVE, objective="reg:gamma"),
    "two numbers": _fitted("Regressor", PAIR),
    # The exporter knows no XGBRanker, but its booster.
    "ranking": _fitted("Ranker", THREE, fit={"group": [GROUP] * (ROWS // GROUP)}, booster=True),
    "random forest": _fitted("RFRegressor", NUMBER),
    "random forest, three classes": _fitted("RFClassifier", THREE),
    "categories, one by one": _fitted(
        "Classifier", TWO, rows=WHOLE, feature_types=list("cqqq"), enable_categorical=True, max_cat_to_onehot=20
    ),
    "leaf-wise, deep": _fitted("Regressor", NUMBER, **LEAF_WISE),
    "stumps": _fitted("Classifier", TWO, max_depth=1),
    "a constant": _fitted("Regressor", NUMBER * 0 + 1),
}
