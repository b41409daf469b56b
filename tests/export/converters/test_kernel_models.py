"""KernelRidge, KernelPCA, KernelCenterer and Nystroem answer as scikit-learn's do, with every kernel."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KernelCenterer, StandardScaler

import bridge
from bridge.errors import UnsupportedError

X, Y = load_diabetes(return_X_y=True)
X, Y = X[:80, [0, 2, 3, 8]] * 20, Y[:80]
KERNELS = ["linear", "poly", "rbf", "sigmoid", "cosine"]
OTHERS = ["laplacian", "chi2", "additive_chi2"]
EXACT = [("cpu", "exact"), ("cuda", "exact")]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def data(kernel, dtype=np.float64):
    return (np.abs(X) if "chi2" in kernel else X).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("kernel", [*KERNELS, *OTHERS])
def test_kernel_ridge(agree, kernel, dtype):
    model = KernelRidge(kernel=kernel, gamma=0.05, coef0=0.5).fit(data(kernel, dtype), Y)
    agree(model, data(kernel, dtype), special=False, float32_tolerance=1e-4)


@pytest.mark.parametrize("options", [{"kernel": "poly", "degree": 2}, {"kernel": "rbf", "gamma": None}], ids=str)
def test_kernel_ridge_of_two_targets_and_default_parameters(agree, options):
    agree(KernelRidge(**options).fit(X, np.column_stack([Y, Y**2])), X, special=False, float32_tolerance=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_pca(agree, kernel, dtype):
    model = KernelPCA(3, kernel=kernel, gamma=0.01, fit_inverse_transform=kernel == "rbf").fit(X.astype(dtype))
    agree(model, X.astype(dtype), special=False, tolerance=1e-11, float32_tolerance=1e-3)


def test_kernel_pca_of_more_components_than_columns():
    model = KernelPCA(20).fit(X)
    assert bridge.verify(model, bridge.export(model, X, target="cpu"), X + 0.1).ok


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kernel", [*KERNELS, *OTHERS])
def test_nystroem(agree, kernel, dtype):
    given = data(kernel, dtype)
    components = 3 if kernel in ("linear", "cosine") else 6
    model = Nystroem(kernel=kernel, n_components=components, random_state=0).fit(given)
    if dtype == np.float64:
        agree(model, given, special=False, tolerance=1e-10, routes=EXACT)
    for target in ("cpu", "portable"):
        assert bridge.verify(model, bridge.export(model, given, target=target), given[::3]).ok


@pytest.mark.parametrize("kernel", ["linear", "cosine", "rbf"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_more_components_than_the_kernel_has_rank_agree_to_the_rounding_of_the_estimator(kernel, dtype):
    given = data(kernel, dtype)
    model = Nystroem(kernel=kernel, n_components=40, random_state=0).fit(given)
    report = bridge.verify(model, bridge.export(model, given, target="cpu"), given[::3])
    assert report.ok, report


def test_wrong_matrix_is_no_rounding():
    model = Nystroem(kernel="poly", n_components=10, random_state=0).fit(X)
    right = model.normalization_
    model.normalization_ = right * (1 + 1e-6)
    file = bridge.export(model, X, target="cpu")
    model.normalization_ = right
    assert not bridge.verify(model, file, X).ok


def test_parameters_of_the_kernel(agree):
    model = Nystroem(kernel="poly", degree=2, coef0=3.0, gamma=0.1, n_components=6, random_state=0)
    agree(model.fit(X), X, special=False, tolerance=1e-10, routes=EXACT)
    assert bridge.verify(model, bridge.export(model, X), X + 0.01).ok
    agree(KernelRidge(kernel="poly", degree=2.5, gamma=0.01, coef0=1.0).fit(X, Y), X, special=False)


def test_kernels_that_are_computed_before(agree):
    kernel = rbf_kernel(X)
    for model in (KernelRidge(kernel="precomputed"), KernelPCA(2, kernel="precomputed"), KernelCenterer()):
        agree(model.fit(kernel, Y), kernel, special=False, float32_tolerance=1e-3)
    agree(KernelCenterer().fit(kernel), kernel.astype(np.float32), special=False, float32_tolerance=1e-3)
    pipe = make_pipeline(KernelCenterer(), KernelRidge(kernel="precomputed"))
    agree(pipe.fit(kernel, Y), kernel, special=False, float32_tolerance=1e-3)


def test_sparse_data_frames_and_pipelines(agree):
    table = sparse.csr_matrix(np.where(X > 0, X, 0))
    agree(KernelRidge(kernel="rbf", gamma=0.1).fit(table, Y), table, special=False, routes=EXACT)
    frame = pd.DataFrame(X, columns=list("abcd")).astype({"b": np.float32})
    agree(make_pipeline(StandardScaler(), Nystroem(n_components=5, random_state=0)).fit(frame), frame, special=False)


def test_kernel_that_is_a_function_is_refused_with_reason():
    for model in (KernelRidge(kernel=np.dot), KernelPCA(2, kernel=np.dot)):
        with pytest.raises(UnsupportedError, match="kernel that is a function"):
            bridge.export(model.fit(X, Y), X)
