"""KNNImputer and Isomap where the last neighbour is tied: what some choice gives is possible, and nothing else."""

import numpy as np
import pytest
from sklearn.impute import KNNImputer
from sklearn.manifold import Isomap
from sklearn.neighbors import KNeighborsTransformer, LocalOutlierFactor

import bridge
from bridge.verify.tied_rows import possible_graphs, possible_imputations, possible_outliers, possible_places
from bridge.verify.tolerance import bounds_for

RNG = np.random.default_rng(0)
LATTICE = RNG.integers(4, size=(160, 4)).astype(float)
HOLES = np.where(RNG.random(LATTICE.shape) < 0.15, np.nan, LATTICE)
NEAR = np.abs(LATTICE[:, None] - LATTICE[None]).sum(axis=2)
EXACT = bounds_for("exact")


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("frame", [False, True])
def test_tied_donors_are_explained(weights, frame):
    model = KNNImputer(n_neighbors=3, weights=weights, add_indicator=True).fit(HOLES)
    report = bridge.verify(model, bridge.compile(model, HOLES, device="cpu"), HOLES)
    assert report.ok
    if frame:
        model.set_output(transform="pandas")
        assert bridge.verify(model, bridge.compile(model, HOLES, device="cpu"), HOLES).ok


def test_donors_at_one_distance_give_what_lies_between_theirs():
    fitted = np.array([[0.0, 0], [1, 1], [2, 10], [2, 20], [2, 30], [5, 900]])
    imputer = KNNImputer(n_neighbors=3).fit(fitted)
    row = np.array([[0.0, np.nan]])
    expected = imputer.transform(row)

    def is_possible(*values):
        return possible_imputations(imputer, row, np.array([values]), expected, EXACT).all()

    assert is_possible(0.0, (0 + 1 + 10) / 3)
    assert is_possible(0.0, (0 + 1 + 30) / 3)
    assert not is_possible(0.0, (0 + 1 + 31) / 3)
    assert not is_possible(1e-6, expected[0, 1])
    far = np.array([[4.9, np.nan]])
    alone = KNNImputer(n_neighbors=1).fit(fitted)
    assert not possible_imputations(alone, far, np.array([[4.9, 30.0]]), alone.transform(far), EXACT).any()


def test_another_imputer_is_found_among_ties():
    model = KNNImputer(n_neighbors=3).fit(HOLES)
    other = KNNImputer(n_neighbors=3).fit(HOLES + 1)
    assert not bridge.verify(other, bridge.export(model, HOLES, target="cpu", check=False), HOLES).ok


def test_tied_neighbours_of_an_embedding_are_explained():
    model = Isomap(n_neighbors=5, metric="precomputed").fit(NEAR)
    assert bridge.verify(model, bridge.compile(model, NEAR, device="cpu"), NEAR).ok


def test_places_lie_between_those_of_the_nearest_and_the_farthest_choice():
    model = Isomap(n_neighbors=5, metric="precomputed").fit(NEAR)
    ordered = np.sort(NEAR, axis=1)
    tied = ordered[:, 4] == ordered[:, 5]
    found = model.transform(NEAR)
    assert tied.any()
    assert (possible_places(model, NEAR, found, EXACT) == tied).all()
    assert not possible_places(model, NEAR, found + np.ptp(found), EXACT).any()


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
def test_tied_neighbours_of_a_graph_are_explained(mode):
    model = KNeighborsTransformer(n_neighbors=5, metric="precomputed", mode=mode).fit(NEAR)
    compiled = bridge.compile(model, NEAR, device="cpu")
    assert bridge.verify(model, compiled, NEAR).ok


def test_graphs_hold_the_nearer_rows_and_as_many_of_the_tied_as_are_left():
    model = KNeighborsTransformer(n_neighbors=2, metric="precomputed").fit(np.zeros((6, 6)))
    near = np.array([[1.0, 2, 2, 2, 3, 3]])

    def is_possible(*values):
        return possible_graphs(model, near, np.array([values], float), EXACT).all()

    assert is_possible(1, 2, 2, 0, 0, 0)
    assert is_possible(1, 0, 2, 2, 0, 0)
    assert not is_possible(0, 2, 2, 2, 0, 0)
    assert not is_possible(1, 2, 2, 2, 0, 0)
    assert not is_possible(1, 2, 0, 0, 3, 0)
    assert not is_possible(1, 2.1, 2, 0, 0, 0)


def test_tied_neighbours_of_an_outlier_factor_are_explained():
    model = LocalOutlierFactor(n_neighbors=5, metric="precomputed", novelty=True, contamination=0.3).fit(NEAR)
    compiled = bridge.compile(model, NEAR, device="cpu")
    assert bridge.verify(model, compiled, NEAR).ok
    tied = np.sort(NEAR, axis=1)
    tied = tied[:, 4] == tied[:, 5]
    for method in ("score_samples", "decision_function", "predict"):
        found = getattr(compiled, method)(NEAR)
        assert (possible_outliers(model, method, NEAR, found, EXACT) == tied).all()
    assert not possible_outliers(model, "score_samples", NEAR, model.score_samples(NEAR) * 3, EXACT).any()


def test_places_are_those_of_a_choice_and_not_only_between():
    model = Isomap(n_neighbors=5, metric="precomputed").fit(NEAR)
    found = model.transform(NEAR)
    between = found + 0.01 * np.ptp(found)
    assert not possible_places(model, NEAR, between, bounds_for("float32")).any()


def test_another_embedding_of_bits_is_found():
    """To move a bit by rounding makes another row of it, and so says nothing of how far answers may move."""
    bits = (RNG.random((100, 12)) < 0.5).astype(float)
    model = Isomap(n_neighbors=8, metric="hamming").fit(bits)
    other = Isomap(n_neighbors=8, metric="hamming").fit(bits[:, ::-1][RNG.permutation(100)])
    assert bridge.verify(model, bridge.export(model, bits, target="cpu", check=False), bits).ok
    assert not bridge.verify(model, bridge.export(other, bits, target="cpu", check=False), bits).ok
