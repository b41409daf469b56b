"""Text becomes its code, the same one whoever holds it; missing and unknown text have codes of their own."""

import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bridge.data.frame import raw_column
from bridge.data.schema import MISSING_CODE, NONE_CODE, UNKNOWN_CODE, Column
from bridge.data.text import SMALL, TextReader
from bridge.errors import InputError

WORDS = ("low", "high", "größer", "", "nan", "None")
ROWS = [1, SMALL, SMALL + 1, 1000]
"""One row, and both sides of the change of method."""
HOLDERS = {
    "object": lambda v: pd.DataFrame({"c": pd.Series(v, dtype=object)}),
    "str": lambda v: pd.DataFrame({"c": pd.Series(v, dtype="str")}),
    "string": lambda v: pd.DataFrame({"c": pd.Series(v, dtype="string")}),
    "category": lambda v: pd.DataFrame({"c": pd.Series(v, dtype=object).astype("category")}),
    "polars": lambda v: pl.DataFrame({"c": pl.Series(v, dtype=pl.String)}),
    "polars category": lambda v: pl.DataFrame({"c": pl.Series(v, dtype=pl.String).cast(pl.Categorical)}),
    "arrow": lambda v: pa.table({"c": pa.array(v, pa.string())}),
    "arrow category": lambda v: pa.table({"c": pa.array(v, pa.string()).dictionary_encode()}),
}
TELLS_NONE = {"object", "polars", "polars category", "arrow", "arrow category"}
"""Where None comes out as None; the others hold NaN or NA."""


def reader(**settings):
    return TextReader(Column("c", "text", "int64", vocabulary=WORDS, **settings))


def column(holder, values):
    return raw_column(HOLDERS[holder](values), 0)


def expected_codes(values, none):
    return [none if v is None else WORDS.index(v) if v in WORDS else UNKNOWN_CODE for v in values]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_every_holder_gives_the_same_codes(holder, rows):
    values = np.random.default_rng(0).choice([*WORDS, "never seen", None], rows).tolist()
    codes = reader()(column(holder, values))
    assert codes.shape == (rows, 1)
    assert codes.dtype == np.int64
    assert codes.ravel().tolist() == expected_codes(values, NONE_CODE if holder in TELLS_NONE else MISSING_CODE)


@pytest.mark.parametrize("rows", ROWS)
def test_numpy_text_has_the_same_codes(rows):
    values = np.random.default_rng(0).choice([*WORDS, "never seen"], rows)
    assert values.dtype.kind == "U"
    assert reader()(values).ravel().tolist() == expected_codes(values.tolist(), None)


@pytest.mark.parametrize("rows", [1, 1000])
def test_nan_none_and_na_in_objects_are_told_apart(rows):
    values = np.array([None, np.nan, pd.NA, "low"] * rows, object)
    assert reader()(values).ravel().tolist() == [NONE_CODE, MISSING_CODE, MISSING_CODE, 0] * rows


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_unknown_text_is_refused_where_the_encoder_refuses_it(holder, rows):
    values = ["low"] * (rows - 1) + ["never seen"]
    message = r"column 'c' holds unknown categories: 'never seen'\.\n.*handle_unknown='error'; drop these rows"
    with pytest.raises(InputError, match=message):
        reader(strict=True)(column(holder, values))


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("holder", HOLDERS)
def test_missing_text_is_refused_where_the_estimator_refuses_it(holder, rows):
    name, setting = ("None", "allow_none") if holder in TELLS_NONE else ("NaN", "allow_nan")
    values = ["low"] * (rows - 1) + [None]
    message = rf"column 'c' has a missing value \({name}\) in row {rows - 1}, .*\nImpute it"
    with pytest.raises(InputError, match=message):
        reader(**{setting: False})(column(holder, values))


@pytest.mark.parametrize("rows", [1, 1000])
@pytest.mark.parametrize("bad", [7, 7.5, True, [1], {"a": 1}, b"low", pd.Timestamp("2020-01-01")], ids=repr)
def test_objects_that_are_no_text_are_refused_even_where_unknown_text_passes(rows, bad):
    values = np.empty(rows, object)
    values[:] = "low"
    values[-1] = bad
    with pytest.raises(InputError, match=r"column 'c' holds values that are not text, for example .*\nCast it"):
        reader()(values)


@pytest.mark.parametrize("values", [np.array([1, 2]), np.array([1.5]), np.array([True]), np.zeros(2, "M8[s]")], ids=str)
def test_numbers_where_text_was_are_refused(values):
    dtype = re.escape(str(values.dtype))
    with pytest.raises(InputError, match=rf"column 'c' has dtype {dtype}, but .* exported for text\.\nCast it"):
        reader()(values)


def test_column_of_nothing_but_nan_is_missing_text():
    assert reader()(np.array([np.nan, np.nan])).ravel().tolist() == [MISSING_CODE] * 2


@pytest.mark.parametrize("values", [np.array([], object), np.array([]), pd.Series([], dtype="str").array])
def test_no_rows_stay_no_rows(values):
    assert reader(strict=True, allow_nan=False)(values).shape == (0, 1)


@pytest.mark.parametrize("rows", [1, 1000])
@pytest.mark.parametrize("holder", HOLDERS)
def test_empty_vocabulary_knows_nothing(holder, rows):
    codes = TextReader(Column("c", "text", "int64"))(column(holder, ["low"] * rows))
    assert codes.ravel().tolist() == [UNKNOWN_CODE] * rows


@pytest.mark.parametrize("holder", HOLDERS)
def test_model_that_takes_text_gets_the_text(holder):
    text = TextReader(Column("c", "text", "str"))(column(holder, ["low", "never seen"]))
    assert text.tolist() == [["low"], ["never seen"]]
