"""Answers have the estimator's labels, shapes, dtypes and containers, from the first row to none."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import bridge
from bridge.errors import InputTypeError, UnsupportedError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
FIRST, SECOND = X[:, 0] > 0, X[:, 1] > 0
LABELS = {
    "int64": np.array([3, -7]),
    "int32": np.array([3, -7], np.int32),
    "int8": np.array([1, 2], np.int8),
    "uint64": np.array([1, 2], np.uint64),
    "large integers": np.array([2**60, 2**60 + 1]),
    "text": np.array(["late", "on time"]),
    "text beyond ASCII": np.array(["größer", "数"]),
    "objects": np.array(["late", "on time"], object),
    "str of pandas": pd.Series(["late", "on time"]).array,
    "category": pd.Series(["late", "on time"], dtype="category").array,
    "booleans": np.array([False, True]),
    "float64": np.array([0.0, 1.0]),
    "float32": np.array([1.0, 2.0], np.float32),
    "empty text": np.array(["", " "]),
}


def forest(**options):
    return RandomForestClassifier(4, max_depth=3, random_state=0, **options)


def served(estimator, sample=X, **options):
    return bridge.load(bridge.export(estimator, sample, check=False, **options), device="cpu")


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, list):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
        return
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    if sparse.issparse(expected):
        assert (found != expected).nnz == 0
    elif expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_labels_come_back_with_their_values_and_types(tmp_path, name, target):
    labels = LABELS[name]
    estimator = forest().fit(X, labels[FIRST.astype(int)])
    path = tmp_path / "model.onnx"
    bridge.export(estimator, X, path, target=target, check=False)
    predictor = bridge.load(path)
    expected, found = estimator.predict(X), predictor.predict(X)
    assert_same(found, expected)
    assert type(found[0]) is type(expected[0])
    assert_same(predictor.classes_, np.asarray(estimator.classes_))
    assert_same(predictor.predict(X[:0]), expected[:0])


def test_single_class_is_a_class():
    estimator = forest().fit(X, np.full(len(X), "only"))
    assert_same(served(estimator).predict(X), estimator.predict(X))
    assert_same(served(estimator).predict_proba(X), estimator.predict_proba(X))


def test_regressor_gives_one_dimension_and_two_for_two_targets():
    for target in (X[:, 0], np.column_stack([X[:, 0], X[:, 1]]), X[:, :1]):
        estimator = RandomForestRegressor(4, random_state=0).fit(X, target if target.shape[-1] != 1 else target.ravel())
        predictor = served(estimator, target="cpu")
        assert_same(predictor.predict(X), estimator.predict(X))
        assert_same(predictor.predict(X[:1]), estimator.predict(X[:1]))
        assert_same(predictor.predict(X[:0]), estimator.predict(X)[:0])


def test_several_targets_have_a_list_of_probabilities_even_for_no_rows():
    three = np.digitize(X[:, 2], [-0.5, 0.5])
    estimator = forest().fit(X, np.column_stack([FIRST, three]))
    predictor = served(estimator, target="cpu")
    assert_same(predictor.predict(X), estimator.predict(X))
    assert_same(predictor.predict_proba(X), estimator.predict_proba(X))
    assert_same(predictor.classes_, estimator.classes_)
    assert [a.shape for a in predictor.predict_proba(X[:0])] == [(0, 2), (0, 3)]
    assert predictor.predict(X[:0]).shape == (0, 2)


def test_outlier_detector_answers_in_one_dimension():
    estimator = IsolationForest(n_estimators=5, random_state=0).fit(X)
    predictor = served(estimator, target="cpu")
    for method in ("predict", "decision_function", "score_samples"):
        assert_same(getattr(predictor, method)(X), getattr(estimator, method)(X))
        assert getattr(predictor, method)(X[:0]).shape == (0,)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_transformer_keeps_the_dtype_of_its_answer(dtype):
    table = X.astype(dtype)
    estimator = StandardScaler().fit(table)
    assert_same(served(estimator, table, target="cpu").transform(table), estimator.transform(table))


def test_sparse_answer_stays_sparse_and_keeps_its_format():
    table = pd.DataFrame({"town": RNG.choice(["x", "y"], 80), "code": RNG.choice([1, 2, 3], 80)})
    estimator = OneHotEncoder().fit(table)
    predictor = served(estimator, table)
    expected = estimator.transform(table)
    assert predictor.transform(table).format == expected.format
    assert_same(predictor.transform(table), expected)
    assert predictor.transform(table[:0]).shape == (0, 5)
    assert sparse.issparse(predictor.transform(table[:0]))


def test_standard_deviations_come_with_the_mean_where_they_are_asked_for():
    estimator = make_pipeline(StandardScaler(), BayesianRidge()).fit(X, X[:, 0] + np.sin(X[:, 1]))
    predictor = served(estimator, target="cpu")
    assert_same(predictor.predict(X), estimator.predict(X))
    for rows in (X, X[:1]):
        for found, expected in zip(
            predictor.predict(rows, return_std=True), estimator.predict(rows, return_std=True), strict=True
        ):
            assert_same(found, expected)
    mean, std = predictor.predict(X[:0], return_std=True)
    assert mean.shape == std.shape == (0,)


def test_standard_deviations_that_are_not_in_the_file_are_refused_with_reason():
    estimator = BayesianRidge().fit(X, X[:, 0])
    predictor = served(estimator, methods=["predict"])
    with pytest.raises(InputTypeError, match="takes no return_std"):
        predictor.predict(X, return_std=True)
    assert [m.name for m in served(estimator, methods=["predict_std"]).methods] == ["predict", "predict_std"]


def test_covariances_between_rows_are_refused_with_reason():
    with pytest.raises(UnsupportedError, match="between all rows"):
        served(BayesianRidge().fit(X, X[:, 0])).predict(X, return_cov=True)
