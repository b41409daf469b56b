"""Say what trains in chunks instead of an estimator that does not."""

from __future__ import annotations

from typing import Any

from bridge.errors import UnsupportedError

_FROZEN = "one that is fitted on a sample: FrozenEstimator({}().fit(sample))"
_CLASSIFIERS = "SGDClassifier, MLPClassifier or GaussianNB"
_REGRESSORS = "SGDRegressor or MLPRegressor"

INSTEAD = {
    "LogisticRegression": 'SGDClassifier(loss="log_loss")',
    "LogisticRegressionCV": 'SGDClassifier(loss="log_loss")',
    "LinearSVC": 'SGDClassifier(loss="hinge")',
    "SVC": 'SGDClassifier(loss="hinge")',
    "NuSVC": 'SGDClassifier(loss="hinge")',
    "RidgeClassifier": 'SGDClassifier(loss="squared_error")',
    "LinearRegression": "SGDRegressor(penalty=None)",
    "Ridge": 'SGDRegressor(penalty="l2")',
    "RidgeCV": 'SGDRegressor(penalty="l2")',
    "Lasso": 'SGDRegressor(penalty="l1")',
    "LassoCV": 'SGDRegressor(penalty="l1")',
    "ElasticNet": 'SGDRegressor(penalty="elasticnet")',
    "ElasticNetCV": 'SGDRegressor(penalty="elasticnet")',
    "HuberRegressor": 'SGDRegressor(loss="huber")',
    "LinearSVR": 'SGDRegressor(loss="epsilon_insensitive")',
    "SVR": 'SGDRegressor(loss="epsilon_insensitive")',
    "OneClassSVM": "SGDOneClassSVM",
    "KMeans": "MiniBatchKMeans",
    "BisectingKMeans": "MiniBatchKMeans",
    "PCA": "IncrementalPCA",
    "TruncatedSVD": "IncrementalPCA",
    "SparsePCA": "MiniBatchDictionaryLearning",
    "DictionaryLearning": "MiniBatchDictionaryLearning",
    "NMF": "MiniBatchNMF",
    "RobustScaler": "StandardScaler",
    "PowerTransformer": "StandardScaler",
    "QuantileTransformer": "StandardScaler or " + _FROZEN.format("QuantileTransformer"),
    "CountVectorizer": "HashingVectorizer",
    "TfidfVectorizer": "HashingVectorizer",
    "DictVectorizer": "FeatureHasher",
}
"""What to use instead of a class, by its name; the others by their kind."""


def refuse(estimator: Any, name: str = "") -> UnsupportedError:
    """Return the error for an estimator without `partial_fit`; `name` is that of its step in a pipeline."""
    cls = type(estimator)
    where = f"step {name!r}: " if name else ""
    if hasattr(cls, "partial_fit"):
        inner = getattr(estimator, "estimator", None)
        if inner is not None:
            return UnsupportedError(
                f"{where}{cls.__name__} trains in chunks only where its estimator does; found {type(inner).__name__}, "
                f"which has no partial_fit. Use {_instead(inner)}."
            )
        if getattr(estimator, "solver", None) == "lbfgs":
            return UnsupportedError(
                f'{where}{cls.__name__}(solver="lbfgs") has no partial_fit. Use solver="adam" or "sgd".'
            )
        return UnsupportedError(f"{where}{cls.__name__} has no partial_fit with these parameters")
    return UnsupportedError(
        f"{where}{cls.__name__} cannot be trained in chunks: it has no partial_fit. Use {_instead(estimator)}."
    )


def _instead(estimator: Any) -> str:
    from sklearn.base import is_classifier, is_clusterer, is_regressor

    name = type(estimator).__name__
    if name in INSTEAD:
        return INSTEAD[name]
    if is_classifier(estimator):
        return _CLASSIFIERS
    if is_regressor(estimator):
        return _REGRESSORS
    if is_clusterer(estimator):
        return "MiniBatchKMeans or Birch"
    return _FROZEN.format(name) if hasattr(estimator, "transform") else "an estimator with partial_fit"
