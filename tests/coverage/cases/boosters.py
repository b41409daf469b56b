"""What was silently wrong of LightGBM and XGBoost, and one case of each of their classes, with CatBoost's."""

from __future__ import annotations

from functools import partial

import catboost
import lightgbm
import xgboost

from tests.coverage.case import Case
from tests.coverage.cases.trees import missing
from tests.coverage.data import of

_light = {"n_estimators": 6, "min_child_samples": 5, "random_state": 0, "verbose": -1, "n_jobs": 1}
_x = {"n_estimators": 6, "max_depth": 4, "random_state": 0, "n_jobs": 1}
_cat = {
    "iterations": 6,
    "depth": 4,
    "random_seed": 0,
    "verbose": False,
    "allow_writing_files": False,
    "thread_count": 1,
}

DEFAULTS = ()
NAMED = (
    Case(lightgbm.LGBMClassifier(**_light), of(target="three"), "one ulp from a threshold", issue=True),
    Case(lightgbm.LGBMRegressor(**_light), of(target="real"), "one ulp from a threshold", issue=True),
    Case(lightgbm.LGBMClassifier(**_light), partial(missing, "binary text"), "fitted on NaN"),
    Case(xgboost.XGBRFClassifier(**_x), of(target="counted"), "random forest", issue=True),
    Case(xgboost.XGBRFRegressor(**_x), of(target="real"), "random forest", issue=True),
    Case(xgboost.XGBRegressor(**_x), of(target="two"), "two targets", issue=True),
    Case(
        xgboost.XGBRegressor(multi_strategy="multi_output_tree", **_x),
        of(target="two"),
        "trees of two targets",
        issue=True,
    ),
    Case(xgboost.XGBClassifier(**_x), partial(missing, "binary"), "fitted on NaN"),
    Case(catboost.CatBoostClassifier(**_cat), of(target="three"), "three classes"),
    Case(catboost.CatBoostRegressor(**_cat), of(target="real"), "a number"),
)
