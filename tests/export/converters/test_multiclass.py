"""Classifiers made of binary ones, and one estimator a target, answer as scikit-learn's do."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X).astype(np.float32).astype(np.float64)
NAMES = np.array(["a", "b", "c"])[Y]
MULTILABEL = np.column_stack([Y == 0, Y != 1, X[:, 0] > 0]).astype(int)
TARGETS = np.column_stack([Y, X[:, 0] > 0])
DATA, TARGET = load_diabetes(return_X_y=True)
DATA = DATA.astype(np.float32).astype(np.float64)
MEMBERS = [LogisticRegression(), LinearSVC(), DecisionTreeClassifier(max_depth=3, random_state=0)]
MEMBER = pytest.mark.parametrize("member", MEMBERS, ids=lambda m: type(m).__name__)


def check(agree, model, data, target, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(data, target)
    agree(model, data, empty=False, special=False, float32_tolerance=1e-4, **options)


@MEMBER
@pytest.mark.parametrize("labels", [NAMES, NAMES == "a", MULTILABEL], ids=["many", "two", "multilabel"])
def test_one_against_the_rest(agree, member, labels):
    check(agree, OneVsRestClassifier(member), X, labels)


def test_one_against_the_rest_with_regressors(agree):
    check(agree, OneVsRestClassifier(Ridge()), X, NAMES)


def test_a_label_that_never_occurs(agree):
    check(agree, OneVsRestClassifier(LogisticRegression()), X, np.column_stack([MULTILABEL, np.zeros(len(Y), int)]))


@MEMBER
@pytest.mark.parametrize("labels", [NAMES, NAMES == "a"], ids=["many", "two"])
def test_one_against_one(agree, member, labels):
    check(agree, OneVsOneClassifier(member), X, labels)


@MEMBER
def test_output_codes(agree, member):
    check(agree, OutputCodeClassifier(member, code_size=3, random_state=0), X, NAMES)


@MEMBER
@pytest.mark.parametrize("targets", [TARGETS, NAMES.reshape(-1, 1)], ids=["numbers", "one column of names"])
def test_several_targets(agree, member, targets):
    check(agree, MultiOutputClassifier(member), X, targets)


def test_several_targets_of_names(agree):
    check(agree, MultiOutputClassifier(LogisticRegression()), X, np.column_stack([NAMES, NAMES[::-1]]))


@pytest.mark.parametrize(
    "model", [MultiOutputRegressor(Ridge()), RegressorChain(LinearRegression(), order=[1, 0])], ids=repr
)
def test_several_numbers(agree, model):
    check(agree, model, DATA, np.column_stack([TARGET, TARGET**0.5]))


def test_chain_of_trees(agree):
    check(
        agree, RegressorChain(DecisionTreeRegressor(max_depth=4)), DATA, np.column_stack([TARGET, -TARGET, DATA[:, 0]])
    )


@MEMBER
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "predict_log_proba"])
def test_chain_of_classifiers(agree, member, method):
    if not hasattr(member, method):
        pytest.skip(f"{type(member).__name__} has no {method}")
    if method == "predict_log_proba":
        member = LogisticRegression()  # the logarithms of a tree's zeros are refused by the next tree
    check(agree, ClassifierChain(member, order=[2, 0, 1], chain_method=method), X, MULTILABEL)
