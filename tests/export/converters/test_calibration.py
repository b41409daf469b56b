"""Calibration, isotonic regression, thresholds and transformed targets answer as scikit-learn's do."""

import warnings

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from bridge.errors import UnsupportedError

X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["a", "b", "c"])[Y]
TWO = np.array(["no", "yes"])[(Y == 1).astype(int)]
DATA, TARGET = load_diabetes(return_X_y=True)
EXACT = [("cpu", "exact"), ("cuda", "exact")]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("member", [LinearSVC(), GaussianNB()], ids=repr)
@pytest.mark.parametrize("labels", [NAMES, TWO], ids=["many", "two"])
def test_calibrated_classifier(agree, method, member, labels):
    model = CalibratedClassifierCV(member, method=method, cv=2).fit(X, labels)
    if method == "temperature" and isinstance(member, GaussianNB):
        agree(model, X, tolerance=1e-4, routes=EXACT)  # log(1 - p) of a probability p near 1 shows the last bit of p
        return
    agree(model, X, 3 * X, float32_tolerance=1e-3, tolerance=1e-10, loose=0.03)  # isotonic steps fall between floats


def test_calibration_of_a_frozen_estimator(agree):
    frozen = FrozenEstimator(LogisticRegression().fit(X, NAMES))
    agree(CalibratedClassifierCV(frozen).fit(X, NAMES), X)
    agree(frozen, X)


@pytest.mark.parametrize("bounds", ["nan", "clip"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_isotonic_regression(agree, bounds, dtype):
    column = DATA[:, 2:3]
    model = IsotonicRegression(out_of_bounds=bounds).fit(column, TARGET)
    knots = np.concatenate([model.X_thresholds_, np.nextafter(model.X_thresholds_, 9)]).reshape(-1, 1)
    agree(model, column.astype(dtype), (column * 1.5).astype(dtype), knots.astype(dtype), routes=EXACT)


def test_constant_isotonic_regression(agree):
    agree(IsotonicRegression(out_of_bounds="clip").fit(np.ones((5, 1)), np.arange(5)), np.ones((5, 1)), routes=EXACT)


@pytest.mark.parametrize("method", ["predict_proba", "decision_function", "auto"])
@pytest.mark.parametrize("positive", [None, "yes", "no"])
def test_fixed_threshold(agree, method, positive):
    options = {"threshold": 0.3 if method != "auto" else "auto", "pos_label": positive, "response_method": method}
    numbers = (TWO == "yes").astype(int)
    labels = numbers if positive is None else TWO
    agree(FixedThresholdClassifier(LogisticRegression(), **options).fit(X, labels), X, routes=EXACT)


def test_tuned_threshold(agree):
    agree(TunedThresholdClassifierCV(LogisticRegression(), cv=2).fit(X, TWO == "yes"), X, routes=EXACT)


TRANSFORMERS = [
    StandardScaler(),
    MinMaxScaler((1, 3)),
    MaxAbsScaler(),
    RobustScaler(),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    PowerTransformer(method="box-cox"),
    make_pipeline(FunctionTransformer(np.log1p, np.expm1), StandardScaler()),
    FunctionTransformer(),
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
@pytest.mark.parametrize("targets", [TARGET, np.column_stack([TARGET, TARGET**0.5])], ids=["one", "two"])
def test_transformed_target(agree, transformer, targets):
    model = TransformedTargetRegressor(Ridge(), transformer=transformer).fit(DATA, targets)
    agree(model, DATA, float32_tolerance=1e-4)


@pytest.mark.parametrize("pair", [(np.log1p, np.expm1), (np.log, np.exp), (np.sqrt, np.square), (np.cbrt, lambda x: x)])
def test_functions_of_the_target(agree, pair):
    model = TransformedTargetRegressor(LinearRegression(), func=pair[0], inverse_func=pair[1], check_inverse=False)
    model.fit(DATA, TARGET)
    if pair[0] is np.cbrt:
        with pytest.raises(UnsupportedError, match="no counterpart"):
            agree(model, DATA)
        return
    agree(model, DATA)


def test_unknown_way_back_is_refused_with_reason(agree):
    model = TransformedTargetRegressor(Ridge(), transformer=KBinsDiscretizer(3, encode="ordinal")).fit(DATA, TARGET)
    with pytest.raises(UnsupportedError, match=r"KBinsDiscretizer\.inverse_transform cannot be exported"):
        agree(model, DATA)
