"""Linear models answer as scikit-learn's do: scores, labels, probabilities, links, shapes."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import linear_model as lm
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression
from sklearn.datasets import load_diabetes, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

WINE, CLASS = load_wine(return_X_y=True)
WINE = StandardScaler().fit_transform(WINE)
TWO = CLASS < 2
NAMES = np.array(["red", "white", "rosé"])[CLASS]
DIABETES, TARGET = load_diabetes(return_X_y=True)
TARGETS = np.column_stack([TARGET, -TARGET, TARGET**0.5])

CLASSIFIERS = [
    lm.LogisticRegression(),
    lm.LogisticRegression(C=100, fit_intercept=False),
    lm.LogisticRegressionCV(Cs=2, cv=2, use_legacy_attributes=False, l1_ratios=(0,)),
    lm.Perceptron(),
    lm.RidgeClassifier(),
    lm.RidgeClassifierCV(),
    lm.SGDClassifier(loss="hinge"),
    lm.SGDClassifier(loss="log_loss", average=True),
    lm.SGDClassifier(loss="modified_huber"),
    LinearSVC(),
    LinearSVC(multi_class="crammer_singer"),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto", n_components=1),
]
REGRESSORS = [
    lm.ARDRegression(),
    lm.BayesianRidge(),
    lm.ElasticNet(0.01),
    lm.ElasticNetCV(cv=2, alphas=3),
    lm.HuberRegressor(max_iter=500),
    lm.Lars(),
    lm.LarsCV(cv=2),
    lm.Lasso(0.1),
    lm.LassoCV(cv=2, alphas=3),
    lm.LassoLars(0.1),
    lm.LassoLarsCV(cv=2),
    lm.LassoLarsIC(),
    lm.LinearRegression(),
    lm.LinearRegression(fit_intercept=False, positive=True),
    lm.OrthogonalMatchingPursuit(),
    lm.OrthogonalMatchingPursuitCV(cv=2),
    lm.QuantileRegressor(alpha=0.01),
    lm.Ridge(fit_intercept=False),
    lm.Ridge(),
    lm.RidgeCV(),
    lm.SGDRegressor(),
    lm.TheilSenRegressor(max_subpopulation=50, random_state=0),
    lm.RANSACRegressor(random_state=0),
    LinearSVR(),
    lm.PoissonRegressor(),
    lm.GammaRegressor(),
    lm.TweedieRegressor(power=0),
    lm.TweedieRegressor(power=1.5),
    lm.TweedieRegressor(power=1, link="identity"),
    PLSRegression(2),
]
MULTI_OUTPUT = [
    lm.LinearRegression(),
    lm.Ridge(),
    lm.RidgeCV(),
    lm.Lasso(0.1),
    lm.MultiTaskLasso(0.1),
    lm.MultiTaskLassoCV(cv=2, alphas=3),
    lm.MultiTaskElasticNet(0.1),
    lm.MultiTaskElasticNetCV(cv=2, alphas=3),
    lm.OrthogonalMatchingPursuit(),
    lm.Lars(),
    lm.RANSACRegressor(random_state=0),
    PLSRegression(2, scale=False),
    PLSCanonical(2),
    CCA(2),
]


def fit(estimator, data, target):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(data, target)


def extreme(data):
    return np.concatenate([data[:3] * 1e3, data[:3] * -40, np.zeros((1, data.shape[1]))]).astype(data.dtype)


@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("labels", ["numbers", "names", "two"])
def test_classifier(agree, model, dtype, labels):
    target = {"numbers": CLASS, "names": NAMES, "two": NAMES[TWO] == "red"}[labels]
    data = WINE[TWO] if labels == "two" else WINE
    fit(model, data, target)
    agree(model, data.astype(dtype), routes=[("cpu", "exact"), ("cuda", "exact")], float32_tolerance=1e-4)
    if dtype is np.float64:
        agree(model, data, extreme(data), routes=[("cpu", "exact")], tolerance=1e-11)
        agree(model, data, routes=[("portable", "float32")], float32_tolerance=1e-4)


@pytest.mark.parametrize("model", REGRESSORS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_regressor(agree, model, dtype):
    fit(model, DIABETES.astype(dtype), TARGET)
    agree(model, DIABETES.astype(dtype), float32_tolerance=1e-4)


@pytest.mark.parametrize("model", MULTI_OUTPUT, ids=repr)
def test_regressor_of_several_targets(agree, model):
    fit(model, DIABETES, TARGETS)
    agree(model, DIABETES, routes=[("cpu", "exact")])
    agree(model, DIABETES.astype(np.float32), routes=[("cpu", "exact")], float32_tolerance=1e-4)


@pytest.mark.parametrize("model", [lm.LinearRegression(), lm.Ridge(), PLSRegression(1), lm.RANSACRegressor()], ids=repr)
def test_one_target_in_a_column_keeps_its_shape(agree, model):
    agree(fit(model, DIABETES, TARGET.reshape(-1, 1)), DIABETES, routes=[("cpu", "exact")])


def test_whole_numbers_and_frames(agree):
    data = (WINE * 10).astype(np.int64)
    agree(fit(lm.LogisticRegression(), data, CLASS), data)
    frame = pd.DataFrame(WINE[:, :3], columns=list("abc")).astype({"b": np.float32})
    agree(fit(lm.RidgeClassifier(), frame, NAMES), frame, special=False)


def test_sparse_coefficients_and_sparse_data(agree):
    table = sparse.csr_matrix(np.where(WINE > 0, WINE, 0))
    agree(
        fit(lm.SGDClassifier(penalty="l1", random_state=0), table, CLASS).sparsify(), table, routes=[("cpu", "exact")]
    )
    agree(fit(lm.LogisticRegression(), table, CLASS), table, routes=[("cpu", "exact")])
    agree(fit(lm.ElasticNet(0.01), sparse.csc_matrix(table), CLASS), table, routes=[("cpu", "exact")])


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
def test_rows_far_from_every_class_get_uniform_probabilities(agree, loss):
    model = fit(lm.SGDClassifier(loss=loss, random_state=0), WINE, CLASS)
    model.coef_ = -np.abs(model.coef_)
    model.intercept_ = model.intercept_ * 0
    agree(model, WINE, np.abs(WINE) * 1e6, routes=[("cpu", "exact")])


def test_multilabel_ridge(agree):
    labels = np.column_stack([CLASS == 0, CLASS == 1]).astype(int)
    agree(fit(lm.RidgeClassifier(), WINE, labels), WINE)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_class(agree, dtype):
    agree(lm.SGDOneClassSVM(random_state=0).fit(WINE.astype(dtype)), WINE.astype(dtype))


def test_passive_aggressive(agree):
    agree(fit(lm.PassiveAggressiveClassifier(), WINE, CLASS), WINE)
    agree(fit(lm.PassiveAggressiveRegressor(), DIABETES, TARGET), DIABETES)


def test_pls_svd(agree):
    agree(PLSSVD(2).fit(DIABETES, TARGETS), DIABETES)


def test_pipeline_of_text_and_logistic_regression(agree):
    frame = pd.DataFrame({"town": pd.Series(["Ulm", "Bonn", "Köln"] * 30, dtype=object)})
    pipe = make_pipeline(OneHotEncoder(handle_unknown="ignore"), lm.LogisticRegression())
    agree(fit(pipe, frame, CLASS[:90] % 2), frame)


@pytest.mark.parametrize(
    "model",
    [
        lm.BayesianRidge(),
        lm.BayesianRidge(fit_intercept=False),
        lm.ARDRegression(),
        lm.ARDRegression(threshold_lambda=100.0),
        lm.ARDRegression(threshold_lambda=1e-9),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_standard_deviations(agree, model, dtype):
    agree(fit(model, DIABETES, TARGET), DIABETES.astype(dtype), special=False, float32_tolerance=1e-4)
