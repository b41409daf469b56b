"""The table of models by which precisions are measured beside the zoo: products, distances and kernels, boosters."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sklearn import (
    cluster,
    decomposition,
    ensemble,
    mixture,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
)
from sklearn.pipeline import make_pipeline

from models import data
from models.zoo import Model

if TYPE_CHECKING:
    from collections.abc import Callable


def _scaled(step: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: make_pipeline(preprocessing.StandardScaler(), step())


def _projected(step: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(20), step())


def _booster(library: str, name: str, **options: Any) -> Callable[[], Any]:
    def build() -> Any:
        from importlib import import_module

        return getattr(import_module(library), name)(**options)

    return build


_mlp = partial(neural_network.MLPClassifier, max_iter=60, random_state=0)
_mlp_regressor = partial(neural_network.MLPRegressor, max_iter=200, random_state=0)
_lightgbm = partial(_booster, "lightgbm", n_estimators=50, verbosity=-1, n_jobs=1)
_xgboost = partial(_booster, "xgboost", n_estimators=50, n_jobs=1)

NUMERIC: tuple[Model, ...] = (
    Model("mlp", data.breast_cancer, _scaled(_mlp)),
    Model("mlp-digits", data.digits, _scaled(partial(_mlp, hidden_layer_sizes=(256, 128)))),
    Model("mlp-tanh", data.digits, _scaled(partial(_mlp, hidden_layer_sizes=(128,), activation="tanh"))),
    Model("mlp-regressor", data.diabetes, _scaled(partial(_mlp_regressor, hidden_layer_sizes=(128, 64)))),
    Model("svc", data.wine, _scaled(svm.SVC)),
    Model("svc-digits", data.digits, svm.SVC),
    Model("svr", data.diabetes, _scaled(partial(svm.SVR, C=100))),
    Model("neighbours", data.wine, _scaled(neighbors.KNeighborsClassifier)),
    Model("neighbours-regressor", data.diabetes, partial(neighbors.KNeighborsRegressor, weights="distance")),
    Model("naive-bayes", data.wine, naive_bayes.GaussianNB),
    Model("k-means", data.digits, partial(cluster.KMeans, 10, random_state=0)),
    Model("mixture", data.wine, _scaled(partial(mixture.GaussianMixture, 3, random_state=0))),
    Model("pca", data.breast_cancer, _scaled(partial(decomposition.PCA, 20))),
    Model("pca-forest", data.digits, _projected(partial(ensemble.RandomForestClassifier, 30, random_state=0))),
    Model("pca-mlp", data.digits, _projected(partial(_mlp, hidden_layer_sizes=(64,)))),
    Model("lightgbm", data.breast_cancer, _lightgbm("LGBMClassifier")),
    Model("lightgbm-strings", data.wine, _lightgbm("LGBMClassifier")),
    Model("lightgbm-missing", data.breast_cancer_missing, _lightgbm("LGBMClassifier")),
    Model("lightgbm-regressor", data.diabetes, _lightgbm("LGBMRegressor")),
    Model("xgboost", data.breast_cancer, _xgboost("XGBClassifier")),
    Model("xgboost-digits", data.digits, _xgboost("XGBClassifier")),
    Model("xgboost-regressor", data.diabetes, _xgboost("XGBRegressor")),
)
