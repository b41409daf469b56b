"""Pipelines, column transformers, unions and searches answer as scikit-learn's do, by every method of the last step."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.datasets import load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, QuantileTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC

import bridge

X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["a", "b", "c"])[Y]
DATA, TARGET = load_diabetes(return_X_y=True)
DATA = DATA * 20
MIXED = pd.DataFrame({"town": pd.Series(["Ulm", "Bonn", None, "Köln"] * 44), "a": X[:176, 0], "b": X[:176, 1]})
MIXED = MIXED.assign(whole=Y[:176], single=X[:176, 3].astype(np.float32))
TARGETS = ["cpu", "cuda", "portable"]
ON_EVERY_TARGET = pytest.mark.parametrize("target", TARGETS)
LOGISTIC = LogisticRegression()


def check(model, data, y, target, unseen=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(data, y)
        file = bridge.export(model, data, target=target)
        report = bridge.verify(model, file, data[::-1] if unseen is None else unseen)
    assert report.ok, report
    return bridge.load(file, device="cpu")


@pytest.mark.parametrize(
    "search",
    [
        GridSearchCV(LOGISTIC, {"C": [0.1, 1]}, cv=2),
        RandomizedSearchCV(LOGISTIC, {"C": [0.1, 1]}, n_iter=2, cv=2),
        HalvingGridSearchCV(LOGISTIC, {"C": [0.1, 1]}, cv=2),
        HalvingRandomSearchCV(LOGISTIC, {"C": [0.1, 1]}, cv=2, random_state=0),
        SelfTrainingClassifier(LOGISTIC),
        GridSearchCV(make_pipeline(StandardScaler(), KernelDensity()), {"kerneldensity__bandwidth": [1.0, 2.0]}, cv=2),
        FrozenEstimator(clone(LOGISTIC).fit(X, NAMES)),
        GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [1, 2]}, cv=2),
        make_pipeline(FrozenEstimator(StandardScaler().fit(X)), FrozenEstimator(SVC().fit(X, NAMES))),
    ],
    ids=lambda m: type(m).__name__,
)
@ON_EVERY_TARGET
def test_what_hands_on_to_one_estimator(search, target):
    y = np.where(np.arange(len(Y)) % 4, Y, -1) if isinstance(search, SelfTrainingClassifier) else NAMES
    check(search, X, y, target, X[::-1] + 0.1)


@pytest.mark.parametrize(
    "pipe",
    [
        Pipeline([("a", "passthrough"), ("b", None), ("c", LOGISTIC)]),
        Pipeline([("a", StandardScaler()), ("b", "passthrough")]),
        Pipeline([("a", StandardScaler()), ("b", None)]),
        Pipeline([("a", "passthrough")]),
        make_pipeline(make_pipeline(StandardScaler(), "passthrough"), make_pipeline(PCA(3), KMeans(3, random_state=0))),
        make_pipeline(StandardScaler(), SVC(probability=True, random_state=0)),
        make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=4)),
        make_pipeline(StandardScaler(), IsolationForest(n_estimators=5, random_state=0)),
        make_pipeline(SelectFromModel(LOGISTIC), RFE(LOGISTIC, n_features_to_select=2)),
        make_pipeline(SequentialFeatureSelector(GaussianNB(), n_features_to_select=2, cv=2), GaussianNB()),
    ],
    ids=lambda p: "-".join(str(s).split("(")[0] for _, s in p.steps),
)
@ON_EVERY_TARGET
def test_pipeline(pipe, target):
    check(pipe, X, NAMES, target)


REMAINDERS = ["drop", "passthrough", MinMaxScaler()]
COLUMNS = [["a", "b"], [1, 2], slice(1, 3), slice("a", "b"), np.array([False, True, True, False, False])]


@pytest.mark.parametrize("remainder", REMAINDERS, ids=str)
@pytest.mark.parametrize(
    "columns", [*COLUMNS, make_column_selector(pattern="^[ab]$")], ids=lambda c: "selector" if callable(c) else str(c)
)
def test_remainder_of_a_column_transformer(remainder, columns):
    encode = OneHotEncoder(handle_unknown="ignore")
    model = ColumnTransformer([("n", StandardScaler(), columns), ("t", encode, ["town"])], remainder=remainder)
    check(model, MIXED, None, "cpu")


@pytest.mark.parametrize(
    "model",
    [
        ColumnTransformer([("n", "passthrough", ["a"])], remainder=OneHotEncoder()),
        ColumnTransformer(
            [("n", StandardScaler(), ["a"]), ("d", "drop", ["town"]), ("p", "passthrough", ["b", "whole"])],
            remainder=MinMaxScaler(),
            transformer_weights={"n": 2.5},
        ),
        ColumnTransformer([("none", StandardScaler(), []), ("m", MinMaxScaler(), ["a"])]),
        ColumnTransformer([("t", OneHotEncoder(), ["town"]), ("a", "passthrough", ["a"])], sparse_threshold=1.0),
    ],
    ids=["encoder as remainder", "weights", "no columns", "sparse"],
)
@ON_EVERY_TARGET
def test_column_transformer(model, target):
    data = MIXED[["a", "town"]] if model.transformers[0][0] == "n" and len(model.transformers) == 1 else MIXED
    check(model, data, None, target)


@pytest.mark.parametrize(
    "union",
    [
        FeatureUnion([("a", StandardScaler()), ("b", PCA(2)), ("c", "drop"), ("d", "passthrough")]),
        FeatureUnion([("a", StandardScaler()), ("b", PCA(2))], transformer_weights={"a": 0.3, "b": 2}),
        FeatureUnion([("a", SelectKBest(k=2)), ("p", "passthrough")], transformer_weights={"p": 3}),
    ],
    ids=["drop", "weights", "weighted passthrough"],
)
@ON_EVERY_TARGET
def test_feature_union(union, target):
    check(make_pipeline(union, LOGISTIC), X, NAMES, target)


FRAMES = {
    "pandas": StandardScaler().set_output(transform="pandas"),
    "polars": StandardScaler().set_output(transform="polars"),
    "pipeline": make_pipeline(StandardScaler(), MinMaxScaler()).set_output(transform="pandas"),
    "union": FeatureUnion([("a", StandardScaler()), ("p", "passthrough")]).set_output(transform="pandas"),
    "columns": ColumnTransformer([("n", StandardScaler(), ["a"])], remainder="passthrough").set_output(
        transform="pandas"
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_comes_back_as_a_frame(name):
    data = MIXED[["a", "b", "whole", "single"]].set_index(np.arange(176) + 7)
    model = FRAMES[name]
    predictor = check(model, data, None, "cpu", data[5:])
    for rows in (data[3:9], data[:0], data[:1]):
        found = predictor.transform(rows)
        expected = model.transform(rows if len(rows) else data[:1])[: len(rows)]
        if name == "polars":
            assert found.equals(expected) or found.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)
            assert found.columns == expected.columns
        else:
            pd.testing.assert_frame_equal(found, expected, rtol=1e-12)


def test_no_numbers_give_no_answers():
    predictor = bridge.compile(IsotonicRegression().fit(X[:, 0], X[:, 1]), X[:, 0], device="cpu")
    for nothing in ([], X[:0, 0], X[:0, :1]):
        assert predictor.predict(nothing).shape == (0,)


def test_a_frame_of_an_array():
    model = StandardScaler().set_output(transform="pandas")
    predictor = check(model, X, None, "portable")
    pd.testing.assert_frame_equal(predictor.transform(X[:4]), model.transform(X[:4]), rtol=1e-5)


@pytest.mark.parametrize("bounds", ["nan", "clip", "raise"])
@pytest.mark.parametrize("increasing", [True, False, "auto"])
@pytest.mark.parametrize(
    "of", [np.asarray, pd.Series, list, lambda x: x.reshape(-1, 1)], ids=["array", "Series", "list", "column"]
)
def test_isotonic_regression_of_one_dimension(bounds, increasing, of):
    column = DATA[:, 2]
    model = IsotonicRegression(out_of_bounds=bounds, increasing=increasing)
    unseen = column[::3] if bounds == "raise" else column[::3] * 1.5
    predictor = check(model, of(column), TARGET, "cpu", of(unseen))
    assert predictor.predict(of(column[:4])).shape == (4,)
    if of is not list:
        assert predictor.predict(column[:4].reshape(-1, 1)).shape == (4,)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("targets", [TARGET, np.column_stack([TARGET, -(TARGET**2)])], ids=["one", "two"])
@ON_EVERY_TARGET
def test_target_by_quantiles(distribution, targets, target):
    transformer = QuantileTransformer(n_quantiles=50, output_distribution=distribution)
    check(TransformedTargetRegressor(Ridge(), transformer=transformer), DATA, targets, target, DATA * 3)
