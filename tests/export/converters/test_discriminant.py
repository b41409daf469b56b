"""Discriminant analyses decide as scikit-learn's do, with every solver."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import OAS
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["a", "b", "c"])[Y]
LINEAR = [
    {},
    {"n_components": 1},
    {"store_covariance": True, "tol": 1e-2},
    {"solver": "lsqr"},
    {"solver": "lsqr", "shrinkage": "auto"},
    {"solver": "eigen", "shrinkage": 0.3, "n_components": 1},
    {"solver": "eigen", "covariance_estimator": OAS()},
]
QUADRATIC = [
    {},
    {"reg_param": 0.1, "store_covariance": True},
    {"solver": "eigen", "shrinkage": "auto"},
    {"solver": "eigen", "covariance_estimator": OAS()},
]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("labels", [NAMES, NAMES == "b"], ids=["many", "two"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", LINEAR, ids=str)
def test_linear(agree, options, labels, dtype):
    model = LinearDiscriminantAnalysis(**options).fit(X, labels)
    methods = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
    methods += [] if options.get("solver") == "lsqr" else ["transform"]
    agree(model, X.astype(dtype), methods=methods, float32_tolerance=1e-4)


@pytest.mark.parametrize("labels", [NAMES, NAMES == "b"], ids=["many", "two"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("options", QUADRATIC, ids=str)
def test_quadratic(agree, options, labels, dtype):
    model = QuadraticDiscriminantAnalysis(**options).fit(X.astype(dtype), labels)
    agree(model, X.astype(dtype), float32_tolerance=1e-4)


def test_priors_and_rows_far_away(agree):
    for cls in (LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis):
        agree(cls(priors=[0.2, 0.5, 0.3]).fit(X, Y), X, X * 1e3, routes=[("cpu", "exact")])


def test_columns_of_a_thousand_beside_columns_of_one(agree):
    data, target = load_breast_cancer(return_X_y=True)
    frame = pd.DataFrame(data[:, 20:26], columns=list("abcdef"))
    agree(QuadraticDiscriminantAnalysis().fit(frame, target), frame, float32_tolerance=1e-4)
    agree(LinearDiscriminantAnalysis().fit(frame, target), frame, float32_tolerance=1e-4)
