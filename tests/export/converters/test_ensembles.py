"""Voting, stacking, bagging and AdaBoost answer as scikit-learn's do."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PowerTransformer, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import bridge

X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X).astype(np.float32).astype(np.float64)
NAMES = np.array(["a", "b", "c"])[Y]
TWO = np.array(["no", "yes"])[(Y == 1).astype(int)]
DATA, TARGET = load_diabetes(return_X_y=True)
DATA = DATA.astype(np.float32).astype(np.float64)

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
CLASSIFIERS = [("tree", TREE), ("bayes", GaussianNB()), ("linear", LogisticRegression())]
REGRESSORS = [
    ("tree", DecisionTreeRegressor(max_depth=3, random_state=0)),
    ("linear", Ridge()),
    ("least", LinearRegression()),
]
LABELS = pytest.mark.parametrize("labels", [NAMES, TWO, Y], ids=["names", "two", "numbers"])


def check(agree, model, data, target, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(data, target)
    agree(model, data, empty=False, special=False, float32_tolerance=1e-4, **options)


@LABELS
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weights": [1, 2.5, 0.3]},
        {"voting": "soft"},
        {"voting": "soft", "weights": [1, 2, 0.3]},
    ],
    ids=str,
)
def test_voting_classifier(agree, labels, options):
    check(agree, VotingClassifier(CLASSIFIERS, **options), X, labels)


@pytest.mark.parametrize("weights", [None, [1, 2, 0.5]])
def test_voting_regressor(agree, weights):
    check(agree, VotingRegressor(REGRESSORS, weights=weights), DATA, TARGET)


def test_dropped_members_do_not_vote(agree):
    model = VotingClassifier(CLASSIFIERS, weights=[1, 2, 3])
    check(agree, model.set_params(bayes="drop"), X, NAMES)


@LABELS
@pytest.mark.parametrize("options", [{}, {"passthrough": True}, {"stack_method": "predict"}], ids=str)
def test_stacking_classifier(agree, labels, options):
    members = [*CLASSIFIERS, ("ridge", RidgeClassifier())]
    check(agree, StackingClassifier(members, LogisticRegression(), cv=2, **options), X, labels)


@pytest.mark.parametrize("options", [{}, {"passthrough": True}], ids=str)
def test_stacking_regressor(agree, options):
    check(agree, StackingRegressor(REGRESSORS, Ridge(), cv=2, **options), DATA, TARGET)


@LABELS
@pytest.mark.parametrize(
    "member", [TREE, LogisticRegression(), GaussianNB(), LinearSVC(), RidgeClassifier()], ids=lambda e: type(e).__name__
)
def test_bagging_classifier(agree, labels, member):
    options = {"max_features": 0.5, "max_samples": 0.3, "random_state": 0}
    check(agree, BaggingClassifier(member, 4, **options), X, labels)


@pytest.mark.parametrize("member", [TREE, LogisticRegression(), GaussianNB()], ids=lambda e: type(e).__name__)
def test_bagging_whose_samples_miss_a_class(agree, member):
    rare = np.where(np.arange(len(NAMES)) == 1, "rare", NAMES)
    check(agree, BaggingClassifier(member, 4, max_samples=0.3, random_state=0), X, rare)


@pytest.mark.parametrize("member", [DecisionTreeRegressor(max_depth=3), Ridge()], ids=repr)
def test_bagging_regressor(agree, member):
    check(agree, BaggingRegressor(member, 4, max_features=0.5, random_state=0), DATA, TARGET)


@pytest.mark.parametrize("member", [DecisionTreeRegressor(max_depth=3), Ridge()], ids=repr)
def test_bagging_regressor_of_several_targets(agree, member):
    targets = np.column_stack([TARGET, TARGET**0.5])
    check(agree, BaggingRegressor(member, 4, max_features=0.5, random_state=0), DATA, targets)


@pytest.mark.parametrize("step", [PowerTransformer("box-cox"), OneHotEncoder()], ids=repr)
def test_bagging_regressor_whose_members_refuse_zeros(step):
    data = np.array(["a", "b", "c"], object)[[[0, 1], [1, 2], [2, 0], [0, 2]] * 20]
    data = data if isinstance(step, OneHotEncoder) else DATA[:80] + 1
    model = BaggingRegressor(make_pipeline(step, Ridge()), 3, random_state=0).fit(data, TARGET[:80])
    assert bridge.verify(model, bridge.compile(model, data, device="cpu"), data).ok


@LABELS
@pytest.mark.parametrize("member", [None, TREE, LogisticRegression(C=0.01)], ids=["stump", "tree", "linear"])
def test_ada_boost_classifier(agree, labels, member):
    check(agree, AdaBoostClassifier(member, n_estimators=8, random_state=0), X, labels)


@pytest.mark.parametrize("member", [None, Ridge()], ids=["tree", "linear"])
@pytest.mark.parametrize("loss", ["linear", "exponential"])
def test_ada_boost_regressor(agree, member, loss):
    check(agree, AdaBoostRegressor(member, n_estimators=7, loss=loss, random_state=0), DATA, TARGET)


def test_members_may_be_pipelines_over_a_frame(agree):
    frame = pd.DataFrame({"town": pd.Series(["Ulm", "Bonn", "Köln"] * 50, dtype=object), "size": X[:150, 0]})
    encode = ColumnTransformer([("town", OneHotEncoder(handle_unknown="ignore"), ["town"])], remainder="passthrough")
    pipe = make_pipeline(encode, LogisticRegression())
    check(agree, VotingClassifier([("a", pipe), ("b", make_pipeline(encode, TREE))]), frame, NAMES[:150])
    check(agree, StackingClassifier([("a", pipe)], cv=2), frame, NAMES[:150])


@pytest.mark.parametrize("weights", [None, [1, 2.5, 0.3]])
@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
def test_probabilities_in_three_dimensions(weights, target):
    model = VotingClassifier(CLASSIFIERS, voting="soft", flatten_transform=False, weights=weights).fit(X, NAMES)
    file = bridge.export(model, X, target=target)
    assert bridge.verify(model, file, X[::-1] + 0.1).ok
    predictor = bridge.load(file, device="cpu")
    assert predictor.transform(X[:5]).shape == model.transform(X[:5]).shape == (3, 5, 3)
    assert predictor.transform(X[:0]).shape == (3, 0, 3)


def test_a_wrong_probability_in_three_dimensions_is_found():
    model = VotingClassifier(CLASSIFIERS, voting="soft", flatten_transform=False).fit(X, NAMES)
    file = bridge.export(model, X, target="cpu")
    model.estimators_ = model.estimators_[::-1]
    report = bridge.verify(model, file, X)
    assert {m.name: m.loose_rows > 0 for m in report.methods}["transform"]
