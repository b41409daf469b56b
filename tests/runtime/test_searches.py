"""`kneighbors` and `radius_neighbors` of a file, with scikit-learn's arguments."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

import bridge
from bridge.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 3))
NEW = RNG.normal(size=(40, 3))


@pytest.fixture(scope="module", params=["auto", "brute"])
def search(request):
    return NearestNeighbors(n_neighbors=4, radius=0.8, algorithm=request.param).fit(X)


def test_neighbours_are_a_tuple_of_distances_and_indices(search):
    compiled = bridge.compile(search, X, device="cpu")
    distance, index = compiled.kneighbors(NEW)
    expected = search.kneighbors(NEW)
    np.testing.assert_allclose(distance, expected[0], rtol=1e-12)
    np.testing.assert_array_equal(index, expected[1])
    assert (distance.dtype, index.dtype) == (expected[0].dtype, expected[1].dtype)
    np.testing.assert_array_equal(compiled.kneighbors(NEW, return_distance=False), expected[1])
    np.testing.assert_array_equal(compiled.kneighbors(NEW, n_neighbors=2)[1], expected[1][:, :2])


def test_neighbours_in_a_radius_are_arrays_of_arrays(search):
    compiled = bridge.compile(search, X, device="cpu")
    distance, index = compiled.radius_neighbors(NEW)
    expected = search.radius_neighbors(NEW)
    assert len({len(row) for row in index}) > 1
    for found, want in zip((distance, index), expected, strict=True):
        assert found.dtype == want.dtype == object
        for one, other in zip(found, want, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=1e-12)
    ordered = compiled.radius_neighbors(NEW, sort_results=True)[1]
    for one, other in zip(ordered, search.radius_neighbors(NEW, sort_results=True)[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_rows(search):
    compiled = bridge.compile(search, X, device="cpu")
    assert [a.shape for a in compiled.kneighbors(NEW[:0])] == [(0, 4), (0, 4)]
    assert [a.shape for a in compiled.radius_neighbors(NEW[:0])] == [(0,), (0,)]


def test_what_the_file_does_not_hold_is_an_error(search):
    compiled = bridge.compile(search, X, device="cpu")
    for size in (5, 0, 2.5, "2"):
        with pytest.raises(InputError, match=rf"n_neighbors is {size!r}, but the file holds 4 neighbours"):
            compiled.kneighbors(NEW, n_neighbors=size)
    with pytest.raises(InputError, match="radius is written into the file"):
        compiled.radius_neighbors(NEW, radius=2.0)


def test_classifier_has_neighbours_where_they_are_asked_for():
    model = KNeighborsClassifier(3).fit(X, X[:, 0] > 0)
    assert not hasattr(bridge.compile(model, X, device="cpu"), "kneighbors")
    proto = bridge.export(model, X, target="cpu", methods=["predict", "kneighbors"])
    compiled = bridge.load(proto, device="cpu")
    np.testing.assert_array_equal(compiled.kneighbors(NEW)[1], model.kneighbors(NEW)[1])


def test_another_neighbour_at_the_same_distance_is_reported_as_a_tie():
    data = load_iris().data
    model = NearestNeighbors(n_neighbors=5, radius=None).fit(data)
    report = bridge.verify(model, bridge.compile(model, data, device="cpu"), data)
    assert report.ok
    assert report.methods[0].explained == report.methods[0].labels_differing


@pytest.mark.parametrize("method", ["kneighbors", "radius_neighbors"])
def test_wrong_neighbour_at_the_right_distance_is_found(method):
    options = {"n_neighbors": 3, "radius": 1.5, "algorithm": "brute"}
    proto = bridge.export(NearestNeighbors(**options).fit(X), X, target="cpu", methods=[method])
    renumbered = NearestNeighbors(**options).fit(np.roll(X, -1, axis=0))
    near = NEW[[len(row) > 0 and 0 not in row for row in NearestNeighbors(**options).fit(X).radius_neighbors(NEW)[1]]]
    (found,) = bridge.verify(renumbered, proto, near).methods
    assert found.max_scaled < 1e-12
    assert found.loose_rows == len(near) > 0


def test_wrong_distance_is_found():
    model = NearestNeighbors(n_neighbors=2, radius=None).fit(X)
    far = NearestNeighbors(n_neighbors=2, radius=None).fit(X * 1.001)
    assert not bridge.verify(far, bridge.compile(model, X, device="cpu"), NEW).ok


def test_fewer_neighbours_are_refused_where_rows_tie():
    lattice = np.random.default_rng(2).integers(4, size=(160, 3)).astype(float)
    model = NearestNeighbors(n_neighbors=6, radius=None).fit(lattice)
    compiled = bridge.compile(model, lattice, device="cpu")
    expected = model.kneighbors(lattice, n_neighbors=3)[1]
    assert (compiled.kneighbors(lattice)[1][:, :3] != expected).any()
    with pytest.raises(InputError, match="which of them scikit-learn names first of 3 is not in the file"):
        compiled.kneighbors(lattice, n_neighbors=3)
