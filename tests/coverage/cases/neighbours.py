"""Neighbours, densities, outliers, semi-supervised, naive Bayes, mixtures, clusters, covariances, manifolds."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn import (
    cluster,
    covariance,
    dummy,
    manifold,
    mixture,
    naive_bayes,
    neighbors,
    neural_network,
    semi_supervised,
)
from sklearn.base import clone
from sklearn.cluster import AffinityPropagation, Birch, BisectingKMeans
from sklearn.metrics import pairwise_distances

from tests.coverage.case import Case, Default
from tests.coverage.data import Data, of, table

DEFAULTS = (
    Default(neighbors.KNeighborsClassifier(), target="three"),
    Default(neighbors.KNeighborsRegressor(), target="real"),
    Default(neighbors.KNeighborsTransformer()),
    Default(neighbors.RadiusNeighborsClassifier(4.0, outlier_label="most_frequent"), "blobs", "three"),
    Default(neighbors.RadiusNeighborsRegressor(4.0), "blobs", "real"),
    Default(neighbors.RadiusNeighborsTransformer(radius=2.0), "blobs"),
    Default(neighbors.NearestNeighbors(radius=2.0), "blobs"),
    Default(neighbors.NearestCentroid(), target="three"),
    Default(neighbors.NeighborhoodComponentsAnalysis(2, max_iter=10, random_state=0), target="three"),
    Default(neighbors.KernelDensity(bandwidth=1.5), "blobs"),
    Default(neighbors.LocalOutlierFactor(novelty=True)),
    Default(semi_supervised.LabelPropagation(gamma=0.5), "blobs", "three"),
    Default(semi_supervised.LabelSpreading(gamma=0.5), "blobs", "three"),
    Default(naive_bayes.BernoulliNB(), target="three"),
    Default(naive_bayes.CategoricalNB(min_categories=12), "counts", "three"),
    Default(naive_bayes.ComplementNB(), "positive", "three"),
    Default(naive_bayes.GaussianNB(), target="three"),
    Default(naive_bayes.MultinomialNB(), "counts", "three"),
    Default(mixture.BayesianGaussianMixture(n_components=3, random_state=0, max_iter=50), "blobs"),
    Default(mixture.GaussianMixture(3, random_state=0), "blobs"),
    Default(AffinityPropagation(damping=0.8, random_state=0), "blobs"),
    Default(Birch(threshold=1.0), "blobs"),
    Default(BisectingKMeans(4, random_state=0), "blobs"),
    Default(cluster.FeatureAgglomeration(3)),
    Default(cluster.KMeans(4, n_init=2, random_state=0), "blobs"),
    Default(cluster.MeanShift(bandwidth=3.0), "blobs"),
    Default(cluster.MiniBatchKMeans(4, n_init=2, random_state=0), "blobs"),
    *(
        Default(kind)
        for kind in (
            covariance.EllipticEnvelope(random_state=0),
            covariance.EmpiricalCovariance(),
            covariance.GraphicalLasso(),
            covariance.GraphicalLassoCV(cv=3),
            covariance.LedoitWolf(),
            covariance.MinCovDet(random_state=0),
            covariance.OAS(),
            covariance.ShrunkCovariance(),
        )
    ),
    Default(manifold.Isomap(), "blobs"),
    Default(manifold.LocallyLinearEmbedding(n_neighbors=8, random_state=0), "blobs"),
    Default(dummy.DummyClassifier(), target="three"),
    Default(dummy.DummyRegressor(quantile=0.3, constant=1.5), target="real"),
    Default(neural_network.MLPClassifier((8,), max_iter=30, random_state=0), target="three"),
    Default(neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=30, random_state=0), target="above zero"),
    Default(neural_network.BernoulliRBM(n_components=4, n_iter=3, random_state=0), "shares"),
)


def _distances(target: str) -> Data:
    """Return the distances of the rows from the fitted rows."""
    rows = table("blobs", target)
    return Data(pairwise_distances(rows.X), rows.y, pairwise_distances(rows.unseen, rows.X))


def _half_labelled() -> Data:
    rows = table("blobs", "three")
    y = rows.y.copy()
    y[::2] = -1
    return Data(rows.X, y, rows.unseen)


def _far_away(target: str) -> Data:
    """Return data some of whose unseen rows have no neighbour within any radius."""
    rows = table("blobs", target)
    unseen = rows.unseen.copy()
    unseen[::7] += 1000.0
    return Data(rows.X, rows.y, unseen)


def _weigh(distances: np.ndarray) -> np.ndarray:
    return np.exp(-distances)


def _near(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    return np.exp(-pairwise_distances(X, Y))


def _city_block(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).sum())


def _metrics_with_parameters() -> list[Case]:
    """Return cases of the metrics that want a parameter, or two columns."""
    kinds = (
        (neighbors.KNeighborsClassifier(), "three"),
        (neighbors.KNeighborsRegressor(), "real"),
        (neighbors.KNeighborsTransformer(), "none"),
        (neighbors.NearestNeighbors(), "none"),
        (neighbors.LocalOutlierFactor(novelty=True), "none"),
        (manifold.Isomap(), "none"),
        (neighbors.KernelDensity(), "none"),
        (neighbors.RadiusNeighborsClassifier(4.0, outlier_label="most_frequent"), "three"),
        (neighbors.RadiusNeighborsRegressor(4.0), "real"),
        (neighbors.RadiusNeighborsTransformer(radius=1.0), "none"),
    )
    parameters = {"mahalanobis": {"VI": np.diag([1.0, 2, 3])}, "seuclidean": {"V": np.array([1.0, 2, 3])}}
    cases = []
    for estimator, target in kinds:
        for metric, params in parameters.items():
            chosen = clone(estimator).set_params(metric=metric, metric_params=params)
            cases.append(Case(chosen, of("blobs", target), f"metric={metric}"))
        on_a_globe = clone(estimator).set_params(metric="haversine")
        if (getattr(on_a_globe, "radius", None) or 0) > 1:  # which would reach around it
            on_a_globe.set_params(radius=1.0)
        cases.append(Case(on_a_globe, of("on a globe", target), "metric=haversine"))
    return cases


_SEARCHES = (
    Case(neighbors.KNeighborsClassifier(), of("blobs", "three"), "kneighbors", methods=("kneighbors",)),
    Case(neighbors.KNeighborsTransformer(), of("blobs"), "kneighbors", methods=("kneighbors",)),
    Case(neighbors.LocalOutlierFactor(novelty=True), of("blobs"), "kneighbors", methods=("kneighbors",)),
    Case(neighbors.NearestNeighbors(n_neighbors=3), of("lattice"), "ties in a lattice", methods=("kneighbors",)),
    Case(
        neighbors.RadiusNeighborsRegressor(2.0), of("blobs", "real"), "radius_neighbors", methods=("radius_neighbors",)
    ),
    Case(
        neighbors.RadiusNeighborsClassifier(2.0, outlier_label="most_frequent"),
        of("blobs", "three"),
        "radius_neighbors",
        methods=("radius_neighbors",),
    ),
)
_LATTICE = of("lattice", "three")
_ALGORITHMS = ("brute", "kd_tree", "ball_tree")
_RADIUS = neighbors.RadiusNeighborsClassifier
NAMED = (
    *_SEARCHES,
    Case(neighbors.KNeighborsClassifier(weights="distance"), of(target="three"), "weights by distance", issue=True),
    Case(neighbors.KNeighborsRegressor(weights="distance"), of(target="real"), "weights by distance", issue=True),
    Case(neighbors.KNeighborsRegressor(weights="distance"), of("lattice", "two"), "weights by distance, hits"),
    Case(neighbors.KNeighborsClassifier(weights="distance"), _LATTICE, "weights by distance, hits"),
    Case(neighbors.KNeighborsClassifier(weights=_weigh), of(target="three"), "weights by a function"),
    *(
        Case(neighbors.KNeighborsClassifier(algorithm=name), _LATTICE, f"ties in a lattice, {name}")
        for name in _ALGORITHMS
    ),
    *(Case(neighbors.KNeighborsRegressor(p=p), of(target="real"), f"p={p}") for p in (1, 3, 1.5)),
    Case(neighbors.KNeighborsClassifier(p=1), _LATTICE, "p=1, ties in a lattice"),
    *_metrics_with_parameters(),
    Case(neighbors.KNeighborsClassifier(metric=_city_block), of("blobs", "three"), "metric of a function"),
    Case(
        neighbors.KNeighborsRegressor(metric="minkowski", p=2, metric_params={"w": np.array([1.0, 2, 3])}),
        of("blobs", "real"),
        "weighted minkowski",
    ),
    Case(neighbors.KNeighborsClassifier(metric="precomputed"), partial(_distances, "three"), "metric=precomputed"),
    Case(neighbors.KNeighborsRegressor(metric="precomputed"), partial(_distances, "real"), "metric=precomputed"),
    Case(neighbors.KNeighborsTransformer(metric="precomputed"), partial(_distances, "none"), "metric=precomputed"),
    Case(
        neighbors.RadiusNeighborsClassifier(4.0, metric="precomputed", outlier_label="most_frequent"),
        partial(_distances, "three"),
        "metric=precomputed",
    ),
    Case(
        neighbors.RadiusNeighborsRegressor(4.0, metric="precomputed"), partial(_distances, "real"), "metric=precomputed"
    ),
    Case(neighbors.RadiusNeighborsTransformer(metric="precomputed"), partial(_distances, "none"), "metric=precomputed"),
    Case(neighbors.NearestNeighbors(metric="precomputed"), partial(_distances, "none"), "metric=precomputed"),
    Case(
        neighbors.LocalOutlierFactor(metric="precomputed", novelty=True),
        partial(_distances, "none"),
        "metric=precomputed",
    ),
    Case(neighbors.KNeighborsClassifier(), of("blobs", "multioutput"), "several outputs"),
    Case(_RADIUS(4.0, weights="distance", outlier_label=5), partial(_far_away, "three"), "outliers by a label"),
    Case(
        _RADIUS(4.0, outlier_label="most_frequent"), partial(_far_away, "three text"), "outliers by the most frequent"
    ),
    Case(neighbors.RadiusNeighborsRegressor(4.0, weights="distance"), partial(_far_away, "real"), "without neighbours"),
    Case(neighbors.RadiusNeighborsRegressor(2.0), of("lattice", "two"), "on the radius"),
    Case(neighbors.NearestCentroid(metric="manhattan"), of(target="three text"), "manhattan"),
    Case(neighbors.NearestCentroid(shrink_threshold=0.3), of(target="three"), "shrunk"),
    Case(neighbors.NearestCentroid(priors=[0.2, 0.3, 0.5]), of(target="three"), "priors"),
    Case(neighbors.LocalOutlierFactor(n_neighbors=5, novelty=True), of("lattice"), "ties in a lattice"),
    Case(semi_supervised.LabelPropagation(kernel="knn"), _half_labelled, "half labelled, knn"),
    Case(semi_supervised.LabelSpreading(gamma=0.5), _half_labelled, "half labelled"),
    Case(semi_supervised.LabelSpreading(kernel=_near), of("blobs", "three"), "kernel of a function"),
    Case(naive_bayes.GaussianNB(), of(target="binary text"), "two, text"),
    Case(naive_bayes.BernoulliNB(binarize=None), of("bits", "three"), "not binarised"),
    Case(naive_bayes.BernoulliNB(binarize=0.5), of(target="three"), "binarised at a half"),
    Case(naive_bayes.ComplementNB(norm=True), of("counts", "binary"), "normed"),
    Case(mixture.GaussianMixture(1, random_state=0), of("blobs"), "one component"),
    Case(Birch(threshold=1.0, n_clusters=None), of("blobs"), "without a global step"),
    Case(cluster.MeanShift(), of("blobs"), "estimated bandwidth"),
    Case(cluster.MeanShift(bandwidth=2.0, cluster_all=False), of("blobs"), "orphans"),
    Case(cluster.FeatureAgglomeration(3, pooling_func=np.max), of(), "pooled by the largest"),
    Case(cluster.FeatureAgglomeration(3, pooling_func=np.median), of(), "pooled by the median"),
    Case(manifold.Isomap(metric="precomputed"), partial(_distances, "none"), "metric=precomputed"),
    Case(manifold.Isomap(n_neighbors=None, radius=5.0), of("blobs"), "within a radius"),
    Case(dummy.DummyClassifier(strategy="constant", constant="kleiner"), of(target="three text"), "strategy=constant"),
    Case(dummy.DummyClassifier(), of(target="multioutput text"), "several outputs"),
    Case(neural_network.MLPClassifier((6, 4), max_iter=30, random_state=0), of(target="multilabel"), "multilabel"),
    Case(neural_network.MLPClassifier((6,), max_iter=30, random_state=0), of(target="binary text"), "two, text"),
    Case(
        neural_network.MLPRegressor(hidden_layer_sizes=(6, 4), max_iter=30, random_state=0),
        of(target="two"),
        "two targets",
    ),
)
