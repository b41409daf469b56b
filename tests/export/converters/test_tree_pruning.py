"""Metrics without the triangle inequality: the answer is what scikit-learn's ball tree finds, not what is nearest."""

import numpy as np
import pytest
from sklearn.neighbors import KernelDensity, NearestNeighbors

import bridge

RNG = np.random.default_rng(0)
ROWS = RNG.exponential(size=(400, 3))
NEW = RNG.exponential(size=(600, 3))
BITS = (RNG.random((400, 9)) < 0.3).astype(float) + np.eye(9)[RNG.integers(9, size=400)]
NEW_BITS = (RNG.random((200, 9)) < 0.3).astype(float) + np.eye(9)[RNG.integers(9, size=200)]


def _loaded(model, data, target="cpu"):
    return bridge.load(bridge.export(model, data, target=target, check=False), device="cpu")


def _differs_from_brute_force(model, brute, rows):
    return (model.kneighbors(rows)[0] != brute.kneighbors(rows)[0]).any(axis=1)


@pytest.mark.parametrize("target", ["cpu", "cuda"])
@pytest.mark.parametrize(("k", "leaf_size"), [(1, 2), (3, 5), (5, 30), (7, 1000)])
def test_nearest_of_the_tree(k, leaf_size, target):
    options = {"n_neighbors": k, "radius": None, "metric": "braycurtis"}
    model = NearestNeighbors(algorithm="ball_tree", leaf_size=leaf_size, **options).fit(ROWS)
    distance, index = _loaded(model, ROWS, target).kneighbors(NEW)
    expected = model.kneighbors(NEW)
    np.testing.assert_array_equal(index, expected[1])
    np.testing.assert_allclose(distance, expected[0], rtol=1e-14)
    if leaf_size < 10:
        brute = NearestNeighbors(algorithm="brute", **options).fit(ROWS)
        assert _differs_from_brute_force(model, brute, NEW).any()


@pytest.mark.parametrize("leaf_size", [2, 20])
def test_nearest_of_the_tree_where_many_tie(leaf_size):
    model = NearestNeighbors(n_neighbors=4, radius=None, metric="dice", algorithm="ball_tree", leaf_size=leaf_size).fit(
        BITS
    )
    distance, index = _loaded(model, BITS).kneighbors(NEW_BITS)
    expected = model.kneighbors(NEW_BITS)
    np.testing.assert_allclose(distance, expected[0], rtol=1e-14)
    np.testing.assert_array_equal(index, expected[1])


@pytest.mark.parametrize("leaf_size", [2, 20, 1000])
@pytest.mark.parametrize(
    ("metric", "radius"), [("braycurtis", 0.1), ("braycurtis", 0.6), ("dice", 0.4), ("haversine", 3.5)]
)
def test_radius_of_the_tree(metric, radius, leaf_size):
    fitted, rows = {"dice": (BITS, NEW_BITS), "haversine": (ROWS[:, :2], NEW[:, :2])}.get(metric, (ROWS, NEW))
    model = NearestNeighbors(
        n_neighbors=None, radius=radius, metric=metric, algorithm="ball_tree", leaf_size=leaf_size
    ).fit(fitted)
    expected = model.radius_neighbors(rows)[1]
    found = _loaded(model, fitted).radius_neighbors(rows)[1]
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.sort(got), np.sort(want))


@pytest.mark.parametrize("width", [0.2, 0.6, 1.2])
@pytest.mark.parametrize("kernel", ["gaussian", "tophat", "epanechnikov", "linear", "cosine"])
def test_density_of_the_tree(kernel, width):
    weights = RNG.random(400)
    for metric, fitted, rows in (("braycurtis", ROWS, NEW), ("dice", BITS, NEW_BITS)):
        model = KernelDensity(metric=metric, kernel=kernel, bandwidth=width, leaf_size=4, algorithm="ball_tree")
        for given in (None, weights):
            model.fit(fitted, sample_weight=given)
            found, expected = _loaded(model, fitted).score_samples(rows), model.score_samples(rows)
            near = expected > expected.max() - 15  # what scikit-learn subtracts leaves numbers where nothing is
            np.testing.assert_allclose(found[near], expected[near], rtol=1e-9, atol=1e-9)
