"""Support vector machines answer as scikit-learn's do: kernels, shapes of decisions, ties, probabilities."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_digits, load_wine
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

import bridge
from bridge.errors import UnsupportedError

X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["a", "b", "c"])[Y]
DATA, TARGET = load_diabetes(return_X_y=True)
DATA = DATA * 20
KERNELS = [
    {"kernel": "linear"},
    {"kernel": "rbf"},
    {"kernel": "rbf", "gamma": 0.5},
    {"kernel": "poly", "degree": 4, "coef0": 0.5},
    {"kernel": "poly", "degree": 3, "gamma": "auto"},
    {"kernel": "sigmoid", "coef0": 0.1},
]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("options", KERNELS, ids=str)
@pytest.mark.parametrize("labels", [NAMES, NAMES == "b"], ids=["many", "two"])
def test_classifier(agree, options, labels):
    agree(SVC(**options).fit(X, labels), X, float32_tolerance=1e-4, loose=0.02)


@pytest.mark.parametrize("options", [{"decision_function_shape": "ovo"}, {"break_ties": True}], ids=str)
def test_decisions_of_pairs_and_broken_ties(agree, options):
    agree(SVC(**options).fit(X, NAMES), X, float32_tolerance=1e-4)
    agree(NuSVC(nu=0.2, **options).fit(X, NAMES), X, float32_tolerance=1e-4)


@pytest.mark.parametrize("labels", [NAMES, NAMES == "b"], ids=["many", "two"])
def test_probabilities(agree, labels):
    agree(SVC(probability=True, random_state=0).fit(X, labels), X, float32_tolerance=3e-3, loose=0.02, tolerance=1e-10)


def test_probabilities_of_ten_classes(agree):
    data, digits = load_digits(return_X_y=True)
    model = SVC(probability=True, random_state=0).fit(data[:300], digits[:300])
    agree(model, data[300:400], routes=[("cpu", "exact")], tolerance=1e-10)


@pytest.mark.parametrize("options", KERNELS, ids=str)
def test_regressor(agree, options):
    agree(SVR(**options).fit(DATA, TARGET), DATA, float32_tolerance=1e-4)


def test_other_machines(agree):
    agree(NuSVR().fit(DATA, TARGET), DATA)
    agree(OneClassSVM(nu=0.2).fit(X), X, float32_tolerance=3e-3, loose=0.02)
    agree(SVR().fit(DATA, TARGET), DATA.astype(np.float32), routes=[("cpu", "exact")])


def test_sparse_data_and_precomputed_kernel(agree):
    table = sparse.csr_matrix(np.where(X > 0, X, 0))
    agree(SVC().fit(table, NAMES), table, routes=[("cpu", "exact")])
    products = X @ X.T
    agree(SVC(kernel="precomputed").fit(products, NAMES), products, routes=[("cpu", "exact")], special=False)


def test_kernel_that_is_a_function_is_refused_with_reason(agree):
    with pytest.raises(UnsupportedError, match="kernel that is a function"):
        agree(SVC(kernel=lambda a, c: a @ c.T).fit(X, NAMES), X)


def test_linear_one_class_on_centered_data_agrees_to_the_rounding_of_libsvm():
    model = OneClassSVM(kernel="linear", nu=0.2).fit(X)
    report = bridge.verify(model, bridge.export(model, X, target="cpu"), X)
    assert report.ok, report


@pytest.mark.parametrize("options", [{}, {"break_ties": True}, {"decision_function_shape": "ovo"}], ids=str)
def test_rows_between_classes_that_tie(agree, options):
    table = np.round(X[:, :3])
    agree(SVC(C=0.01, **options).fit(table, NAMES), table, routes=[("cpu", "exact"), ("cuda", "exact")])


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_decisions_beside_probabilities(agree, shape):
    model = SVC(probability=True, random_state=0, decision_function_shape=shape).fit(X, NAMES)
    agree(model, X, methods=["predict", "decision_function"], float32_tolerance=1e-4)
