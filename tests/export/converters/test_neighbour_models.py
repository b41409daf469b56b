"""Models that look at neighbours: densities, outliers, imputed numbers, embeddings and spread labels."""

import platform
import warnings

import numpy as np
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator
from sklearn.impute import KNNImputer
from sklearn.manifold import Isomap, LocallyLinearEmbedding
from sklearn.neighbors import KernelDensity, LocalOutlierFactor, NearestCentroid, NeighborhoodComponentsAnalysis
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

import bridge
from bridge.errors import BridgeError, InputError, UnsupportedError
from bridge.export.builder import Builder
from bridge.export.converters.distances import row_norms

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
NEW = RNG.normal(size=(80, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
HOLES = np.where(RNG.random(X.shape) < 0.15, np.nan, X)
EXACT = [("cpu", "exact")]
KERNELS = ["gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine"]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("weight", [None, RNG.random(200)], ids=["alike", "weighted"])
def test_density(agree, kernel, weight):
    # scikit-learn's cosine kernel has no norm in an even number of columns.
    model = KernelDensity(kernel=kernel, bandwidth=1.5).fit(X[:, :3], sample_weight=weight)
    near = NEW[:, :3][model.score_samples(NEW[:, :3]) > -20]
    assert len(near) > 40
    agree(model, near, tolerance=1e-11, routes=EXACT, special=False)


@pytest.mark.parametrize("model", [KernelDensity(bandwidth="scott"), KernelDensity(metric="manhattan")], ids=repr)
def test_density_for_all_targets(agree, model):
    agree(model.fit(X), NEW, tolerance=1e-11)


def test_density_of_nothing_is_compared_as_a_density():
    model = KernelDensity(kernel="tophat", bandwidth=0.8).fit(X)
    far = X[:50] + np.linspace(0, 3, 50)[:, None]
    compiled = bridge.compile(model, X, device="cpu")
    assert (compiled.score_samples(far) == -np.inf).any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bridge.verify(model, compiled, far).ok


def test_approximate_density_is_refused():
    with pytest.raises(UnsupportedError, match="hangs on its tree"):
        bridge.compile(KernelDensity(rtol=1e-3).fit(X), X)


@pytest.mark.parametrize("algorithm", ["auto", "brute"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_outliers(agree, algorithm, dtype):
    model = LocalOutlierFactor(novelty=True, algorithm=algorithm, contamination=0.1).fit(X.astype(dtype))
    agree(model, NEW.astype(dtype), tolerance=1e-11)


@pytest.mark.parametrize(
    "imputer",
    [KNNImputer(), KNNImputer(weights="distance"), KNNImputer(n_neighbors=500), KNNImputer(add_indicator=True)],
    ids=repr,
)
def test_imputer(agree, imputer):
    holes = np.where(RNG.random(NEW.shape) < 0.3, np.nan, NEW)
    nothing = np.full((1, 4), np.nan)
    agree(imputer.fit(HOLES), np.r_[holes, nothing], tolerance=1e-10, routes=EXACT)


def test_imputer_of_another_marker_and_of_an_empty_column(agree):
    agree(KNNImputer(missing_values=-1).fit(np.nan_to_num(HOLES, nan=-1)), np.nan_to_num(HOLES, nan=-1), routes=EXACT)
    empty = HOLES.copy()
    empty[:, 2] = np.nan
    for keeps in (False, True):
        agree(KNNImputer(keep_empty_features=keeps).fit(empty), HOLES, routes=EXACT)


@pytest.mark.parametrize(
    "model", [Isomap(), Isomap(n_neighbors=None, radius=4.0), Isomap(metric="manhattan")], ids=repr
)
def test_isomap(agree, model):
    agree(model.fit(X[:50]), NEW, tolerance=1e-10, float32_tolerance=1e-4)


@pytest.mark.parametrize("method", ["standard", "modified", "ltsa"])
def test_locally_linear(agree, method):
    model = LocallyLinearEmbedding(n_neighbors=8, method=method, random_state=0).fit(X)
    agree(model, NEW, tolerance=1e-10, routes=EXACT, special=False)


@pytest.mark.parametrize("kind", [LabelPropagation, LabelSpreading])
@pytest.mark.parametrize("options", [{}, {"gamma": 0.5}, {"kernel": "knn", "n_neighbors": 5}], ids=repr)
def test_spread_labels(agree, kind, options):
    known = np.where(np.arange(len(Y)) % 3, Y, -1)
    agree(kind(**options, max_iter=100).fit(X, known), NEW, tolerance=1e-10, float32_tolerance=2e-4)


def test_labels_out_of_reach_are_nan_as_in_scikit_learn():
    model = LabelSpreading().fit(X, Y)
    far = X[:3] + np.array([[8], [20], [1000]])
    expected = model.predict_proba(far)
    found = bridge.compile(model, X, device="cpu").predict_proba(far)
    assert np.isnan(expected[1:]).all()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))


def test_kernel_that_is_a_function_is_refused():
    with pytest.raises(UnsupportedError, match="kernel that is a function"):
        bridge.compile(LabelSpreading(kernel=lambda a, b: a @ b.T + 10).fit(X, Y), X)


def test_neighborhood_components(agree):
    agree(NeighborhoodComponentsAnalysis(2, max_iter=3).fit(X, Y), NEW)


@pytest.mark.parametrize(
    "imputer", [KNNImputer(weights="distance"), KNNImputer(n_neighbors=2, weights="distance")], ids=["default", "2"]
)
def test_imputer_rounds_beside_large_numbers_as_scikit_learn_does(imputer):
    large = HOLES * [1e5, 1, 1, 1]
    assert bridge.verify(imputer.fit(HOLES), bridge.compile(imputer, HOLES, device="cpu"), large).ok


@pytest.mark.parametrize(
    "model", [NearestCentroid(shrink_threshold=0.3), NearestCentroid(priors="empirical")], ids=repr
)
@pytest.mark.parametrize("classes", [2, 3])
def test_centroids_round_beside_large_numbers_as_scikit_learn_does(model, classes):
    model.fit(X, Y % classes)
    large = X.copy()
    large[::2, 0] = 1e6
    large[::3, 1] = -1e6
    assert bridge.verify(model, bridge.compile(model, X, device="cpu"), large).ok


@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 9, 16, 21])
def test_lengths_of_rows_have_the_bits_of_numpy(width):
    rows = RNG.normal(size=(50, width)) * np.where(np.arange(50)[:, None] % 2, 1, 1e6)
    b = Builder()
    x = ir.Value(name="x", type=ir.TensorType(ir.DataType.DOUBLE), shape=ir.Shape(["n", width]))
    lengths = row_norms(b, x, width)
    lengths.name = "lengths"
    graph = ir.Graph([x], [lengths], nodes=b.nodes, initializers=b.initializers, opset_imports={"": 13}, name="g")
    model = ir.to_proto(ir.Model(graph, ir_version=7))
    found = ReferenceEvaluator(model).run(None, {"x": rows})[0][:, 0]
    expected = np.einsum("ij,ij->i", rows, rows)
    if platform.machine() == "x86_64":
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_isomap_of_a_row_without_neighbours_is_an_error():
    model = Isomap(n_neighbors=None, radius=4.0).fit(X[:50])
    compiled = bridge.compile(model, X[:50], device="cpu")
    with pytest.raises(BridgeError):
        compiled.transform(X[:3] + 1000)


def test_isomap_takes_rows_with_missing_numbers_where_its_metric_does():
    holes = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
    model = Isomap(metric="nan_euclidean").fit(X)
    loaded = bridge.compile(model, X, device="cpu")
    np.testing.assert_allclose(loaded.transform(holes), model.transform(holes), atol=1e-9)
    with pytest.raises(ValueError, match="contains NaN"):
        model.transform(np.full((1, 4), np.nan))
    with pytest.raises(InputError, match="row 2 is refused: an Isomap takes no row that shares no column"):
        loaded.transform(np.r_[X[:2], np.full((1, 4), np.nan)])
