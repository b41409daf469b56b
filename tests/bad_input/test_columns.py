"""Columns that are missing, more, misplaced or named otherwise are treated as the estimator itself treats them."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import bridge
from bridge.errors import InputError
from tests.bad_input.cases import ARRAY, LABELS, MIXED, NAMED, assert_same, fitted, forest, load_export, served

FEW = {"pipeline": MIXED[:6], "strict pipeline": MIXED[:6], "named forest": NAMED[:6], "scaler": NAMED[:6]}
CHANGES = {
    "as it was": lambda f: f,
    "reordered": lambda f: f[f.columns[::-1]],
    "extra behind": lambda f: f.assign(more=1),
    "extra in front": lambda f: pd.concat([pd.DataFrame({"more": ["k"] * len(f)}), f], axis=1),
    "reordered with extra": lambda f: f.assign(more=1)[["more", *f.columns[::-1]]],
    "one renamed": lambda f: f.rename(columns={"dist": "Dist"}),
    "one named by a number": lambda f: f.rename(columns={"dist": 0}),
    "all named by numbers": lambda f: f.set_axis(range(f.shape[1]), axis=1),
    "all named by pairs": lambda f: f.set_axis(pd.MultiIndex.from_product([f.columns, ["k"]]), axis=1),
    "one twice": lambda f: pd.concat([f, f[["dist"]]], axis=1),
    "first only": lambda f: f[f.columns[:1]],
    "no columns": lambda f: f[[]],
    "another index": lambda f: f.set_axis(range(100, 100 + len(f))),
    "an index of dates": lambda f: f.set_axis(pd.date_range("2020", periods=len(f))),
    "an array": lambda f: f.to_numpy(),
    "an array of objects": lambda f: f.to_numpy(object),
    "objects": lambda f: f.astype(object),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", FEW)
def test_changed_columns_are_treated_as_the_estimator_treats_them(name, change):
    assert_same(name, CHANGES[change](FEW[name]))


@pytest.mark.parametrize("missing", MIXED.columns)
def test_missing_column_matters_where_it_is_used(missing):
    error = assert_same("pipeline", MIXED[:6].drop(columns=missing))
    assert (error is None) == (missing == "note")
    assert error is None or f"missing column(s): '{missing}'" in str(error)


@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_reordered_columns_are_found_by_name(target):
    assert_same("pipeline", MIXED[MIXED.columns[::-1]], target=target)


@pytest.mark.parametrize("make", [pl.from_pandas, pa.Table.from_pandas], ids=["polars", "arrow"])
def test_other_data_frames_are_taken_by_name(make):
    estimator, predictor = served("pipeline")
    expected = estimator.predict(MIXED)
    np.testing.assert_array_equal(predictor.predict(make(MIXED)), expected)
    np.testing.assert_array_equal(predictor.predict(make(MIXED[MIXED.columns[::-1]].assign(more=1))), expected)


@pytest.mark.parametrize(
    "names",
    [
        ["predict", "predict_proba", "predict_log_proba"],
        ["X", "batch", "label"],
        ["constant_0", "constant_1", "val_0"],
        ["x", "x_", "x__"],
        [" ", "größe/m", "数"],
        ["a'b", 'a"b', "a\nb"],
    ],
    ids=str,
)
@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_column_may_be_called_like_anything_in_the_graph(names, target):
    table = NAMED.set_axis(names, axis=1)
    estimator = forest().fit(table, LABELS)
    model = bridge.export(estimator, table, target=target, check=False)
    assert [i.name for i in model.graph.input] == names
    assert not {i.name for i in model.graph.initializer} & set(names)
    predictor = bridge.load(model)
    assert predictor.feature_names_in_.tolist() == names
    np.testing.assert_array_equal(predictor.predict(table), estimator.predict(table))


def test_integer_names_are_taken_by_position_as_the_estimator_does():
    table = pd.DataFrame(ARRAY)
    estimator = forest().fit(table, LABELS)
    predictor = load_export(estimator, table)
    assert not hasattr(predictor, "feature_names_in_")
    np.testing.assert_array_equal(predictor.predict(table), estimator.predict(table))
    np.testing.assert_array_equal(predictor.predict(table.set_axis(list("abc"), axis=1)), estimator.predict(table))


def test_estimator_without_names_goes_by_position_whatever_the_sample_is_called():
    estimator, _ = fitted("forest")
    predictor = load_export(estimator, NAMED)
    backwards = NAMED[NAMED.columns[::-1]]
    assert not hasattr(predictor, "feature_names_in_")
    np.testing.assert_array_equal(predictor.predict(backwards), estimator.predict(backwards))
    assert (predictor.predict(backwards) != predictor.predict(NAMED)).any()


def test_estimator_with_names_keeps_them_whatever_the_sample_is():
    estimator, _ = fitted("named forest")
    predictor = load_export(estimator, ARRAY)
    assert predictor.feature_names_in_.tolist() == list(NAMED.columns)
    np.testing.assert_array_equal(predictor.predict(NAMED), estimator.predict(NAMED))
    with pytest.raises(InputError, match="in another order"):
        predictor.predict(NAMED[NAMED.columns[::-1]])


def test_sample_in_another_order_makes_the_same_model():
    estimator, _ = fitted("pipeline")
    for sample in (MIXED[MIXED.columns[::-1]], MIXED.assign(more=pd.Timestamp("2020"))[["more", *MIXED.columns]]):
        predictor = load_export(estimator, sample)
        np.testing.assert_array_equal(predictor.predict(MIXED), estimator.predict(MIXED))
        assert bridge.verify(estimator, predictor, sample).ok


def test_column_that_no_graph_can_take_is_no_trouble_where_it_is_not_used():
    table = MIXED.assign(note=pd.Timestamp("2020"))
    estimator, _ = fitted("pipeline")
    assert_same("pipeline", table)
    predictor = load_export(estimator, table)
    np.testing.assert_array_equal(predictor.predict(table), estimator.predict(table))


def test_model_of_two_hundred_columns_still_finds_them_by_name():
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 200))).add_prefix("c")
    columns = ColumnTransformer([("all", StandardScaler(), list(table.columns))])
    estimator = make_pipeline(columns, forest()).fit(table, LABELS[:20])
    predictor = load_export(estimator, table, methods=["predict"])
    backwards = table[table.columns[::-1]]
    np.testing.assert_array_equal(predictor.predict(backwards), estimator.predict(backwards))
