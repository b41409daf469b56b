"""The table of every kind of tree ensemble that can be exported: a new one joins by one line."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import catboost
import lightgbm
import numpy as np
import xgboost
from sklearn import ensemble, tree

if TYPE_CHECKING:
    from collections.abc import Callable

CATEGORIES = {0: 12, 1: 40}
"""The columns that are categories where a model takes some, and how many."""
MISSING = 0.05
GROUP = 10
"""Rows of one query, for rankers."""
FIT_ROWS = 600


@dataclass(frozen=True)
class Kind:
    """One line of the table.

    Attributes
    ----------
    make
        Returns the estimator.
    target
        What of `labels` it is fitted on.
    missing
        Whether it is fitted on rows with NaN.
    fit_options
        Given to `fit`.
    """

    name: str
    make: Callable[[], Any]
    target: str
    missing: bool = False
    fit_options: dict[str, Any] = field(default_factory=dict)

    def fit(self) -> Any:
        rows = draw(FIT_ROWS, seed=0, missing=self.missing)
        return self.make().fit(rows, labels(FIT_ROWS)[self.target], **self.fit_options)


def draw(count: int, *, seed: int, missing: bool) -> np.ndarray:
    """Return float64 rows: two columns of categories, one of few whole numbers, zeros, years, amounts, plain ones."""
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, size, count) for size in CATEGORIES.values()]
    columns.append(rng.integers(-4, 5, count))
    columns.append(np.where(rng.random(count) < 0.6, 0.0, rng.normal(size=count)))
    columns.append(2013 + rng.normal(size=count) / 2)
    columns.append(np.exp(12 + 2 * rng.normal(size=count)))
    columns += list(rng.normal(size=(3, count)))
    rows = np.column_stack(columns).astype(np.float64)
    if missing:
        rows[rng.random(rows.shape) < MISSING] = np.nan
    return rows


@cache
def labels(count: int) -> dict[str, np.ndarray]:
    """Return what to fit on, for the first `count` rows of seed 0."""
    x = draw(count, seed=0, missing=False)
    noise = np.random.default_rng(1).normal(size=count) / 2
    score = (
        x[:, 0] % 3 + (x[:, 1] % 7 > 3) + x[:, 2] / 2 + x[:, 3] + 2 * (x[:, 4] - 2013) + x[:, 6:].sum(axis=1) + noise
    )
    score = score + np.log(x[:, 5]) / 4
    ranks = np.searchsorted(np.quantile(score, [0.25, 0.5, 0.8]), score)
    return {
        "number": score,
        "count": np.floor(np.exp(score / 3)),
        "two": (score > np.median(score)).astype(int),
        "four": ranks,
        "pair": np.column_stack([score, -(x[:, 6] ** 2)]),
        "labels": np.column_stack([ranks, (x[:, 6] > 0).astype(int)]),
    }


_SEED = {"random_state": 0}
_TEN = {"n_estimators": 10, **_SEED}
_HISTOGRAM = {"max_iter": 10, "min_samples_leaf": 4, **_SEED}
_LIGHT = {"n_estimators": 15, "n_jobs": 1, "verbose": -1, "min_child_samples": 5, **_SEED}
_SETS = {"cat_smooth": 0, "min_data_per_group": 1}
_CAT = {"iterations": 10, "depth": 5, "verbose": 0, "thread_count": 1, "allow_writing_files": False, "random_seed": 0}
_X = {"n_estimators": 10, "n_jobs": 1, **_SEED}
_TYPES = ["c" if i in CATEGORIES else "q" for i in range(draw(1, seed=0, missing=False).shape[1])]
_X_SETS = {"feature_types": _TYPES, "enable_categorical": True, "max_cat_to_onehot": 2, **_X}

_shallow = partial(tree.DecisionTreeClassifier, max_depth=4, **_SEED)
_histogram_classifier = partial(ensemble.HistGradientBoostingClassifier, **_HISTOGRAM)
_lgbm, _xgb = lightgbm.LGBMClassifier, partial(xgboost.XGBClassifier, **_X)
_cat, _cat_number = (partial(c, **_CAT) for c in (catboost.CatBoostClassifier, catboost.CatBoostRegressor))
_xgb_number = partial(xgboost.XGBRegressor, **_X)


def _of(library: str, name: str, make: Callable[[], Any], target: str, **fit_options: Any) -> Kind:
    """Return a kind that takes missing values, of a library by itself or much like one."""
    return Kind(f"{library} {name}", make, target, missing=True, fit_options=fit_options)


_histogram = partial(_of, "HistGB")
_lightgbm = partial(_of, "LightGBM")
_xgboost = partial(_of, "XGBoost")
_catboost = partial(_of, "CatBoost")

KINDS: tuple[Kind, ...] = (
    Kind("DecisionTreeClassifier", partial(tree.DecisionTreeClassifier, **_SEED), "four", missing=True),
    Kind("DecisionTreeRegressor", partial(tree.DecisionTreeRegressor, **_SEED), "number", missing=True),
    Kind("DecisionTree 2 targets", partial(tree.DecisionTreeClassifier, **_SEED), "labels"),
    Kind("ExtraTreeClassifier", partial(tree.ExtraTreeClassifier, **_SEED), "two", missing=True),
    Kind("ExtraTreeRegressor", partial(tree.ExtraTreeRegressor, **_SEED), "number", missing=True),
    Kind("RandomForestClassifier", partial(ensemble.RandomForestClassifier, **_TEN), "two", missing=True),
    Kind(
        "RandomForestRegressor",
        partial(ensemble.RandomForestRegressor, max_leaf_nodes=50, **_TEN),
        "pair",
        missing=True,
    ),
    Kind("ExtraTreesClassifier", partial(ensemble.ExtraTreesClassifier, **_TEN), "four", missing=True),
    Kind("ExtraTreesRegressor", partial(ensemble.ExtraTreesRegressor, max_depth=8, **_TEN), "number", missing=True),
    Kind("GradientBoostingClassifier", partial(ensemble.GradientBoostingClassifier, **_TEN), "four"),
    Kind("GradientBoostingRegressor", partial(ensemble.GradientBoostingRegressor, max_depth=5, **_TEN), "number"),
    _histogram("classifier", _histogram_classifier, "four"),
    _histogram("regressor", partial(ensemble.HistGradientBoostingRegressor, **_HISTOGRAM), "number"),
    _histogram(
        "categories",
        partial(_histogram_classifier, categorical_features=list(CATEGORIES)),
        "two",
    ),
    Kind("IsolationForest", partial(ensemble.IsolationForest, max_features=0.6, **_TEN), "two", missing=True),
    Kind("AdaBoostClassifier", partial(ensemble.AdaBoostClassifier, _shallow(), **_TEN), "four"),
    Kind("AdaBoostRegressor", partial(ensemble.AdaBoostRegressor, **_TEN), "number"),
    Kind("BaggingClassifier", partial(ensemble.BaggingClassifier, max_features=0.7, **_TEN), "four", missing=True),
    Kind("BaggingRegressor", partial(ensemble.BaggingRegressor, max_features=0.7, **_TEN), "number", missing=True),
    Kind(
        "VotingClassifier",
        lambda: ensemble.VotingClassifier(
            [
                ("tree", _shallow()),
                ("forest", ensemble.RandomForestClassifier(max_depth=6, **_TEN)),
                ("histogram", _histogram_classifier()),
            ],
            voting="soft",
        ),
        "two",
        missing=True,
    ),
    Kind(
        "VotingRegressor",
        lambda: ensemble.VotingRegressor(
            [("boosting", ensemble.GradientBoostingRegressor(**_TEN)), ("trees", ensemble.ExtraTreesRegressor(**_TEN))]
        ),
        "number",
    ),
    _lightgbm("gbdt", partial(_lgbm, **_LIGHT), "two"),
    Kind("LightGBM without NaN", partial(lightgbm.LGBMRegressor, **_LIGHT), "number"),
    _lightgbm("multiclass", partial(_lgbm, **_LIGHT), "four"),
    _lightgbm("dart", partial(lightgbm.LGBMRegressor, boosting_type="dart", drop_rate=0.5, **_LIGHT), "count"),
    _lightgbm("rf", partial(_lgbm, boosting_type="rf", bagging_freq=1, bagging_fraction=0.6, **_LIGHT), "four"),
    _lightgbm("categories", partial(_lgbm, **_SETS, **_LIGHT), "two", categorical_feature=list(CATEGORIES)),
    _lightgbm("ranking", partial(lightgbm.LGBMRanker, **_LIGHT), "four", group=[GROUP] * (FIT_ROWS // GROUP)),
    _xgboost("gbtree", _xgb, "two"),
    _xgboost("multiclass", _xgb, "four"),
    _xgboost("dart", partial(_xgb, booster="dart", rate_drop=0.3), "two"),
    _xgboost("rf", partial(xgboost.XGBRFClassifier, **_X), "four"),
    _xgboost("2 targets", _xgb_number, "pair"),
    _xgboost("vector leaves", partial(_xgb_number, multi_strategy="multi_output_tree", tree_method="hist"), "pair"),
    _xgboost("categories", partial(xgboost.XGBClassifier, **_X_SETS), "four"),
    _xgboost("0 is missing", partial(_xgb_number, missing=0.0), "number"),
    _xgboost("ranking", partial(xgboost.XGBRanker, **_X), "four", group=[GROUP] * (FIT_ROWS // GROUP)),
    _catboost("symmetric", _cat, "two"),
    _catboost("multiclass", _cat, "four"),
    _catboost("depthwise", partial(_cat_number, grow_policy="Depthwise"), "number"),
    _catboost("lossguide", partial(_cat_number, grow_policy="Lossguide", nan_mode="Max", max_leaves=20), "number"),
    _catboost("2 targets", partial(_cat_number, loss_function="MultiRMSE"), "pair"),
    _catboost("ranking", partial(catboost.CatBoostRanker, **_CAT), "four", group_id=np.arange(FIT_ROWS) // GROUP),
)
