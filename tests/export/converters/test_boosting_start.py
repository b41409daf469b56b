"""Gradient boosting that starts from another estimator."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

import bridge

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 4))
UNSEEN = RNG.normal(size=(400, 4))
BINARY = np.where(X[:, 0] + X[:, 1] > 0, "late", "early")
THREE = np.digitize(X[:, 0] + 0.3 * X[:, 2], [-0.5, 0.5])

STARTS = [
    GaussianNB(),
    LogisticRegression(C=0.1),
    make_pipeline(StandardScaler(), LogisticRegression()),
    RandomForestClassifier(5, max_depth=3, random_state=0),  # says 0 and 1, which have no logit
    KNeighborsClassifier(3),
    DummyClassifier(strategy="uniform"),
    "zero",
]


def check(estimator, target):
    model = bridge.export(estimator, X, target=target)
    assert bridge.verify(estimator, model, UNSEEN).ok


@pytest.mark.parametrize("target", ["cpu", "cuda"])
@pytest.mark.parametrize("init", STARTS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize(("y", "loss"), [(BINARY, "log_loss"), (BINARY, "exponential"), (THREE, "log_loss")])
def test_classifier_starts_from_an_estimator(init, y, loss, target):
    check(GradientBoostingClassifier(init=init, loss=loss, n_estimators=5, random_state=0).fit(X, y), target)


@pytest.mark.parametrize("init", [LinearRegression(), DecisionTreeRegressor(max_depth=3), "zero"], ids=str)
def test_regressor_starts_from_an_estimator(init):
    check(GradientBoostingRegressor(init=init, n_estimators=5, random_state=0).fit(X, 3 * X[:, 0]), "cpu")
