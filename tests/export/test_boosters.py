"""LightGBM and XGBoost models, against their own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline

import bridge
from bridge.errors import UnsupportedError
from tests.export.booster_data import booster_data, four_classes, two_classes, value

if TYPE_CHECKING:
    from numpy.typing import NDArray

lightgbm = pytest.importorskip("lightgbm")
pandas = pytest.importorskip("pandas")
xgboost = pytest.importorskip("xgboost")

ROWS = 600
FEW = {"n_estimators": 15, "n_jobs": 1}
QUIET = {**FEW, "verbose": -1}


def _positive(X: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(value(X)) + 0.1


def _pair(X: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([value(X), 2 * value(X)])


CASES = {
    "lightgbm binary": (lambda: lightgbm.LGBMClassifier(**QUIET), two_classes),
    "lightgbm multiclass": (lambda: lightgbm.LGBMClassifier(**QUIET), four_classes),
    "lightgbm one-versus-all": (lambda: lightgbm.LGBMClassifier(objective="multiclassova", **QUIET), four_classes),
    "lightgbm random forest": (
        lambda: lightgbm.LGBMClassifier(boosting_type="rf", bagging_freq=1, bagging_fraction=0.6, **QUIET),
        four_classes,
    ),
    "lightgbm regressor": (lambda: lightgbm.LGBMRegressor(**QUIET), value),
    "lightgbm dart": (lambda: lightgbm.LGBMRegressor(boosting_type="dart", **QUIET), value),
    "lightgbm poisson": (lambda: lightgbm.LGBMRegressor(objective="poisson", **QUIET), _positive),
    "xgboost multiclass": (lambda: xgboost.XGBClassifier(**FEW), four_classes),
    "xgboost dart": (lambda: xgboost.XGBClassifier(booster="dart", rate_drop=0.3, **FEW), four_classes),
    "xgboost random forest": (lambda: xgboost.XGBRFClassifier(**FEW), four_classes),
    "xgboost regressor": (lambda: xgboost.XGBRegressor(**FEW), value),
    "xgboost poisson": (lambda: xgboost.XGBRegressor(objective="count:poisson", **FEW), _positive),
    "xgboost two targets": (lambda: xgboost.XGBRegressor(**FEW), _pair),
    "xgboost vector leaves": (lambda: xgboost.XGBRegressor(multi_strategy="multi_output_tree", **FEW), _pair),
    "xgboost missing number": (lambda: xgboost.XGBRegressor(missing=3.0, **FEW), value),
    "xgboost categorical": (
        lambda: xgboost.XGBClassifier(
            feature_types=["c", "q", "q", "q"], enable_categorical=True, max_cat_to_onehot=2, **FEW
        ),
        four_classes,
    ),
}


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
@pytest.mark.parametrize("case", CASES)
def test_booster_gives_its_own_answers(case: str, target: str) -> None:
    make, label = CASES[case]
    X = booster_data(ROWS)
    model = make().fit(X, label(X))

    # The check covers rows on thresholds and special values, and raises where an answer differs.
    predictor = bridge.load(bridge.export(model, X, target=target))

    # LightGBM decides in float64, which a float32 input cannot always express; XGBoost rounds its input itself.
    narrowed = target == "portable" and case.startswith("lightgbm")
    assert predictor.metadata.exact_decisions or narrowed
    if hasattr(model, "classes_"):
        assert np.array_equal(predictor.predict(X), model.predict(X))


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
def test_lightgbm_categories_take_the_side_that_lightgbm_takes(target: str) -> None:
    X = booster_data(ROWS)
    model = lightgbm.LGBMClassifier(min_child_samples=5, cat_smooth=0, min_data_per_group=1, **QUIET)
    model.fit(X, two_classes(X), categorical_feature=[0])
    unseen = np.vstack([X[:50], np.column_stack([[-1, 12, 99, 3.7, 1e9], np.zeros((5, 3))])])

    predictor = bridge.load(bridge.export(model, X, target=target))

    assert np.allclose(predictor.predict_proba(unseen), model.predict_proba(unseen), atol=1e-6)


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
def test_lightgbm_takes_the_integer_part_of_a_category_between_minus_one_and_zero(target: str) -> None:
    X = np.repeat([[0.0], [1.0], [2.0]], 40, axis=0)
    model = lightgbm.LGBMRegressor(n_estimators=2, cat_smooth=0, min_data_per_group=1, verbose=-1)
    model.fit(X, X[:, 0] == 0, categorical_feature=[0])
    between = np.array([[-0.0], [-0.5], [-1e-40], [-1.0], [np.nextafter(-1, 0)]])
    assert len(np.unique(model.predict(between))) == 2

    predictor = bridge.load(bridge.export(model, X, target=target))

    assert np.allclose(predictor.predict(between[:4]), model.predict(between[:4]), atol=1e-6)
    if target != "portable":  # float32 rounds the last to -1
        assert np.allclose(predictor.predict(between), model.predict(between))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
def test_lightgbm_predicts_for_the_numbers_next_to_zero_as_for_zero(target: str, dtype: type[np.floating]) -> None:
    X = np.repeat(np.array([[-1.0], [0.0], [1.0]], dtype), 40, axis=0)
    model = lightgbm.LGBMRegressor(n_estimators=2, min_child_samples=5, verbose=-1).fit(X, X[:, 0])
    zero = dtype(np.float32(1e-35))
    wide = [np.nextafter(zero, dtype(1)), zero, dtype(1e-40), dtype(0)]
    rows = np.array([*wide, *np.negative(wide)], dtype)[:, None]
    assert len(np.unique(model.predict(rows))) == 3

    predictor = bridge.load(bridge.export(model, X, target=target))

    if target == "portable" and dtype == np.float64:  # float32 does not tell the outermost from their neighbours
        rows = rows[[1, 2, 3, 6, 7]]
    assert np.allclose(predictor.predict(rows), model.predict(rows), atol=1e-6)


@pytest.mark.parametrize("make", [np.asarray, pandas.DataFrame])
def test_lightgbm_rounds_large_integers_of_an_array_but_not_of_a_frame(make: Any) -> None:
    X = 2**24 + np.arange(160).reshape(-1, 1) % 40
    model = lightgbm.LGBMRegressor(n_estimators=2, min_child_samples=2, verbose=-1)
    model.fit(X.astype(np.float64), X[:, 0] % 2)
    assert not np.allclose(model.predict(X), model.predict(pandas.DataFrame(X)))
    rows = make(X)

    predictor = bridge.load(bridge.export(model, rows, target="cuda"))

    assert np.allclose(predictor.predict(rows), model.predict(rows))


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_lightgbm_behind_a_step_rounds_what_the_step_hands_on(output: str) -> None:
    X = pandas.DataFrame({"number": 2**24 + np.arange(160) % 40, "constant": 1})
    selector = VarianceThreshold().set_output(transform=output).fit(X)
    model = lightgbm.LGBMRegressor(n_estimators=2, min_child_samples=2, verbose=-1)
    pipe = make_pipeline(selector, model.fit(X[["number"]].to_numpy(np.float64), X["number"] % 2))

    predictor = bridge.load(bridge.export(pipe, X, target="cuda"))

    assert np.allclose(predictor.predict(X), pipe.predict(X))


@pytest.mark.parametrize(
    "stop",
    [{"early_stopping_rounds": 2}, {"callbacks": [xgboost.callback.EarlyStopping(rounds=2)]}],
    ids=["option", "callback"],
)
def test_early_stopping_uses_the_best_iteration(stop: dict[str, Any]) -> None:
    X = booster_data(ROWS)
    y = four_classes(X)
    model = xgboost.XGBClassifier(n_estimators=200, learning_rate=0.5, n_jobs=1, **stop)
    model.fit(X[:400], y[:400], eval_set=[(X[400:], y[400:])], verbose=False)
    assert model.best_iteration < 199

    predictor = bridge.load(bridge.export(model, X, target="cpu"))

    assert np.array_equal(predictor.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: lightgbm.LGBMRegressor(zero_as_missing=True, **QUIET), "zero_as_missing"),
        (lambda: lightgbm.LGBMRegressor(linear_tree=True, **QUIET), "linear trees"),
        (lambda: xgboost.XGBRegressor(booster="gblinear", **FEW), "gblinear"),
    ],
)
def test_what_a_forest_cannot_carry_is_refused_by_name(make: Any, reason: str) -> None:
    X = np.nan_to_num(booster_data(ROWS))
    model = make().fit(X, value(X))

    with pytest.raises(UnsupportedError, match=reason):
        bridge.export(model, X, target="cpu")
