"""Rows whose last neighbour no distance decides, in the searches that scikit-learn leaves to numpy.argpartition."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

import bridge
from bridge.verify.ties import possible_by_ties
from bridge.verify.tolerance import bounds_for

RNG = np.random.default_rng(0)
GRID = RNG.integers(0, 5, (80, 3)).astype(float)
LABELS = RNG.integers(0, 3, 80)
NEAR = np.abs(GRID[:, None] - GRID[None]).sum(axis=2)


BITS = np.random.default_rng(1).integers(0, 2, (300, 4)).astype(float)


def _possible(fitted, rows, answer):
    return possible_by_ties(fitted, "predict", rows, answer, answer, bounds_for("exact"))


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_given_distances_with_ties_are_explained(weights):
    for model in (KNeighborsClassifier, KNeighborsRegressor):
        fitted = model(metric="precomputed", weights=weights).fit(NEAR, LABELS)
        assert bridge.verify(fitted, bridge.compile(fitted, NEAR, device="cpu"), NEAR).ok


@pytest.mark.parametrize("model", [KNeighborsClassifier, KNeighborsRegressor])
def test_ties_explain_no_wrong_answer(model):
    right = model(5, metric="hamming", algorithm="brute").fit(BITS, BITS[:, 0].astype(int))
    wrong = model(5, metric="hamming", algorithm="brute").fit(BITS, 1 - BITS[:, 0].astype(int))
    rows = BITS[:50]
    assert (
        np.sort(right.kneighbors(rows, 6)[0], axis=1)[:, 4:] == 0
    ).all()  # all neighbours are tied, and say one thing

    report = bridge.verify(wrong, bridge.export(right, BITS, check=False, target="cpu"), rows)

    assert report.methods[0].loose_rows == len(rows)


def test_searches_with_an_order_of_their_own_have_no_ties():
    for model in (KNeighborsClassifier(), KNeighborsClassifier(algorithm="brute", p=1)):
        fitted = model.fit(GRID, LABELS)
        assert not _possible(fitted, GRID, fitted.predict(GRID)).any()


def test_possible_answers_lie_between_what_the_tied_can_add():
    near = np.array([[0.0, 1.0, 2.0, 2.0, 2.0, 3.0]])
    fitted = KNeighborsRegressor(3, metric="precomputed").fit(np.zeros((6, 6)), [0.0, 3.0, 9.0, 6.0, 30.0, 900.0])
    assert _possible(fitted, near, np.array([(0 + 3 + 6) / 3])).all()
    assert _possible(fitted, near, np.array([(0 + 3 + 30) / 3])).all()
    assert not _possible(fitted, near, np.array([11.1])).any()
    assert not _possible(fitted, near, np.array([2.9])).any()


def test_ties_are_those_of_one_thread():
    bits = RNG.integers(0, 2, (400, 40)).astype(float)
    model = KNeighborsClassifier(5).fit(bits, np.arange(400) % 3)
    answers = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="openmp"):
            answers.append(model.predict_proba(1 - bits[::2]))
            assert bridge.verify(model, bridge.compile(model, bits, device="cpu"), 1 - bits[::2]).ok
    assert (answers[0] != answers[1]).any()


def test_ties_behind_other_steps_are_explained():
    words = np.array(["a", "b", "c"], object)[RNG.integers(0, 3, (150, 4))]
    knn = KNeighborsRegressor(3, metric="hamming", algorithm="brute")
    model = make_pipeline(OrdinalEncoder(), "passthrough", knn).fit(words, np.arange(150.0))
    searched = GridSearchCV(model, {"kneighborsregressor__n_neighbors": [3]}).fit(words, np.arange(150.0))
    for estimator in (model, searched):
        report = bridge.verify(estimator, bridge.compile(estimator, words, device="cpu"), words)
        assert report.ok
        assert report.methods[0].explained
