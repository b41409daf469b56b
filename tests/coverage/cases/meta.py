"""What holds other estimators: pipelines, columns, votes, stacks, searches, thresholds, calibration, chains."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sklearn import (
    calibration,
    compose,
    ensemble,
    frozen,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
    semi_supervised,
    svm,
    tree,
)
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectFromModel, SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier

from tests.coverage.case import Case, Default
from tests.coverage.data import Data, as_frame, of, table

_logistic, _tree = LogisticRegression(), tree.DecisionTreeClassifier(max_depth=4, random_state=0)
_nb, _scaler = naive_bayes.GaussianNB(), preprocessing.StandardScaler()
_CLASSIFIERS = [("a", _logistic), ("b", _tree), ("c", _nb)]
_REGRESSORS = [("a", Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=4, random_state=0))]
_CS = {"C": [0.1, 1.0]}


def _half_labelled(target: str = "three") -> Data:
    rows = table("numbers", target)
    y = rows.y.copy()
    y[::2] = -1
    return Data(rows.X, y, rows.unseen)


DEFAULTS = (
    Default(pipeline.make_pipeline(_scaler, _logistic), target="three"),
    Default(pipeline.make_union(_scaler, PCA(2))),
    Default(compose.ColumnTransformer([("a", _scaler, [0, 1]), ("b", SimpleImputer(), [2])])),
    Default(compose.TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp), target="above zero"),
    Default(ensemble.VotingClassifier(_CLASSIFIERS, voting="soft"), target="three"),
    Default(ensemble.VotingRegressor(_REGRESSORS), target="real"),
    Default(ensemble.StackingClassifier(_CLASSIFIERS, cv=3), target="three"),
    Default(ensemble.StackingRegressor(_REGRESSORS, cv=3), target="real"),
    Default(calibration.CalibratedClassifierCV(svm.LinearSVC(random_state=0), cv=3), target="counted"),
    Default(model_selection.GridSearchCV(_logistic, _CS, cv=2), target="three"),
    Default(model_selection.RandomizedSearchCV(_logistic, _CS, n_iter=2, cv=2, random_state=0), target="three"),
    Default(model_selection.HalvingGridSearchCV(_logistic, _CS, cv=2, random_state=0), target="three"),
    Default(model_selection.HalvingRandomSearchCV(_logistic, _CS, cv=2, random_state=0), target="three"),
    Default(model_selection.FixedThresholdClassifier(_logistic, threshold=0.3), target="binary"),
    Default(model_selection.TunedThresholdClassifierCV(_logistic, cv=2), target="binary"),
    Default(multiclass.OneVsRestClassifier(_logistic), target="three"),
    Default(multiclass.OneVsOneClassifier(_logistic), target="three"),
    Default(multiclass.OutputCodeClassifier(_logistic, code_size=2.0, random_state=0), target="three"),
    Default(multioutput.MultiOutputClassifier(_logistic), target="multioutput"),
    Default(multioutput.MultiOutputRegressor(Ridge()), target="two"),
    Default(multioutput.ClassifierChain(_logistic, random_state=0), target="multilabel"),
    Default(multioutput.RegressorChain(Ridge(), random_state=0), target="two"),
    Default(semi_supervised.SelfTrainingClassifier(_logistic), data=_half_labelled),
)


def _frozen(estimator: Any, data: Data) -> Any:
    return frozen.FrozenEstimator(estimator.fit(data.X, data.y))


def _calibrated_frozen(method: str, data: Data) -> Any:
    fitted = _frozen(svm.LinearSVC(random_state=0), data)
    return calibration.CalibratedClassifierCV(fitted, method=method).fit(data.X, data.y)


def _frame(target: str = "three text") -> Data:
    """Return a frame of text, integers and floats with NaN."""
    rows, words = table("numbers", target), table("categories", "real")

    def frame(X: Any, text: Any) -> pd.DataFrame:
        gaps = np.where(X[:, 5] == 0, np.nan, X[:, 0])
        return pd.DataFrame(
            {"town": text[:, 0], "size": text[:, 1], "level": X[:, 3].astype(int), "x": gaps, "z": X[:, 1]}
        )

    return Data(frame(rows.X, words.X), rows.y, frame(rows.unseen, words.unseen))


def _renamed(target: str) -> Data:
    return as_frame(table("numbers", target))


_of_frame = partial(
    compose.ColumnTransformer,
    [
        ("words", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["town", "size"]),
        ("numbers", pipeline.make_pipeline(SimpleImputer(), preprocessing.StandardScaler()), ["x", "z"]),
    ],
)
_numbers_of_frame = [("numbers", pipeline.make_pipeline(SimpleImputer(), _scaler), ["x", "z"])]
_OWN = {"owner": calibration.CalibratedClassifierCV}


def _polars() -> Data:
    rows = _frame()
    return Data(pl.from_pandas(rows.X), rows.y, pl.from_pandas(rows.unseen))


_COLUMNS = (
    Case(pipeline.make_pipeline(_of_frame(), _logistic), _polars, "of a polars frame"),
    Case(
        pipeline.make_pipeline(preprocessing.StandardScaler().set_output(transform="pandas"), PCA(2)),
        partial(_renamed, "real"),
        "frames between the steps",
    ),
    Case(
        compose.ColumnTransformer(_numbers_of_frame, remainder="drop").set_output(transform="pandas"),
        _frame,
        "answers with a frame",
    ),
    Case(_of_frame(), _frame, "of a frame"),
    Case(_of_frame(remainder="passthrough"), _frame, "remainder=passthrough"),
    Case(_of_frame(remainder=preprocessing.MinMaxScaler()), _frame, "remainder scaled"),
    Case(compose.ColumnTransformer(_numbers_of_frame, remainder="drop"), _frame, "remainder=drop"),
    Case(
        compose.ColumnTransformer([("a", "passthrough", [0]), ("b", "drop", [1])], remainder="passthrough"),
        of(),
        "passed and dropped",
    ),
    Case(
        compose.ColumnTransformer([("a", SimpleImputer(), compose.make_column_selector(dtype_include="number"))]),
        _frame,
        "selected by dtype",
    ),
    Case(pipeline.make_pipeline(_of_frame(), _logistic), _frame, "of a frame, text labels"),
    Case(
        pipeline.make_pipeline(_of_frame(), ensemble.RandomForestClassifier(5, random_state=0)),
        _frame,
        "of a frame, forest",
    ),
    Case(
        pipeline.make_pipeline(_of_frame(sparse_threshold=0), ensemble.HistGradientBoostingClassifier(max_iter=5)),
        _frame,
        "of a frame, histogram boosting",
    ),
    Case(
        pipeline.Pipeline([("none", "passthrough"), ("scale", _scaler), ("last", _logistic)]),
        of(target="three"),
        "passed through",
    ),
    Case(pipeline.make_pipeline(_scaler, "passthrough"), of(), "ends in passthrough"),
    Case(pipeline.make_pipeline(_scaler, SGDClassifier(random_state=0)), of(target="binary"), "raw scores", issue=True),
    Case(pipeline.make_pipeline(_scaler, _logistic), of(target="binary"), "raw scores of a logistic", issue=True),
    Case(
        pipeline.make_pipeline(SelectKBest(k=3), svm.SVC(probability=True)),
        of(target="binary"),
        "raw scores of SVC",
        issue=True,
    ),
    Case(pipeline.make_pipeline(_scaler, PCA(3)), of(), "scores of PCA"),
    Case(
        pipeline.FeatureUnion([("a", _scaler), ("b", "drop"), ("c", PCA(2))], transformer_weights={"c": 0.5}),
        of(),
        "dropped and weighted",
    ),
    Case(pipeline.FeatureUnion([("a", "passthrough"), ("b", PCA(2))]), of(), "passed through"),
)


def _fitted(estimators: list[tuple[str, Any]], data: Data) -> list[tuple[str, Any]]:
    return [(name, clone(estimator).fit(data.X, data.y)) for name, estimator in estimators]


def _stacked_classifier(data: Data) -> Any:
    return ensemble.StackingClassifier(_fitted(_CLASSIFIERS, data), cv="prefit").fit(data.X, data.y)


def _stacked_regressor(data: Data) -> Any:
    return ensemble.StackingRegressor(_fitted(_REGRESSORS, data), cv="prefit").fit(data.X, data.y)


def _tuned(data: Data) -> Any:
    fitted = clone(_logistic).fit(data.X, data.y)
    return model_selection.TunedThresholdClassifierCV(fitted, cv="prefit", refit=False).fit(data.X, data.y)


def _selected(data: Data) -> Any:
    return SelectFromModel(clone(_logistic).fit(data.X, data.y), prefit=True).fit(data.X, data.y)


_PREFIT = (
    Case(_stacked_classifier, of(target="three"), "cv=prefit", owner=ensemble.StackingClassifier),
    Case(_stacked_regressor, of(target="real"), "cv=prefit", owner=ensemble.StackingRegressor),
    Case(_tuned, of(target="binary"), "cv=prefit", owner=model_selection.TunedThresholdClassifierCV),
    Case(_selected, of(target="three"), "prefit=True", owner=SelectFromModel),
)
_ENSEMBLES = (
    *_PREFIT,
    Case(
        ensemble.StackingClassifier(
            [("a", _logistic), ("b", svm.LinearSVC(random_state=0))], cv=3, stack_method="decision_function"
        ),
        of(target="three"),
        "stack_method=decision_function",
    ),
    Case(ensemble.VotingClassifier(_CLASSIFIERS, weights=[1, 2, 1.5]), of(target="three text"), "hard, weighted"),
    Case(
        ensemble.VotingClassifier(_CLASSIFIERS, voting="soft", weights=[1, 2, 1.5], flatten_transform=False),
        of(target="three"),
        "soft, weighted, not flattened",
    ),
    Case(ensemble.VotingClassifier([*_CLASSIFIERS[:2], ("d", "drop")]), of(target="binary"), "hard, dropped"),
    Case(ensemble.VotingRegressor(_REGRESSORS, weights=[1, 3]), of(target="real"), "weighted"),
    Case(
        ensemble.StackingClassifier([("a", RidgeClassifier()), ("b", _tree)], cv=3, passthrough=True),
        of(target="binary text"),
        "passed through",
    ),
    Case(ensemble.StackingClassifier(_CLASSIFIERS, cv=3, final_estimator=svm.SVC()), of(target="three"), "SVC last"),
    Case(ensemble.StackingRegressor(_REGRESSORS, cv=3, passthrough=True), of(target="real"), "passed through"),
)
_CALIBRATED = (
    Case(calibration.CalibratedClassifierCV(_nb, method="isotonic", cv=3), of(target="three"), "isotonic", issue=True),
    Case(
        calibration.CalibratedClassifierCV(_nb, method="isotonic", cv=3),
        of(target="binary"),
        "isotonic of two",
        issue=True,
    ),
    Case(
        calibration.CalibratedClassifierCV(_logistic, method="temperature", cv=3),
        of(target="counted"),
        "temperature",
        issue=True,
    ),
    Case(
        calibration.CalibratedClassifierCV(svm.SVC(), method="temperature", cv=3),
        of(target="binary"),
        "temperature of two",
        issue=True,
    ),
    Case(calibration.CalibratedClassifierCV(_tree, cv=3, ensemble=False), of(target="three text"), "no ensemble"),
    *(
        Case(partial(_calibrated_frozen, method), of(target="counted"), f"frozen, {method}", issue=True, **_OWN)
        for method in ("sigmoid", "isotonic", "temperature")
    ),
    Case(partial(_calibrated_frozen, "sigmoid"), of(target="binary"), "frozen, two", issue=True, **_OWN),
)
_MULTI = (
    Case(multiclass.OneVsOneClassifier(svm.LinearSVC(random_state=0)), of(target="three text"), "text", issue=True),
    Case(multiclass.OneVsOneClassifier(_nb), of(target="three text"), "of probabilities, text", issue=True),
    Case(
        multiclass.OneVsRestClassifier(svm.LinearSVC(random_state=0)),
        of(target="three"),
        "LinearSVC scores",
        issue=True,
    ),
    Case(
        multiclass.OneVsRestClassifier(svm.LinearSVC(random_state=0)),
        of(target="binary text"),
        "LinearSVC of two",
        issue=True,
    ),
    Case(multiclass.OneVsRestClassifier(_logistic), of(target="multilabel"), "multilabel"),
    Case(multiclass.OneVsRestClassifier(_tree), of(target="three"), "of trees"),
    Case(
        multiclass.OutputCodeClassifier(svm.LinearSVC(random_state=0), random_state=0),
        of(target="three text"),
        "LinearSVC, text",
    ),
    Case(multioutput.MultiOutputClassifier(_tree), of(target="multioutput text"), "of trees, text"),
    Case(
        multioutput.MultiOutputClassifier(svm.LinearSVC(random_state=0)),
        of(target="multioutput"),
        "without probabilities",
    ),
    Case(multioutput.ClassifierChain(_logistic, order=[2, 0, 1]), of(target="multilabel"), "order"),
    Case(multioutput.ClassifierChain(_tree, cv=2), of(target="multilabel"), "of trees, cross-validated"),
    Case(
        multioutput.ClassifierChain(svm.LinearSVC(random_state=0), chain_method="decision_function"),
        of(target="multilabel"),
        "of scores",
    ),
    Case(
        multioutput.RegressorChain(tree.DecisionTreeRegressor(max_depth=4), order=[1, 0]),
        of(target="two"),
        "of trees, order",
    ),
)
_SEARCHES = (
    Case(model_selection.GridSearchCV(PCA(2), {"n_components": [1, 2]}, cv=2), of(), "of a transformer"),
    Case(model_selection.GridSearchCV(Ridge(), {"alpha": [1, 2]}, cv=2), of(target="two"), "of a regressor"),
    Case(
        model_selection.GridSearchCV(pipeline.make_pipeline(_scaler, svm.SVC()), {"svc__C": [1, 2]}, cv=2),
        of(target="binary text"),
        "of a pipeline",
    ),
    Case(model_selection.TunedThresholdClassifierCV(_logistic, cv=2), of(target="binary text"), "text", issue=True),
    Case(
        model_selection.TunedThresholdClassifierCV(svm.SVC(), cv=2, response_method="decision_function"),
        of(target="signs"),
        "of scores",
        issue=True,
    ),
    Case(
        model_selection.FixedThresholdClassifier(svm.LinearSVC(random_state=0), threshold=-0.2),
        of(target="binary"),
        "of scores",
    ),
    Case(
        model_selection.FixedThresholdClassifier(_logistic, threshold=0.7, pos_label="no"),
        of(target="binary text"),
        "of the other class",
    ),
    Case(
        compose.TransformedTargetRegressor(
            LinearRegression(), transformer=preprocessing.QuantileTransformer(n_quantiles=20)
        ),
        of(target="real"),
        "by a transformer",
    ),
    Case(compose.TransformedTargetRegressor(LinearRegression(), transformer=_scaler), of(target="two"), "two targets"),
    Case(partial(_frozen, _logistic), of(target="three text"), "of a classifier", owner=frozen.FrozenEstimator),
    Case(partial(_frozen, Ridge()), of(target="real"), "of a regressor", owner=frozen.FrozenEstimator),
    Case(partial(_frozen, _scaler), of(target="three"), "of a transformer", owner=frozen.FrozenEstimator),
    Case(semi_supervised.SelfTrainingClassifier(neighbors.KNeighborsClassifier()), _half_labelled, "of neighbours"),
)
NAMED = (*_COLUMNS, *_ENSEMBLES, *_CALIBRATED, *_MULTI, *_SEARCHES)
