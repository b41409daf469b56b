"""NearestCentroid and Gaussian mixtures answer as scikit-learn's do."""

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)


@pytest.mark.parametrize(
    "model",
    [
        NearestCentroid(),
        NearestCentroid(metric="manhattan"),
        NearestCentroid(shrink_threshold=0.5),
        NearestCentroid(priors="empirical"),
        NearestCentroid(metric="manhattan", priors="empirical"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("classes", [3, 2])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nearest_centroid(agree, model, classes, dtype):
    labels = np.array(["a", "b", "c"])[np.minimum(Y, classes - 1)]
    agree(model.fit(X, labels), X.astype(dtype), float32_tolerance=1e-4)


def test_a_column_without_spread(agree):
    data = np.where(np.arange(X.shape[1]) == 2, 1.0, X)
    agree(NearestCentroid(priors="empirical").fit(data, Y), data, routes=[("cpu", "exact")])


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("mixture", [GaussianMixture, BayesianGaussianMixture])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_mixture(agree, mixture, kind, dtype):
    model = mixture(n_components=3, covariance_type=kind, random_state=0, max_iter=20).fit(X)
    agree(model, X.astype(dtype), tolerance=1e-11, float32_tolerance=3e-4)


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
def test_mixture_of_float64_rounds_float32_rows_where_scikit_learn_does(agree, kind):
    model = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X)
    agree(model, X.astype(np.float32), routes=[("cpu", "exact")], tolerance=1e-11, float32_tolerance=1e-11)


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_mixture_cuts_squares_of_whole_numbers_where_scikit_learn_does(agree, kind):
    model = GaussianMixture(3, covariance_type=kind, random_state=0).fit(X)
    agree(model, np.round(X * 2).astype(np.int64), routes=[("cpu", "exact"), ("cuda", "exact")], tolerance=1e-11)


def test_mixture_of_a_dirichlet_distribution(agree):
    prior = "dirichlet_distribution"
    model = BayesianGaussianMixture(n_components=3, weight_concentration_prior_type=prior, random_state=0, max_iter=20)
    agree(model.fit(X), X, tolerance=1e-11, routes=[("cpu", "exact")])
