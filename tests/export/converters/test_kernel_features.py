"""Random waves and sketches are those of scikit-learn."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.kernel_approximation import AdditiveChi2Sampler, PolynomialCountSketch, RBFSampler, SkewedChi2Sampler
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge
from bridge.export.converters import kernel_features

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)) * [1.0, 3.0, 0.5, 2.0]
SHARES = np.abs(X) * (RNG.random(X.shape) > 0.2) * 3
EXACT = [("cpu", "exact"), ("cuda", "exact")]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("options", [{}, {"gamma": "scale", "n_components": 17}, {"gamma": 0.1}], ids=str)
def test_random_waves(agree, options, dtype):
    # A wave of one row may be next to 0, where float32 has no digits of it.
    for given in (X, X.astype(dtype)):
        agree(RBFSampler(random_state=0, **options).fit(given), X.astype(dtype), float32_tolerance=1e-3)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("width", [6, 300])
def test_waves_of_large_sums_are_held_to_what_last_bits_make_of_them(make, width):
    """The cosine of a sum of 1e6s is known to 1e-9, and its last digits hang on the order of the sum."""
    table = make(RNG.normal(size=(100, width)) * (RNG.random((100, width)) > 0.5))
    sampler = RBFSampler(n_components=20, random_state=0).fit(table)
    model = bridge.export(sampler, table, target="cpu")
    weights = next(i for i in model.graph.initializer if list(i.dims) == [width, 20])
    changed = np.frombuffer(weights.raw_data, np.float64) * (1 + 1e-9)
    weights.raw_data = changed.tobytes()
    assert not bridge.verify(sampler, model, table).ok


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("options", [{}, {"skewedness": 0.1, "n_components": 17}], ids=str)
def test_skewed_waves(agree, options, dtype):
    agree(
        SkewedChi2Sampler(random_state=0, **options).fit(SHARES.astype(dtype)),
        SHARES.astype(dtype),
        float32_tolerance=1e-3,
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("interval", [None, 0.3])
def test_additive_waves(agree, steps, interval, dtype):
    sampler = AdditiveChi2Sampler(sample_steps=steps, sample_interval=interval).fit(SHARES.astype(dtype))
    agree(sampler, SHARES.astype(dtype), special=False)


def test_additive_waves_of_a_sparse_matrix(agree):
    table = sparse.csr_matrix(SHARES)
    agree(AdditiveChi2Sampler().fit(table), table, special=False)
    predictor = bridge.load(bridge.export(AdditiveChi2Sampler().fit(table), table, target="cpu"), device="cpu")
    assert sparse.issparse(predictor.transform(table))


@pytest.mark.parametrize("most_products", [0, 10_000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("options", [(1, 10, 0), (2, 16, 0), (2, 17, 1.5), (3, 9, 1), (2, 1, 1), (2, 2, 0)], ids=str)
def test_sketches(options, dtype, most_products, monkeypatch):
    monkeypatch.setattr(kernel_features, "MOST_PRODUCTS", most_products)
    degree, components, coef0 = options
    sketch = PolynomialCountSketch(degree=degree, n_components=components, coef0=coef0, gamma=0.5, random_state=0)
    sketch.fit(X.astype(dtype))
    model = bridge.load(bridge.export(sketch, X.astype(dtype), target="cpu"), device="cpu")
    expected = sketch.transform(X.astype(dtype))
    np.testing.assert_allclose(model.transform(X.astype(dtype)), expected, rtol=1e-12, atol=1e-12)
    assert model.transform(X[:1].astype(dtype)).shape == (1, components)


def test_columns_of_a_sketch_that_stay_empty_agree_in_float32():
    sketch = PolynomialCountSketch(n_components=100, random_state=0).fit(X)
    for target in ("cpu", "cuda", "portable"):
        report = bridge.verify(sketch, bridge.export(sketch, X, target=target), X[::2])
        assert report.ok, report


def test_sketch_of_a_sparse_matrix():
    table = sparse.csr_matrix(SHARES)
    sketch = PolynomialCountSketch(n_components=20, coef0=1, random_state=0).fit(table)
    assert bridge.verify(sketch, bridge.export(sketch, table, target="cpu"), table).ok


def test_pipeline(agree):
    pipe = make_pipeline(StandardScaler(), RBFSampler(random_state=0), SGDClassifier(loss="log_loss", random_state=0))
    agree(pipe.fit(X, np.where(X[:, 0] > 0, "late", "early")), X, float32_tolerance=1e-4)
