"""Covariance estimators measure distances as scikit-learn's do, and find the same outliers."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn import covariance as cov
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge

X = load_diabetes().data
CORRELATED = load_breast_cancer().data


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(
    "model",
    [
        cov.EmpiricalCovariance(),
        cov.EmpiricalCovariance(assume_centered=True, store_precision=False),
        cov.ShrunkCovariance(shrinkage=0.3),
        cov.LedoitWolf(),
        cov.OAS(),
        cov.MinCovDet(random_state=0),
        cov.GraphicalLasso(alpha=1e-4),
        cov.GraphicalLassoCV(alphas=2, cv=2),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_distances(agree, model, dtype):
    agree(model.fit(X), X.astype(dtype), X[:5].astype(dtype) * 100)


def test_distances_of_correlated_columns_hold_in_float32(agree):
    agree(cov.EmpiricalCovariance().fit(CORRELATED), CORRELATED)


@pytest.mark.parametrize("model", [cov.LedoitWolf(), cov.OAS()], ids=repr)
def test_precision_of_float32_is_as_symmetric_as_its_rounding_and_distances_are_of_float64(model):
    narrow = CORRELATED[:, :6].astype(np.float32)
    assert model.fit(narrow).precision_.dtype == np.float32
    assert (model.precision_ != model.precision_.T).any()
    report = bridge.verify(model, bridge.export(model, narrow, target="cpu"), narrow[::2] + 1)
    assert report.ok
    assert max(m.max_scaled for m in report.methods) < 1e-13


def test_distance_by_a_precision_that_is_not_positive_is_missing_where_it_would_be_negative(agree):
    model = cov.EmpiricalCovariance().fit(X)
    model.precision_ = np.diag([1.0, -1.0] * 5)
    assert np.isnan(model.mahalanobis(X)).any()
    agree(model, X, float32_tolerance=1e-3)


@pytest.mark.parametrize("model", [{}, {"contamination": 0.3}, {"assume_centered": True}], ids=str)
def test_outliers(agree, model):
    agree(cov.EllipticEnvelope(random_state=0, **model).fit(X), X)


def test_frames_and_pipelines(agree):
    frame = pd.DataFrame(X[:, :3], columns=list("abc")).astype({"b": np.float32})
    agree(cov.EllipticEnvelope(random_state=0).fit(frame), frame)
    agree(make_pipeline(StandardScaler(), cov.EllipticEnvelope(random_state=0)).fit(X), X)


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
def test_served_model_has_the_method(target):
    model = cov.LedoitWolf().fit(X)
    predictor = bridge.load(bridge.export(model, X, target=target), device="cpu")
    np.testing.assert_allclose(predictor.mahalanobis(X), model.mahalanobis(X), rtol=1e-5)
