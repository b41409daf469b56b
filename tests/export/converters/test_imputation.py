"""SimpleImputer and MissingIndicator answer as scikit-learn's do, on numbers, sparse matrices and text."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import bridge
from bridge.errors import InputError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).round(1)
X[RNG.random(X.shape) < 0.2] = np.nan
X[:3] = [[1.0, 2.0, 3.0, 4.0]] * 3
WITH_EMPTY = X.copy()
WITH_EMPTY[:, 1] = np.nan
EXACT = [("cpu", "exact"), ("cuda", "exact")]


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
@pytest.mark.parametrize(
    "options", [{}, {"add_indicator": True}, {"keep_empty_features": True, "add_indicator": True}], ids=str
)
@pytest.mark.parametrize("data", [X, WITH_EMPTY], ids=["full", "a column is empty"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_imputer_gives_equal_bits(agree, strategy, options, data, dtype):
    agree(
        SimpleImputer(strategy=strategy, **options).fit(data.astype(dtype)),
        data.astype(dtype),
        tolerance=0,
        routes=EXACT,
    )


@pytest.mark.parametrize("missing", [-1, 0, np.float64(0.1), 0.1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_any_value_can_stand_for_missing(agree, missing, dtype):
    data = np.nan_to_num(X, nan=missing).astype(dtype)
    imputer = SimpleImputer(missing_values=missing, strategy="most_frequent", add_indicator=True)
    agree(imputer.fit(data), data, tolerance=0, routes=EXACT)


def test_fitted_on_float64_and_used_on_float32_fills_with_rounded_values(agree):
    imputer = SimpleImputer().fit(X)
    agree(imputer, X.astype(np.float32), tolerance=0, routes=EXACT)


def test_float32_target_fills_to_float32_digits(agree):
    agree(SimpleImputer().fit(X), X, routes=[("portable", "float32")], float32_tolerance=1e-7)


def test_sparse_matrix_has_missing_values_among_its_entries(agree):
    table = sparse.csc_matrix(np.where(X > 0, X, np.where(np.isnan(X), np.nan, 0)))
    agree(SimpleImputer(strategy="median").fit(table), table, tolerance=0, routes=EXACT)


def frame():
    return pd.DataFrame(
        {
            "number": X[:, 0],
            "town": ["Ulm", "Bonn", None, "Köln", "Ulm"] * 8,
            "code": [1.0, 2.0, np.nan, 2.0, 4.0] * 8,
            "mark": ["?", "yes", "no", "yes", "yes"] * 8,
        }
    )


@pytest.mark.parametrize("strategy", ["most_frequent", "constant"])
@pytest.mark.parametrize("encoder", [{"handle_unknown": "ignore"}, {"handle_unknown": "error"}], ids=str)
def test_text_is_imputed_before_it_is_encoded(agree, strategy, encoder):
    step = SimpleImputer(strategy=strategy, missing_values=np.nan)
    data = frame()[["town", "mark"]].astype(object).where(lambda f: f.notna(), np.nan)
    agree(make_pipeline(step, OneHotEncoder(**encoder)).fit(data), data, tolerance=0)


def test_a_text_can_stand_for_missing(agree):
    step = SimpleImputer(strategy="most_frequent", missing_values="?")
    data = frame()[["mark"]].astype(object)
    agree(make_pipeline(step, OneHotEncoder(sparse_output=False)).fit(data), data, tolerance=0, routes=EXACT)


def test_indicator_beside_text_is_a_category(agree):
    step = SimpleImputer(strategy="most_frequent", add_indicator=True)
    data = frame()[["town"]].astype(object).where(lambda f: f.notna(), np.nan)
    agree(make_pipeline(step, OneHotEncoder(handle_unknown="ignore")).fit(data), data, tolerance=0, routes=EXACT)


def test_text_and_numbers_together_stay_apart(agree):
    step = SimpleImputer(strategy="most_frequent")
    data = frame().astype({"town": object, "mark": object}).where(lambda f: f.notna(), np.nan)
    encoder = OneHotEncoder(handle_unknown="ignore")
    agree(make_pipeline(step, encoder).fit(data), data, tolerance=0, routes=EXACT)


def test_unknown_numbers_are_refused_by_the_host_behind_an_imputer(agree, open_graph):
    data = frame()[["code"]]
    pipe = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()).fit(data)
    agree(pipe, data, tolerance=0, routes=EXACT)
    with pytest.raises(InputError, match=r"unknown categories: '3\.0'"):
        open_graph(pipe, data)(pd.DataFrame({"code": [3.0]}))


def test_the_value_that_stands_for_missing_is_no_unknown_category(agree):
    data = frame()[["code"]].fillna(-1)
    imputer = SimpleImputer(missing_values=-1, strategy="most_frequent")
    agree(make_pipeline(imputer, OneHotEncoder()).fit(data), data, tolerance=0, routes=EXACT)


def test_column_transformer_of_imputers(agree):
    data = frame().astype({"town": object, "mark": object})
    data["town"] = data["town"].where(data["town"].notna(), np.nan)
    pipe = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["number", "code"]),
            (
                "text",
                make_pipeline(SimpleImputer(strategy="constant"), OneHotEncoder(handle_unknown="ignore")),
                ["town", "mark"],
            ),
        ]
    )
    agree(pipe.fit(data), data)


@pytest.mark.parametrize("features", ["missing-only", "all"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_missing_indicator(agree, features, dtype):
    data = X.copy()
    data[:, 2] = np.nan_to_num(data[:, 2])
    indicator = MissingIndicator(features=features, error_on_new=False).fit(data)
    agree(indicator, data.astype(dtype), tolerance=0)


def test_missing_indicator_of_text(agree):
    data = frame().astype({"town": object, "mark": object}).where(lambda f: f.notna(), np.nan)
    agree(MissingIndicator(error_on_new=False).fit(data), data, routes=EXACT)


def test_indicator_joins_numbers_in_a_union(agree):
    union = FeatureUnion([("values", SimpleImputer()), ("marks", MissingIndicator())]).fit(X)
    agree(union, X, tolerance=0, routes=EXACT)


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_indicator_of_columns_without_missing_values_has_no_columns(dtype):
    whole = np.arange(8).reshape(4, 2).astype(dtype)
    indicator = MissingIndicator().fit(whole)
    union = FeatureUnion([("marks", MissingIndicator()), ("values", SimpleImputer())]).fit(whole)
    for target in ("cpu", "cuda", "portable"):
        found = bridge.load(bridge.export(indicator, whole, target=target), device="cpu").transform(whole)
        assert (found.shape, found.dtype) == ((4, 0), bool)
        assert bridge.verify(union, bridge.export(union, whole, target=target), whole).ok
