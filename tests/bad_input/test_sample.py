"""A sample that cannot show what a model takes is refused before any work is done."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression

import bridge
from bridge.errors import InputError, InputTypeError
from tests.bad_input.cases import ARRAY, LABELS, MIXED, NAMED, SPARSE, fitted, load_export


@pytest.mark.parametrize(
    ("name", "sample"),
    [("forest", ARRAY[:0]), ("pipeline", MIXED[:0]), ("sparse forest", SPARSE[:0]), ("forest", [])],
    ids=str,
)
def test_sample_without_rows_is_refused(name, sample):
    message = "the sample has no rows; give at least one" if len(np.shape(sample)) == 2 else r"found shape \(0,\)"
    with pytest.raises(InputError, match=message):
        bridge.export(fitted(name)[0], sample)


@pytest.mark.parametrize("name", ["forest", "named forest", "histogram"])
@pytest.mark.parametrize("change", [lambda a: a[:, :2], lambda a: np.hstack([a, a])], ids=["narrow", "wide"])
def test_sample_of_another_width_is_refused_with_both(name, change):
    sample = change(ARRAY)
    with pytest.raises(
        InputError, match=rf"refuses the sample: X has {sample.shape[1]} features, .*3 features.*\nExport with"
    ):
        bridge.export(fitted(name)[0], sample)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="fare"), "yet now missing:\n- fare"),
        (lambda f: f.assign(more=1), "unseen at fit time:\n- more"),
        (lambda f: f[f.columns[::-1]], "must be in the same order"),
    ],
    ids=["missing", "extra", "reordered"],
)
def test_sample_with_other_columns_is_refused_in_the_estimator_s_words(change, words):
    with pytest.raises(InputError, match=words):
        bridge.export(fitted("named forest")[0], change(NAMED))


def test_sample_without_a_column_that_the_pipeline_uses_is_refused():
    with pytest.raises(
        InputError, match=r"Pipeline.predict itself refuses the sample: columns are missing: \{'town'\}"
    ):
        bridge.export(fitted("pipeline")[0], MIXED.drop(columns="town"))


@pytest.mark.parametrize("position", [0, 150])
def test_value_that_the_estimator_refuses_is_found_anywhere_in_the_sample(position):
    sample = ARRAY.copy()
    sample[position, 1] = np.nan
    estimator = LogisticRegression().fit(ARRAY, LABELS)
    with pytest.raises(InputError, match=r"LogisticRegression.predict\w* itself refuses .*: Input X contains NaN"):
        bridge.export(estimator, sample)


def test_text_in_the_sample_where_the_estimator_takes_numbers_is_refused():
    with pytest.raises(InputError, match="refuses the sample: could not convert string to float: 'x'"):
        bridge.export(fitted("named forest")[0], NAMED.assign(fare="x"))


def test_dates_in_the_sample_are_named_beside_the_estimator_s_own_words():
    message = r"(?s)refuses the sample.*column 'fare' has dtype datetime64.*Turn dates into numbers"
    with pytest.raises(InputError, match=message):
        bridge.export(fitted("named forest")[0], NAMED.assign(fare=pd.Timestamp("2020-01-01")))


def test_dates_that_the_estimator_takes_as_numbers_are_still_refused():
    sample = NAMED.assign(
        dist=np.datetime64("2020-01-01"), delay=np.datetime64("2020-01-01"), fare=np.datetime64("2020-01-01")
    )
    with pytest.raises(InputError, match="column 'dist' has dtype datetime64"):
        bridge.export(fitted("named forest")[0], sample)


@pytest.mark.parametrize("sample", [None, "data.csv", {"a": [1]}, 3], ids=lambda v: type(v).__name__)
def test_what_is_no_table_is_refused(sample):
    with pytest.raises(InputTypeError, match=f"found {type(sample).__name__}"):
        bridge.export(fitted("forest")[0], sample)


@pytest.mark.parametrize("sample", [ARRAY[0], ARRAY[np.newaxis], ARRAY.astype(complex), ARRAY.astype("M8[s]")])
def test_array_of_another_rank_or_dtype_is_refused(sample):
    with pytest.raises(InputError, match="expected"):
        bridge.export(fitted("forest")[0], sample)


@pytest.mark.parametrize("make", [lambda f: f, pl.from_pandas, pa.Table.from_pandas, lambda f: f.to_numpy().tolist()])
@pytest.mark.parametrize("rows", [1, 200])
def test_sample_may_be_any_table_and_one_row(make, rows):
    estimator, _ = fitted("named forest")
    predictor = load_export(estimator, make(NAMED[:rows]))
    np.testing.assert_array_equal(predictor.predict(NAMED), estimator.predict(NAMED))


def test_dtype_comes_from_the_whole_sample():
    estimator, _ = fitted("pipeline")
    sample = MIXED.astype({"delay": object})
    sample.loc[:150, "delay"] = None
    predictor = load_export(estimator, sample)
    np.testing.assert_array_equal(predictor.predict(MIXED), estimator.predict(MIXED))
