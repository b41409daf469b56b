"""Rows at one distance are chosen as scikit-learn chooses them: by the order of its search, and by its heap."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors
from threadpoolctl import threadpool_limits

import bridge
from bridge.export.converters.neighbour_ties import expects_ties
from bridge.verify.ties import in_one_thread

RNG = np.random.default_rng(0)
GRID = RNG.integers(0, 8, (600, 3)).astype(float)
NEW = RNG.integers(-1, 9, (300, 3)).astype(float)
LABELS = RNG.integers(0, 3, 600)
BITS = RNG.integers(0, 2, (400, 20)).astype(float)
SEARCHES = [
    {},
    {"algorithm": "ball_tree"},
    {"algorithm": "brute"},
    {"p": 1},
    {"p": 1, "algorithm": "brute"},
    {"p": np.inf},
    {"p": 3, "algorithm": "ball_tree"},
    {"leaf_size": 2},
    {"leaf_size": 1000},
]


def _loaded(model, data, target="cpu", methods=None):
    return bridge.load(bridge.export(model, data, target=target, methods=methods, check=False), device="cpu")


@pytest.mark.parametrize("options", SEARCHES, ids=repr)
@pytest.mark.parametrize("k", [1, 2, 5, 12])
def test_neighbours_in_order(options, k):
    model = NearestNeighbors(n_neighbors=k, radius=None, **options).fit(GRID)
    distance, index = _loaded(model, GRID).kneighbors(NEW)
    with threadpool_limits(1):
        # Of fewer rows, or on several cores, brute force joins heaps, which orders equal distances otherwise.
        expected = [answer[: len(NEW)] for answer in model.kneighbors(np.tile(NEW, (5, 1)))]
    np.testing.assert_array_equal(index, expected[1])
    np.testing.assert_allclose(distance, expected[0], rtol=1e-14)


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
@pytest.mark.parametrize("k", [3, 20])
def test_probabilities(target, k):
    model = KNeighborsClassifier(k).fit(GRID, LABELS)
    np.testing.assert_allclose(_loaded(model, GRID, target).predict_proba(NEW), model.predict_proba(NEW), rtol=1e-6)


def test_one_row_and_none():
    model = KNeighborsRegressor(5, weights="distance").fit(GRID, LABELS)
    loaded = _loaded(model, GRID)
    assert loaded.predict(NEW[:0]).shape == (0,)
    np.testing.assert_allclose(loaded.predict(NEW[:1]), model.predict(NEW[:1]), rtol=1e-14)


def test_rows_with_and_without_ties_in_one_batch():
    model = KNeighborsClassifier(4).fit(GRID, LABELS)
    mixed = np.where(np.arange(len(NEW))[:, None] % 2, NEW, NEW + RNG.random(NEW.shape) / 10)
    np.testing.assert_array_equal(_loaded(model, GRID).predict_proba(mixed), model.predict_proba(mixed))


def test_many_columns_of_bits():
    model = KNeighborsClassifier(5).fit(BITS, LABELS[:400])
    flipped = 1 - BITS[::2]
    with in_one_thread():
        expected = model.predict_proba(flipped)
    np.testing.assert_array_equal(_loaded(model, BITS).predict_proba(flipped), expected)


def test_ties_are_looked_for_where_the_data_have_some():
    continuous = RNG.normal(size=(300, 3))
    assert expects_ties(KNeighborsClassifier().fit(GRID, LABELS), GRID, 5)
    assert not expects_ties(KNeighborsClassifier().fit(continuous, LABELS[:300]), continuous, 5)
    operators = {
        n.op_type for n in bridge.export(KNeighborsClassifier().fit(continuous, LABELS[:300]), continuous).graph.node
    }
    assert not {"Loop", "NonZero", "ScatterND"} & operators


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
@pytest.mark.parametrize("metric", ["canberra", "braycurtis"])
def test_rows_of_zeros_are_as_far_from_all(metric, target):
    rows = RNG.normal(size=(300, 3)) + 4
    model = NearestNeighbors(n_neighbors=5, radius=None, metric=metric).fit(rows)
    zeros = np.array([[0.0, 0, 0], [-0.0, 1e-45, 0], [1, 0, 0]])
    loaded = _loaded(model, rows, target)
    np.testing.assert_array_equal(loaded.kneighbors(zeros)[1], model.kneighbors(zeros)[1])
