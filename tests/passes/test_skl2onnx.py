"""Graphs of skl2onnx give the same answers lowered as they are; whether skl2onnx was right is not asked here."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn import (
    calibration,
    cluster,
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    mixture,
    multiclass,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.datasets import load_iris

from bridge.passes.text_inputs import TEXT_INPUTS_KEY
from tests.passes.judge import codes, labels_as_text, lower, maps_as_matrix, metadata, op_types, run

SEED = {"random_state": 0}
FEW = {"n_estimators": 4, "random_state": 0}

# Every estimator with what it learns: see `data`.
CASES = {
    "logistic": (linear_model.LogisticRegression(max_iter=300), "species"),
    "logistic, two classes": (linear_model.LogisticRegression(), "two"),
    "logistic, names": (linear_model.LogisticRegression(max_iter=300), "names"),
    "logistic, two names": (linear_model.LogisticRegression(), "two names"),
    "ridge classifier": (linear_model.RidgeClassifier(), "species"),
    "sgd": (linear_model.SGDClassifier(**SEED), "species"),
    "sgd, probabilities": (linear_model.SGDClassifier(loss="log_loss", **SEED), "two"),
    "perceptron": (linear_model.Perceptron(), "species"),
    "linear svc": (svm.LinearSVC(), "species"),
    "svc": (svm.SVC(), "species"),
    "svc, two classes": (svm.SVC(kernel="sigmoid"), "two"),
    "svc, names": (svm.SVC(gamma=0.5), "names"),
    "svc, polynomial": (svm.SVC(kernel="poly", degree=2, gamma=0.1), "species"),
    "svr": (svm.SVR(), "number"),
    "linear svr": (svm.LinearSVR(), "number"),
    "tree": (tree.DecisionTreeClassifier(**SEED), "species"),
    "tree, two classes": (tree.DecisionTreeClassifier(**SEED), "two"),
    "tree, names": (tree.DecisionTreeClassifier(max_depth=3, **SEED), "names"),
    "extra tree": (tree.ExtraTreeClassifier(**SEED), "species"),
    "forest": (ensemble.RandomForestClassifier(**FEW), "species"),
    "forest, two classes": (ensemble.RandomForestClassifier(**FEW), "two"),
    "forest, two names": (ensemble.RandomForestClassifier(**FEW), "two names"),
    "extra trees": (ensemble.ExtraTreesClassifier(**FEW), "names"),
    "boosting": (ensemble.GradientBoostingClassifier(**FEW), "species"),
    "boosting, two classes": (ensemble.GradientBoostingClassifier(**FEW), "two"),
    "ada boost": (ensemble.AdaBoostClassifier(n_estimators=3, **SEED), "species"),
    "bagging": (ensemble.BaggingClassifier(n_estimators=3, **SEED), "species"),
    "isolation forest": (ensemble.IsolationForest(**FEW), None),
    "tree regressor": (tree.DecisionTreeRegressor(**SEED), "number"),
    "forest regressor": (ensemble.RandomForestRegressor(**FEW), "number"),
    "forest regressor, two numbers": (ensemble.RandomForestRegressor(**FEW), "numbers"),
    "boosting regressor": (ensemble.GradientBoostingRegressor(**FEW), "number"),
    "linear regression": (linear_model.LinearRegression(), "number"),
    "linear regression, two numbers": (linear_model.LinearRegression(), "numbers"),
    "lasso": (linear_model.Lasso(alpha=0.1), "number"),
    "gaussian naive bayes": (naive_bayes.GaussianNB(), "species"),
    "bernoulli naive bayes": (naive_bayes.BernoulliNB(binarize=1.0), "species"),
    "multinomial naive bayes": (naive_bayes.MultinomialNB(), "names"),
    "perceptron of layers": (neural_network.MLPClassifier((4,), max_iter=50, **SEED), "species"),
    "neighbours": (neighbors.KNeighborsClassifier(3), "species"),
    "k-means": (cluster.KMeans(3, n_init=1, **SEED), None),
    "linear discriminant": (discriminant_analysis.LinearDiscriminantAnalysis(), "species"),
    "mixture": (mixture.GaussianMixture(2, **SEED), None),
    "calibrated": (calibration.CalibratedClassifierCV(linear_model.LogisticRegression(), cv=2), "two"),
    "one against the rest": (multiclass.OneVsRestClassifier(linear_model.LogisticRegression()), "species"),
    "one against one": (multiclass.OneVsOneClassifier(linear_model.LogisticRegression()), "species"),
    "standard scaler": (preprocessing.StandardScaler(), None),
    "robust scaler": (preprocessing.RobustScaler(), None),
    "largest scaler": (preprocessing.MaxAbsScaler(), None),
    "normalizer, l1": (preprocessing.Normalizer("l1"), None),
    "normalizer, l2": (preprocessing.Normalizer("l2"), None),
    "normalizer, max": (preprocessing.Normalizer("max"), None),
    "binarizer": (preprocessing.Binarizer(threshold=1.0), None),
    "imputer": (impute.SimpleImputer(), None),
    "imputer of a number": (impute.SimpleImputer(missing_values=0.20000000298023224, strategy="most_frequent"), None),
    "bins": (preprocessing.KBinsDiscretizer(3, encode="onehot-dense", quantile_method="linear"), None),
    "principal components": (decomposition.PCA(2), None),
    "best columns": (feature_selection.SelectKBest(k=2), "species"),
    "scaled forest": (
        pipeline.make_pipeline(preprocessing.StandardScaler(), ensemble.RandomForestClassifier(**FEW)),
        "names",
    ),
    "imputed, scaled svc": (
        pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.MinMaxScaler(), svm.SVC()),
        "species",
    ),
}
# Scores of boosters, kernels and distances are sums of tens of terms in float32 on both sides.
BOUND = 2e-5


@cache
def data():
    x, y = load_iris(return_X_y=True)
    number = x[:, 0] * 2 + x[:, 1]
    targets = {
        "species": y,
        "two": (y == 1).astype(int),
        "names": np.array(["setosa", "versicolor", "virginica"])[y],
        "two names": np.where(y == 1, "yes", "no"),
        "number": number,
        "numbers": np.stack([number, x[:, 2]], axis=1),
        None: None,
    }
    return x.astype(np.float32), targets


@cache
def converted(case):
    """Return the graph, rows that it was not fitted on, and its answers."""
    estimator, target = CASES[case]
    x, targets = data()
    learnt = targets[target]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(x[::2], *([] if learnt is None else [learnt[::2]]))
        graph = to_onnx(estimator, x[:1], target_opset={"": 13, "ai.onnx.ml": 3})
    rows = {"X": x[1::2]}
    return graph, rows, run(graph, rows)


def assert_answers(lowered, found, expected):
    for info, ours, theirs in zip(lowered.graph.output, found, expected, strict=True):
        answers, wanted = labels_as_text(lowered, info.name, ours), maps_as_matrix(lowered, info.name, theirs)
        assert answers.shape == wanted.shape
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(answers, wanted, rtol=BOUND, atol=BOUND)
        else:
            np.testing.assert_array_equal(answers, wanted)


@pytest.mark.parametrize("case", CASES)
def test_lowered_graphs_answer_the_same(target, case):
    graph, rows, expected = converted(case)
    lowered = lower(graph, target)
    assert_answers(lowered, run(lowered, rows), expected)


@pytest.mark.parametrize("handle_unknown", ["ignore", "error"])
@pytest.mark.parametrize("names", [False, True])
def test_columns_of_text_become_codes(target, handle_unknown, names):
    rng = np.random.default_rng(0)
    table = {
        "a": rng.choice(["x", "y", "é"], (60, 1)).astype(object),
        "b": rng.choice(["p", "q"], (60, 1)).astype(object),
        "n": rng.normal(size=(60, 1)).astype(np.float32),
    }
    encoder = preprocessing.OneHotEncoder(handle_unknown=handle_unknown, sparse_output=False)
    model = pipeline.make_pipeline(
        compose.ColumnTransformer([("o", encoder, [0, 1]), ("s", preprocessing.StandardScaler(), [2])]),
        ensemble.RandomForestClassifier(**FEW) if names else linear_model.LogisticRegression(),
    )
    model.fit(
        np.concatenate(list(table.values()), axis=1),
        rng.choice(["no", "yes"], 60) if names else table["b"][:, 0] == "p",
    )
    types = [(c, FloatTensorType([None, 1]) if c == "n" else StringTensorType([None, 1])) for c in table]
    graph = to_onnx(model, initial_types=types, target_opset={"": 13, "ai.onnx.ml": 3})
    lowered = lower(graph, target)
    assert metadata(lowered, TEXT_INPUTS_KEY) == {"a": ["x", "y", "é"], "b": ["p", "q"]}
    assert_answers(lowered, run(lowered, codes(lowered, table)), run(graph, table))
    assert op_types(lowered)[:3] == ["Reshape", "Equal", "Cast"]
