"""What an estimator accepts is found by asking it, column by column, before the first row is served."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bridge.data.schema import infer_schema
from bridge.export.probe import MOST_PROBES, probe_schema

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)
NAMED = pd.DataFrame(X, columns=list("abcd"))
MIXED = NAMED.assign(town=RNG.choice(["x", "y"], 60))


class ByName(TransformerMixin, BaseEstimator):
    """Reads columns by name and keeps no list of them."""

    def fit(self, _table, _labels=None):
        return self

    def transform(self, table):
        return np.column_stack([table["a"], table["b"]])


class ByPosition(ByName):
    """Reads columns by position and keeps no list of them."""

    def transform(self, table):
        return np.asarray(table)[:, :2]


class Counter(StandardScaler):
    """Counts how often it is asked."""

    asked = 0

    def transform(self, X, copy=None):
        type(self).asked += 1
        return super().transform(X, copy=copy)


def probe(estimator, sample, methods=("predict",)):
    return probe_schema(estimator, infer_schema(sample), sample, methods)


def accepted(schema, what):
    return [getattr(c, f"allow_{what}") for c in schema.columns]


@pytest.mark.parametrize(
    ("estimator", "nan", "inf", "huge"),
    [
        (LogisticRegression(), False, False, True),
        (RandomForestClassifier(2), True, False, False),
        (HistGradientBoostingClassifier(max_iter=2), True, True, True),
        (make_pipeline(SimpleImputer(), LogisticRegression()), True, False, True),
    ],
    ids=lambda v: type(v).__name__,
)
@pytest.mark.parametrize("make", [lambda a: a, np.ndarray.tolist])
def test_array_has_one_answer_for_each_kind_of_value(estimator, nan, inf, huge, make):
    sample = make(X)
    schema = probe(estimator.fit(sample, Y), sample)
    assert (accepted(schema, "nan"), accepted(schema, "inf"), accepted(schema, "huge")) == ([nan], [inf], [huge])


@pytest.mark.parametrize("make", [lambda f: f, pl.from_pandas])
def test_each_column_of_a_frame_has_its_own_answer(make):
    columns = ColumnTransformer([("holes", SimpleImputer(), ["a", "c"]), ("whole", "passthrough", ["b", "d"])])
    sample = make(NAMED)
    schema = probe(make_pipeline(columns, LogisticRegression()).fit(sample, Y), sample)
    assert accepted(schema, "nan") == [True, False, True, False]
    assert accepted(schema, "inf") == [False] * 4


@pytest.mark.parametrize(
    ("estimator", "nan", "inf"),
    [
        (make_pipeline(ColumnTransformer([("holes", SimpleImputer(), [0, 2])], remainder="passthrough")), None, (1, 3)),
        (
            make_pipeline(ColumnTransformer([("holes", SimpleImputer(), [0, 2])]), StandardScaler()),
            None,
            (1, 3),
        ),
        (HistGradientBoostingClassifier(max_iter=2, categorical_features=[1]), None, (0, 2, 3)),
        (BaggingClassifier(LogisticRegression(), 1, max_features=2, random_state=0), (0, 2), (0, 2)),
        (MissingIndicator(), (0,), ()),
    ],
    ids=lambda v: type(v).__name__,
)
def test_each_column_of_an_array_has_its_own_answer_where_the_estimator_tells_them_apart(estimator, nan, inf):
    sample = np.abs(X.round())
    sample[3, 0] = np.nan if isinstance(estimator, MissingIndicator) else 0
    method = "predict" if hasattr(estimator, "predict") else "transform"
    (column,) = probe(estimator.fit(sample, Y), sample[:1], (method,)).columns
    assert column.allow_nan == (nan is None or len(nan) == 4)
    assert column.nan_columns == (() if column.allow_nan else nan)
    assert column.inf_columns == inf


@pytest.mark.parametrize(
    ("encoder", "accepts"),
    [(OneHotEncoder(), False), (OneHotEncoder(handle_unknown="ignore"), True)],
    ids=["error", "ignore"],
)
def test_missing_text_is_asked_about_as_nan_and_as_none(encoder, accepts):
    sample = MIXED[["town"]].astype(object)
    schema = probe(encoder.fit(sample), sample, ("transform",))
    assert (accepted(schema, "nan"), accepted(schema, "none")) == ([accepts], [accepts])


def test_sparse_matrix_is_asked_about_as_it_is():
    sample = sparse.csr_matrix(X)
    assert accepted(probe(RandomForestClassifier(2).fit(sample, Y), sample), "nan") == [False]
    assert accepted(probe(make_pipeline(SimpleImputer(), LogisticRegression()).fit(sample, Y), sample), "nan") == [True]


def test_integers_are_not_asked_about():
    sample = (X * 10).astype(int)
    assert accepted(probe(LogisticRegression().fit(sample, Y), sample), "nan") == [True]


@pytest.mark.parametrize(
    ("estimator", "reorder", "positional"),
    [
        (LogisticRegression(), False, True),
        (
            make_pipeline(ColumnTransformer([("all", StandardScaler(), list("abcd"))]), LogisticRegression()),
            True,
            False,
        ),
    ],
    ids=["plain", "ColumnTransformer"],
)
@pytest.mark.parametrize("make", [lambda f: f, pl.from_pandas])
def test_order_of_columns_is_asked_about(estimator, reorder, positional, make):
    sample = make(NAMED)
    schema = probe(estimator.fit(sample, Y), sample)
    assert (schema.reorder, schema.positional) == (reorder, positional)
    assert schema.feature_names == tuple("abcd")


def test_one_column_is_found_by_name_among_others():
    sample = MIXED[["town"]]
    columns = ColumnTransformer([("text", OneHotEncoder(), ["town"])])
    assert probe(columns.fit(sample), sample, ("transform",)).reorder
    assert not probe(OneHotEncoder().fit(sample), sample, ("transform",)).reorder


def test_estimator_without_a_list_of_names_shows_how_it_reads():
    by_name = probe(ByName().fit(NAMED), NAMED, ("transform",))
    assert by_name.feature_names == tuple("abcd")
    assert by_name.reorder
    assert not by_name.positional
    by_position = probe(ByPosition().fit(NAMED), NAMED, ("transform",))
    assert by_position.feature_names is None


def test_names_of_the_fit_come_with_an_array():
    schema = probe(LogisticRegression().fit(NAMED, Y), X)
    assert schema.feature_names == tuple("abcd")
    assert probe(LogisticRegression().fit(X, Y), X).feature_names is None


def test_wide_table_is_not_asked_about_for_ever_and_still_knows_its_order():
    wide = pd.DataFrame(RNG.normal(size=(5, 300))).add_prefix("c")
    estimator = make_pipeline(ColumnTransformer([("all", Counter(), list(wide.columns))])).fit(wide)
    Counter.asked = 0
    schema = probe(estimator, wide, ("transform",))
    assert Counter.asked <= MOST_PROBES + 10
    assert schema.reorder
    assert all(accepted(schema, "nan"))
    assert not any(accepted(schema, "inf"))


def test_estimator_that_raises_anything_refuses():
    class Fragile(StandardScaler):
        def transform(self, X, copy=None):
            if not np.isfinite(np.asarray(X)).all():
                raise ZeroDivisionError
            return super().transform(X, copy=copy)

    schema = probe(Fragile().fit(X), X, ("transform",))
    assert (accepted(schema, "nan"), accepted(schema, "inf")) == ([False], [False])


def test_the_sample_is_left_as_it_was():
    before = MIXED.copy()
    columns = ColumnTransformer([("n", StandardScaler(), ["a"]), ("t", OneHotEncoder(), ["town"])])
    probe(columns.fit(MIXED), MIXED, ("transform",))
    pd.testing.assert_frame_equal(MIXED, before)
