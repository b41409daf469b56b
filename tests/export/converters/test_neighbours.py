"""The neighbours estimators answer as scikit-learn's, by every metric with a formula."""

import numpy as np
import onnx_ir as ir
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    NearestNeighbors,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)

import bridge
from bridge.errors import InputError, UnsupportedError
from bridge.export.builder import Builder
from bridge.export.converters.metrics import metric_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, 0]
Y = (X[:, 0] + X[:, 3] > 0).astype(int) + (X[:, 1] > 10)
NAMES = np.array(["a", "bb", "c"])[Y]
NEW = RNG.normal(size=(100, 4)) * [1, 10, 0.1, 3] + [0, 5, 1, 0]
EXACT = [("cpu", "exact")]
WEIGHTS = {"w": np.array([1.0, 2.0, 3.0, 4.0])}
COVARIANCE = np.cov(X.T)


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier(),
        KNeighborsClassifier(1),
        KNeighborsClassifier(weights="distance"),
        KNeighborsClassifier(algorithm="brute"),
        KNeighborsClassifier(p=1, weights="distance"),
        KNeighborsClassifier(p=1, algorithm="brute", weights="distance"),
        KNeighborsClassifier(p=np.inf),
        KNeighborsClassifier(p=1.5, weights="distance"),
        KNeighborsClassifier(p=3, algorithm="ball_tree"),
        KNeighborsClassifier(metric="cosine"),
        KNeighborsClassifier(metric="canberra", weights="distance"),
        KNeighborsClassifier(metric="braycurtis", algorithm="brute"),
        KNeighborsClassifier(metric="correlation"),
        KNeighborsClassifier(metric_params=WEIGHTS, weights="distance"),
        KNeighborsClassifier(metric="seuclidean", metric_params={"V": X.var(axis=0)}, weights="distance"),
        KNeighborsClassifier(metric="mahalanobis", metric_params={"VI": np.linalg.inv(COVARIANCE)}, weights="distance"),
        RadiusNeighborsClassifier(8.0, outlier_label="bb"),
        RadiusNeighborsClassifier(8.0, outlier_label="z", weights="distance"),
        RadiusNeighborsClassifier(8.0, outlier_label="most_frequent", p=1, algorithm="brute"),
        RadiusNeighborsClassifier(8.0, outlier_label="most_frequent"),
    ],
    ids=repr,
)
def test_classifier(agree, model):
    agree(model.fit(X, NAMES), NEW, routes=EXACT, tolerance=1e-10)


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsRegressor(),
        KNeighborsRegressor(weights="distance"),
        RadiusNeighborsRegressor(8.0),
        RadiusNeighborsRegressor(8.0, weights="distance"),
        RadiusNeighborsRegressor(30.0, weights="distance", p=1, algorithm="brute"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("target", [X[:, 0], np.c_[X[:, 1], Y], Y], ids=["one", "two", "integers"])
def test_regressor(agree, model, target):
    agree(model.fit(X, target), NEW, routes=EXACT, tolerance=1e-10)


@pytest.mark.parametrize("model", [KNeighborsClassifier(), KNeighborsClassifier(weights="distance")], ids=repr)
@pytest.mark.parametrize("data", [X, X.astype(np.float32)], ids=["float64", "float32"])
def test_all_targets(agree, model, data):
    agree(model.fit(data, np.arange(len(data)) % 3), data[::3] + data[1::3], tolerance=1e-10)


@pytest.mark.parametrize("model", [KNeighborsClassifier(), KNeighborsRegressor(weights="distance")], ids=repr)
@pytest.mark.parametrize("rows", [200, 600])
@pytest.mark.parametrize("columns", [4, 40])
def test_many_rows_and_columns(model, rows, columns):
    data = RNG.normal(size=(rows, columns))
    model.fit(data, np.arange(rows) % 3)
    new = data[::2] + data[1::2]
    for target in ("cpu", "cuda", "portable"):
        found = bridge.load(bridge.export(model, data, target=target, check=False), device="cpu").predict(new)
        np.testing.assert_allclose(found, model.predict(new), rtol=1e-4 if target == "portable" else 1e-11)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "minkowski"])
def test_brute_force_between_rows_of_float32_keeps_distances_in_float32(metric):
    model = KNeighborsRegressor(algorithm="brute", weights="distance", metric=metric, p=3)
    model.fit(X.astype(np.float32), X[:, 0])
    new = NEW.astype(np.float32)
    found = bridge.load(bridge.export(model, new, target="cpu", check=False), device="cpu").predict(new)
    np.testing.assert_allclose(found, model.predict(new), rtol=1e-13)


@pytest.mark.parametrize("kind", [KNeighborsClassifier, RadiusNeighborsClassifier])
def test_two_targets(agree, kind):
    model = kind(weights="distance") if kind is KNeighborsClassifier else kind(8.0, outlier_label=[1, 7])
    agree(model.fit(X, np.c_[Y, Y + 1]), NEW, routes=EXACT, tolerance=1e-10)


def test_radius_classifier_takes_an_outlier_label_for_a_position_where_scikit_learn_does(agree):
    for label in (1, 2, 9):
        model = RadiusNeighborsClassifier(5.0, outlier_label=label, p=1, algorithm="brute").fit(X, Y + 1)
        agree(model, NEW, routes=EXACT)


@pytest.mark.parametrize("labels", [NAMES, Y], ids=["text", "integers"])
@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
def test_row_without_neighbours_is_refused_where_there_is_no_outlier_label(labels, target):
    model = RadiusNeighborsClassifier(8.0).fit(X, labels)
    loaded = bridge.load(bridge.export(model, X[:20], target=target), device="cpu")
    for method in ("predict", "predict_proba"):
        with pytest.raises(ValueError, match="No neighbors found"):
            getattr(model, method)(NEW + 1000)
        with pytest.raises(InputError, match=r"row 1 is refused: a RadiusNeighborsClassifier without an outlier_label"):
            getattr(loaded, method)(np.r_[X[:1], NEW + 1000])


def test_search_within_a_radius_takes_rows_without_neighbours():
    model = RadiusNeighborsClassifier(8.0).fit(X, Y)
    loaded = bridge.load(bridge.export(model, X[:20], target="cpu", methods=["radius_neighbors"]), device="cpu")
    assert [len(index) for index in loaded.radius_neighbors(NEW + 1000)[1]] == [0] * len(NEW)


def test_rows_of_the_fit_have_scikit_learns_own_distance_to_themselves():
    data, target = load_wine(return_X_y=True)
    data = np.hstack([data, data[:, ::-1] ** 2])
    model = KNeighborsClassifier(weights="distance", algorithm="brute").fit(data, target)
    assert (model.kneighbors(data)[0][:, 0] > 0).any()
    compiled = bridge.compile(model, data, device="cpu")
    np.testing.assert_allclose(compiled.predict_proba(data[:128]), model.predict_proba(data)[:128], rtol=1e-10)


def test_given_distances(agree):
    near = np.abs(X[:, None] - X[None]).sum(axis=2)
    for model in (KNeighborsClassifier(metric="precomputed"), KNeighborsRegressor(metric="precomputed")):
        agree(model.fit(near, Y), near[::3], special=False, routes=EXACT)


@pytest.mark.parametrize(
    "metric", ["jaccard", "dice", "hamming", "rogerstanimoto", "russellrao", "sokalsneath", "yule"]
)
def test_distances_of_sets(metric):
    data = RNG.integers(0, 2, (60, 12)).astype(float)
    # A copy: of the fitted array itself scikit-learn takes the distances from each row to itself for 0, in any metric.
    model = NearestNeighbors(n_neighbors=60, metric=metric).fit(data.copy())
    compiled = bridge.compile(model, data, device="cpu")
    np.testing.assert_allclose(compiled.kneighbors(data)[0], model.kneighbors(data)[0], rtol=1e-14)


def test_great_circles():
    places = RNG.uniform(-1, 1, (300, 2)) * [np.pi / 2, np.pi]
    model = NearestNeighbors(n_neighbors=300, metric="haversine").fit(places)
    compiled = bridge.compile(model, places, device="cpu")
    expected = model.kneighbors(-places)[0]
    assert expected.max() > 3
    np.testing.assert_allclose(compiled.kneighbors(-places)[0], expected, rtol=1e-7, atol=1e-15)
    np.testing.assert_allclose(np.cos(compiled.kneighbors(-places)[0]), np.cos(expected), atol=1e-14)


def test_missing_numbers():
    data = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
    # From a row without any number all rows are equally far, and NumPy's partition decides.
    data[np.isnan(data).all(axis=1), 0] = 0.0
    model = KNeighborsRegressor(metric="nan_euclidean").fit(data, Y)
    np.testing.assert_allclose(bridge.compile(model, data, device="cpu").predict(data), model.predict(data))


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
@pytest.mark.parametrize("algorithm", ["auto", "brute"])
def test_transformers(agree, mode, algorithm):
    agree(KNeighborsTransformer(mode=mode, algorithm=algorithm).fit(X), NEW, tolerance=1e-10, routes=EXACT)
    agree(RadiusNeighborsTransformer(radius=5.0, mode=mode, algorithm=algorithm).fit(X), NEW, routes=EXACT)


def test_frame(agree):
    frame = pd.DataFrame(X, columns=list("abcd"))
    agree(KNeighborsClassifier(weights="distance").fit(frame, NAMES), frame, routes=EXACT, special=False)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (KNeighborsClassifier(weights=np.reciprocal), "weights that are a function"),
        (KNeighborsRegressor(metric=lambda a, b: abs(a - b).sum()), "metric that is a function"),
    ],
)
def test_what_is_refused_says_why(model, reason):
    with pytest.raises(UnsupportedError, match=reason):
        bridge.compile(model.fit(X, Y), X)


def test_metric_without_a_formula_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="'kulczynski1' has no formula"):
        metric_of("kulczynski1", None).reduced(Builder(), ir.Value(name="x"), X)


def test_radius_around_the_globe_is_refused_without_a_tree():
    places = RNG.uniform(-1, 1, (100, 2))
    model = RadiusNeighborsRegressor(4.0, metric="haversine", algorithm="brute").fit(places, places[:, 0])
    with pytest.raises(UnsupportedError, match="around the globe"):
        bridge.compile(model, places)


def test_radius_models_answer_searches_too():
    model = RadiusNeighborsRegressor(8.0).fit(X, Y)
    loaded = bridge.load(bridge.export(model, X, target="cpu", methods=["radius_neighbors"]), device="cpu")
    for found, want in zip(loaded.radius_neighbors(NEW)[1], model.radius_neighbors(NEW)[1], strict=True):
        np.testing.assert_array_equal(found, want)


def test_rows_that_share_no_column_are_nan_away():
    holes = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
    model = NearestNeighbors(n_neighbors=3, radius=None, metric="nan_euclidean").fit(holes)
    rows = np.array([[np.nan] * X.shape[1], X[0]])
    distance, _ = bridge.compile(model, holes, device="cpu").kneighbors(rows)
    np.testing.assert_allclose(distance, model.kneighbors(rows)[0], rtol=1e-12)


def test_one_column_that_is_missing_leaves_the_neighbours_to_argpartition():
    column = np.where(RNG.random((len(X), 1)) < 0.2, np.nan, X[:, :1])
    for model in (KNeighborsClassifier(metric="nan_euclidean"), KNeighborsRegressor(metric="nan_euclidean")):
        model.fit(column, Y)
        assert bridge.verify(model, bridge.compile(model, column, device="cpu"), column).ok


@pytest.mark.parametrize("target", ["cpu", "portable"])
@pytest.mark.parametrize("metric", ["cosine", "correlation"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_directions_keep_their_digits_near_and_for_tiny_rows(metric, dtype, target):
    rows = X.astype(dtype)
    model = NearestNeighbors(n_neighbors=3, radius=None, metric=metric).fit(rows)
    loaded = bridge.load(bridge.export(model, rows, target=target), device="cpu")
    near = (rows[:50] * (1 + 1e-4 * RNG.normal(size=(50, X.shape[1])))).astype(dtype)
    exact = NearestNeighbors(n_neighbors=3, radius=None, metric=metric).fit(rows.astype(np.float64))
    expected, found = exact.kneighbors(near.astype(np.float64))[0], loaded.kneighbors(near)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-2 if target == "portable" else 1e-5, atol=1e-12)
    if metric == "cosine":
        tiny = rows[:4] * np.array([[1e-12], [1e-9], [1e-8], [1e-4]], dtype)
        np.testing.assert_allclose(loaded.kneighbors(tiny)[0], model.kneighbors(tiny)[0], atol=1e-6)


@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_transformer_of_directions(target):
    for model in (KNeighborsTransformer(metric="cosine"), RadiusNeighborsTransformer(radius=0.3, metric="cosine")):
        compiled = bridge.load(bridge.export(model.fit(X), X, target=target), device="cpu")
        assert bridge.verify(model, compiled, np.r_[X, NEW]).ok


@pytest.mark.parametrize(
    ("metric", "algorithm"),
    [("dice", "brute"), ("dice", "ball_tree"), ("sokalsneath", "brute"), ("braycurtis", "brute")],
)
def test_rows_that_are_nothing_by_nothing_away_are_refused(metric, algorithm):
    rows = np.abs(X)
    rows[3] = 0
    model = NearestNeighbors(n_neighbors=3, radius=None, metric=metric, algorithm=algorithm).fit(rows)
    compiled = bridge.compile(model, rows[10:60], device="cpu")
    with pytest.raises(InputError, match="a row of zeros is 0 / 0 away from fitted rows of zeros"):
        compiled.kneighbors(rows[:5])
    without = NearestNeighbors(n_neighbors=3, radius=None, metric=metric, algorithm=algorithm).fit(rows[4:])
    bridge.compile(without, rows[10:60], device="cpu").kneighbors(rows[:5])


def test_rows_of_the_very_array_of_the_fit_are_checked_as_others_are():
    """Asked about that array, scikit-learn's brute force has 0 from a row to itself, where Russell-Rao has a share."""
    rows = np.where(RNG.random((120, 5)) < 0.5, 0.0, 1.0)
    model = RadiusNeighborsRegressor(1.45, metric="russellrao", algorithm="brute", weights="distance")
    model.fit(rows, np.arange(120.0))
    assert not np.allclose(model.predict(rows), model.predict(rows.copy()))
    compiled = bridge.compile(model, rows, device="cpu")
    np.testing.assert_allclose(compiled.predict(rows), model.predict(rows.copy()))
    assert bridge.verify(model, compiled, rows).ok
