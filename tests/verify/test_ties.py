"""Rows whose last neighbour no distance decides, in the searches that scikit-learn leaves to numpy.argpartition."""

import numpy as np
from sklearn.manifold import Isomap
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

import bridge
from bridge.verify.ties import tied_neighbours

RNG = np.random.default_rng(0)
GRID = RNG.integers(0, 5, (80, 3)).astype(float)
LABELS = RNG.integers(0, 3, 80)
NEAR = np.abs(GRID[:, None] - GRID[None]).sum(axis=2)


def test_rows_with_the_next_neighbour_as_near_are_tied():
    model = KNeighborsClassifier(5, metric="precomputed").fit(NEAR, LABELS)
    distance = np.sort(NEAR, axis=1)
    np.testing.assert_array_equal(tied_neighbours(model, NEAR, 80), distance[:, 4] == distance[:, 5])


def test_searches_with_an_order_of_their_own_have_no_such_rows():
    assert not tied_neighbours(KNeighborsClassifier().fit(GRID, LABELS), GRID, 80).any()
    assert not tied_neighbours(KNeighborsClassifier(algorithm="brute", p=1).fit(GRID, LABELS), GRID, 80).any()


def test_given_distances_with_ties_are_explained_and_others_held():
    for model in (KNeighborsClassifier(metric="precomputed"), Isomap(metric="precomputed")):
        compiled = bridge.compile(model.fit(NEAR, LABELS), NEAR, device="cpu")
        assert bridge.verify(model, compiled, NEAR).ok
    apart = NEAR + RNG.random(NEAR.shape)
    model = KNeighborsClassifier(metric="precomputed").fit(NEAR, LABELS)
    wrong = KNeighborsClassifier(metric="precomputed").fit(NEAR, (LABELS + 1) % 3)
    assert not bridge.verify(wrong, bridge.compile(model, NEAR, device="cpu"), apart).ok


def test_tied_rows_do_not_explain_wrong_neighbours():
    fits = [KNeighborsClassifier(metric="hamming", algorithm="brute").fit(rows, LABELS) for rows in (GRID, GRID[::-1])]
    proto = bridge.export(fits[0], GRID, target="cpu", methods=["kneighbors"])
    assert bridge.verify(fits[0], proto, GRID).ok
    assert tied_neighbours(fits[1], GRID, 80).mean() > 0.9
    assert bridge.verify(fits[1], proto, GRID).methods[0].loose_rows > 70


def test_ties_are_those_of_one_thread():
    bits = RNG.integers(0, 2, (400, 40)).astype(float)
    model = KNeighborsClassifier(5).fit(bits, np.arange(400) % 3)
    answers = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="openmp"):
            answers.append(model.predict_proba(1 - bits[::2]))
            assert bridge.verify(model, bridge.compile(model, bits, device="cpu"), 1 - bits[::2]).ok
    assert (answers[0] != answers[1]).any()
