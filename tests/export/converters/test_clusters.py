"""Clusterers name the clusters that scikit-learn's do, and measure the same distances."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.cluster import AffinityPropagation, Birch, BisectingKMeans, KMeans, MeanShift, MiniBatchKMeans
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

import bridge

X, _ = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
FAR = X + 1000.0
UNSEEN = X[:, ::-1] + 0.01
GRID = np.array(np.meshgrid(*[np.arange(5.0)] * 3)).reshape(3, -1).T
TARGETS = ["cpu", "cuda", "portable"]


def fitted(model, data=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged, too few subclusters
        return model.fit(data)


@pytest.mark.parametrize(
    "model",
    [
        KMeans(4, n_init=1, random_state=0),
        KMeans(1),
        MiniBatchKMeans(3, n_init=1, random_state=0),
        BisectingKMeans(1),
        BisectingKMeans(5, random_state=0),
        BisectingKMeans(17, random_state=0, bisecting_strategy="largest_cluster"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_k_means(agree, model, dtype):
    agree(fitted(model, X.astype(dtype)), X.astype(dtype), UNSEEN.astype(dtype))


@pytest.mark.parametrize(
    "model", [AffinityPropagation(random_state=0), AffinityPropagation(max_iter=1), MeanShift(), MeanShift(bandwidth=2)]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nearest_center(agree, model, dtype):
    agree(fitted(model), X.astype(dtype), UNSEEN.astype(dtype))


@pytest.mark.parametrize(
    "model", [Birch(), Birch(threshold=2.0), Birch(n_clusters=None), Birch(n_clusters=KMeans(3, n_init=1))], ids=repr
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("target", TARGETS)
def test_birch(model, dtype, target):
    # Its centers are rows of the data: there scikit-learn's own rounding is 1e-7, where 0 is due.
    data = X.astype(dtype)
    file = bridge.export(fitted(model, data), data, target=target)
    assert bridge.verify(model, file, UNSEEN.astype(dtype)).ok


def test_a_wrong_distance_is_found_where_squares_are_compared():
    model = fitted(Birch())
    file = bridge.export(model, X, target="cpu")
    model.subcluster_centers_ = model.subcluster_centers_ * (1 + 1e-9)
    assert not bridge.verify(model, file, X).ok


@pytest.mark.parametrize(
    "model",
    [
        KMeans(4, init=GRID[[0, 20, 64, 124]], n_init=1, max_iter=1),
        BisectingKMeans(6, random_state=0),
        AffinityPropagation(random_state=0),
        Birch(n_clusters=None),
    ],
    ids=lambda m: type(m).__name__,
)
@pytest.mark.parametrize("target", TARGETS)
def test_the_first_of_two_clusters_at_one_distance(model, target):
    fitted(model, GRID)
    for name in ("cluster_centers_", "subcluster_centers_"):
        if hasattr(model, name):
            setattr(model, name, np.round(getattr(model, name)))
    if isinstance(model, Birch):
        model._subcluster_norms = np.square(model.subcluster_centers_).sum(axis=1)
    if isinstance(model, BisectingKMeans):
        model._X_mean = np.round(model._X_mean)
        _round_centers(model._bisecting_tree)
    file = bridge.export(model, GRID, target=target, methods=["predict"])
    np.testing.assert_array_equal(bridge.load(file).predict(GRID), model.predict(GRID))


def _round_centers(node):
    if node is not None:
        node.center = np.round(node.center)
        _round_centers(node.left)
        _round_centers(node.right)


def test_clusters_far_from_the_origin_keep_their_digits_in_float32(agree):
    agree(KMeans(4, n_init=1, random_state=0).fit(FAR), FAR, tolerance=1e-8, float32_tolerance=1e-4, special=False)


def test_a_frame():
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    model = fitted(BisectingKMeans(4, random_state=0), frame)
    predictor = bridge.compile(model, frame, device="cpu")
    found = predictor.predict(frame)
    np.testing.assert_array_equal(found, model.predict(frame))
    assert found.dtype == np.int32


def test_centers_of_a_sparse_fit_are_met():
    data = sparse.csr_matrix(np.where(np.random.default_rng(0).random((60, 4)) < 0.6, 0.0, 1.5))
    estimator = AffinityPropagation(random_state=0).fit(data)

    assert bridge.verify(estimator, bridge.export(estimator, data, target="cpu"), data).ok
