"""The rows of the check lie where a wrong model shows: on thresholds, and on the values that the estimator accepts."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from bridge.data.schema import infer_schema
from bridge.data.table import numbers_at, row_count
from bridge.export.graph import export_graph
from bridge.verify.rows import boundary_rows, special_rows

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


def neighbours(table, schema):
    """Return the two halves of boundary rows: on one side of a threshold, and on the other."""
    numbers = numbers_at(table, range(schema.n_features))
    return np.split(numbers, 2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("make", [lambda a: a, lambda a: pd.DataFrame(a, columns=list("abc")), sparse.csr_matrix])
def test_boundary_rows_are_neighbouring_numbers_with_other_answers(make, dtype):
    sample = make(X.astype(dtype))
    estimator = DecisionTreeRegressor(max_depth=4, random_state=0).fit(sample, Y)
    schema = infer_schema(sample)
    table = boundary_rows(estimator, "predict", sample, schema)
    assert type(table) is type(sample)
    one, other = neighbours(table, schema)
    assert len(one) > 20
    differs = one != other
    assert (differs.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(
        np.nextafter(one[differs].astype(dtype), other[differs].astype(dtype)), other[differs]
    )
    answers = np.split(estimator.predict(table), 2)
    assert (answers[0] != answers[1]).all()


def test_boundary_rows_lie_on_the_tree_s_own_thresholds():
    estimator = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X.astype(np.float32), Y)
    one, other = neighbours(boundary_rows(estimator, "predict", X.astype(np.float32), infer_schema(X)), infer_schema(X))
    differs = one != other
    thresholds = estimator.tree_.threshold[estimator.tree_.feature >= 0]
    for left, right in zip(one[differs], other[differs], strict=True):
        low, high = sorted((left, right))
        assert ((thresholds >= low) & (thresholds < high)).any()


def test_label_that_changes_between_rows_of_the_same_label_is_found_too():
    middle = RandomForestClassifier(1, bootstrap=False, random_state=0).fit(
        X[:, :1], (np.abs(X[:, 0]) < 0.3).astype(int)
    )
    outside = X[np.abs(X[:, 0]) > 1][:, :1]
    assert boundary_rows(middle, "predict", outside, infer_schema(outside)) is not None


def test_smooth_models_and_tables_without_floats_have_no_boundary():
    assert boundary_rows(StandardScaler().fit(X), "transform", X, infer_schema(X)) is None
    integers = (X * 10).astype(np.int64)
    tree = DecisionTreeRegressor().fit(integers, Y)
    assert boundary_rows(tree, "predict", integers, infer_schema(integers)) is None
    assert boundary_rows(tree, "predict", X[:1], infer_schema(X)) is None


def test_text_and_integers_stay_as_they_are():
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    frame = pd.DataFrame({"a": X[:, 0], "t": RNG.choice(["x", "y"], 200), "n": RNG.integers(5, size=200)})
    columns = make_column_transformer((OneHotEncoder(), ["t"]), remainder="passthrough")
    estimator = make_pipeline(columns, DecisionTreeRegressor(max_depth=3)).fit(frame, Y)
    for table in (
        boundary_rows(estimator, "predict", frame, infer_schema(frame)),
        special_rows(frame, infer_schema(frame)),
    ):
        assert table.dtypes.tolist() == frame.dtypes.tolist()
        assert set(table["t"]) <= {"x", "y"}
        assert set(table["n"]) <= set(range(5))


def test_special_rows_hold_what_the_estimator_accepts_and_nothing_else():
    refusing = export_graph(RandomForestClassifier(2).fit(X, Y), X).schema
    values = special_rows(X, refusing)
    assert np.isfinite(values).sum() + np.isnan(values).sum() == values.size
    assert np.signbit(values[values == 0]).any()
    assert (np.abs(values) == 1e6).any()
    taking = export_graph(HistGradientBoostingClassifier(max_iter=2).fit(X, Y), X).schema
    values = special_rows(X, taking)
    assert np.isnan(values).any()
    assert np.isposinf(values).any()
    assert np.isneginf(values).any()
    narrow = special_rows(X, taking, wide=False)
    assert not (np.abs(narrow) == 1e6).any()


@pytest.mark.parametrize("make", [lambda a: a, pd.DataFrame, sparse.csr_matrix])
def test_rows_are_the_same_every_time_and_the_data_is_left_alone(make):
    table = make(X.copy())
    first, second = (special_rows(table, infer_schema(table)) for _ in range(2))
    assert row_count(first) == 64
    np.testing.assert_array_equal(numbers_at(first, range(3)), numbers_at(second, range(3)))
    np.testing.assert_array_equal(numbers_at(table, range(3)), X)
