"""Trees, forests, boosting and bagging."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn import ensemble, linear_model, naive_bayes, neighbors, pipeline, preprocessing, svm, tree

from tests.coverage.case import Case, Default
from tests.coverage.data import Data, of, table, with_missing

_FEW: dict[str, Any] = {"n_estimators": 6, "max_depth": 5, "random_state": 0}
_hist_classifier = partial(ensemble.HistGradientBoostingClassifier, max_iter=6, min_samples_leaf=5, random_state=0)
_hist_regressor = partial(ensemble.HistGradientBoostingRegressor, max_iter=6, min_samples_leaf=5, random_state=0)

_CLASSIFIERS = (
    ensemble.AdaBoostClassifier(n_estimators=6, random_state=0),
    ensemble.BaggingClassifier(n_estimators=4, random_state=0),
    ensemble.ExtraTreesClassifier(**_FEW),
    ensemble.GradientBoostingClassifier(n_estimators=6, random_state=0),
    _hist_classifier(),
    ensemble.RandomForestClassifier(**_FEW),
    tree.DecisionTreeClassifier(max_depth=6, random_state=0),
    tree.ExtraTreeClassifier(max_depth=6, random_state=0),
)
_REGRESSORS = (
    ensemble.AdaBoostRegressor(n_estimators=6, random_state=0),
    ensemble.BaggingRegressor(n_estimators=4, random_state=0),
    ensemble.ExtraTreesRegressor(**_FEW),
    ensemble.GradientBoostingRegressor(n_estimators=6, random_state=0),
    _hist_regressor(),
    ensemble.RandomForestRegressor(**_FEW),
    tree.DecisionTreeRegressor(max_depth=6, random_state=0),
    tree.ExtraTreeRegressor(max_depth=6, random_state=0),
)
DEFAULTS = (
    *(Default(classifier, target="three") for classifier in _CLASSIFIERS),
    *(Default(regressor, target="above zero") for regressor in _REGRESSORS),
    Default(ensemble.IsolationForest(n_estimators=6, random_state=0)),
    Default(ensemble.RandomTreesEmbedding(n_estimators=6, max_depth=3, random_state=0)),
)


def missing(target: str) -> Data:
    return with_missing(table("numbers", target))


def _with_categories(target: str) -> Data:
    """Return a frame with a column of categories, one of small integers, and numbers."""
    rows = table("numbers", target)
    words = np.array(["a", "b", "c", "d", "e", "f"])

    def frame(X: Any) -> pd.DataFrame:
        code = X[:, 3].astype(int)
        return pd.DataFrame({"word": pd.Categorical(words[code], words), "level": code, "x": X[:, 0], "z": X[:, 4]})

    return Data(frame(rows.X), rows.y, frame(rows.unseen))


_NAN_KINDS = (
    tree.DecisionTreeClassifier(max_depth=6, random_state=0),
    tree.ExtraTreeClassifier(max_depth=6, random_state=0),
    ensemble.RandomForestClassifier(**_FEW),
    ensemble.ExtraTreesClassifier(**_FEW),
)
_NAN_REGRESSORS = (
    tree.DecisionTreeRegressor(max_depth=6, random_state=0),
    ensemble.RandomForestRegressor(**_FEW),
)
_SVC = svm.SVC()
NAMED = (
    *(
        Case(ensemble.RandomForestClassifier(**_FEW), of(target=kind), f"target {kind}")
        for kind in ("objects", "floats")
    ),
    *(Case(e, partial(missing, "three"), "fitted on NaN", issue=True) for e in _NAN_KINDS),
    *(Case(e, partial(missing, "real"), "fitted on NaN", issue=True) for e in _NAN_REGRESSORS),
    Case(_hist_classifier(categorical_features=[3]), partial(missing, "three"), "categories and NaN", issue=True),
    Case(_hist_regressor(categorical_features=[3]), partial(missing, "real"), "categories and NaN", issue=True),
    Case(_hist_classifier(), partial(_with_categories, "binary text"), "categories of a frame", issue=True),
    Case(_hist_regressor(loss="poisson"), of(target="above zero"), "poisson", issue=True),
    Case(_hist_regressor(loss="gamma"), of(target="above zero"), "gamma", issue=True),
    Case(_hist_regressor(loss="quantile", quantile=0.8), of(target="real"), "loss=quantile"),
    Case(_hist_regressor(), of(target="real"), "float64 data", issue=True),
    Case(_hist_classifier(), of(target="binary"), "float64 data", issue=True),
    Case(
        ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=6, random_state=0),
        of(target="binary"),
        "exponential scores",
        issue=True,
    ),
    Case(
        ensemble.GradientBoostingClassifier(init="zero", n_estimators=6, random_state=0),
        of(target="three"),
        "init zero",
        issue=True,
    ),
    Case(
        ensemble.GradientBoostingClassifier(init=naive_bayes.GaussianNB(), n_estimators=6, random_state=0),
        of(target="three"),
        "init of an estimator",
        issue=True,
    ),
    Case(
        ensemble.GradientBoostingRegressor(init="zero", n_estimators=6, random_state=0),
        of(target="real"),
        "init zero",
        issue=True,
    ),
    Case(
        ensemble.GradientBoostingRegressor(init=linear_model.LinearRegression(), n_estimators=6, random_state=0),
        of(target="real"),
        "init of an estimator",
        issue=True,
    ),
    Case(
        ensemble.IsolationForest(n_estimators=6, max_features=0.5, random_state=0),
        of(),
        "half of the features",
        issue=True,
    ),
    Case(ensemble.IsolationForest(n_estimators=6, contamination=0.2, random_state=0), of(), "contamination"),
    Case(ensemble.BaggingClassifier(_SVC, n_estimators=3, random_state=0), of(target="three"), "of SVC", issue=True),
    Case(
        ensemble.BaggingClassifier(linear_model.LogisticRegression(), n_estimators=3, max_features=0.5, random_state=0),
        of(target="three text"),
        "of logistic regressions on half of the features",
    ),
    Case(
        ensemble.BaggingClassifier(linear_model.RidgeClassifier(), n_estimators=3, random_state=0),
        of(target="binary"),
        "of estimators without probabilities",
    ),
    Case(
        ensemble.BaggingRegressor(neighbors.KNeighborsRegressor(), n_estimators=3, max_features=0.7, random_state=0),
        of(target="real"),
        "of neighbours",
    ),
    Case(
        ensemble.AdaBoostClassifier(linear_model.LogisticRegression(), n_estimators=3, random_state=0),
        of(target="three"),
        "of logistic regressions",
    ),
    Case(
        ensemble.AdaBoostRegressor(linear_model.Ridge(), n_estimators=3, random_state=0), of(target="real"), "of ridges"
    ),
    *(
        Case(
            pipeline.make_pipeline(scaler, tree.DecisionTreeClassifier(random_state=0)),
            of(target="three"),
            f"{type(scaler).__name__} and tree",
            issue=True,
        )
        for scaler in (
            preprocessing.StandardScaler(),
            preprocessing.MinMaxScaler(),
            preprocessing.RobustScaler(),
            preprocessing.MaxAbsScaler(),
        )
    ),
    *(
        Case(forest, of(target="multioutput"), "probabilities of several outputs", issue=True)
        for forest in (
            ensemble.RandomForestClassifier(**_FEW),
            ensemble.ExtraTreesClassifier(**_FEW),
            tree.DecisionTreeClassifier(max_depth=5, random_state=0),
        )
    ),
    Case(ensemble.RandomForestClassifier(class_weight="balanced", **_FEW), of(target="three"), "balanced"),
    Case(tree.DecisionTreeClassifier(random_state=0), of(target="three"), "deep"),
    Case(tree.DecisionTreeRegressor(max_leaf_nodes=5, random_state=0), of("lattice", "real"), "on a lattice"),
    Case(tree.DecisionTreeClassifier(max_depth=6, random_state=0), of("lattice", "three"), "on a lattice"),
    Case(tree.DecisionTreeClassifier(monotonic_cst=[1, 0, -1, 0, 0, 0]), of(target="binary"), "monotonic"),
)
