"""Columns of pandas, polars and Arrow tables come out as the same arrays, by the public and by the fast way."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bridge.data.frame import as_values, frame_columns, is_frame, missing_mask, raw_column

COLUMNS = {
    "float64": pd.Series([0.5, np.nan, -0.0]),
    "float32": pd.Series([0.5, np.nan, 1.0], dtype="float32"),
    "int8": pd.Series([1, 2, 3], dtype="int8"),
    "bool": pd.Series([True, False, True]),
    "str": pd.Series(["a", "b", np.nan], dtype="str"),
    "object": pd.Series(["a", None, np.nan], dtype=object),
    "string": pd.Series(["a", "b", pd.NA], dtype="string"),
    "category": pd.Series(["a", "b", None], dtype="category"),
    "Int64": pd.Series([1, None, 3], dtype="Int64"),
    "Int64 whole": pd.Series([1, 2, 3], dtype="Int64"),
    "Float64": pd.Series([0.5, None, 3], dtype="Float64"),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "arrow int": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
    "sparse": pd.Series([0.0, 0.0, 2.0]).astype("Sparse[float]"),
    "date": pd.Series(pd.date_range("2020", periods=3)),
}
FRAME = pd.DataFrame(COLUMNS)


@pytest.mark.parametrize("name", COLUMNS)
def test_fast_way_gives_what_the_public_one_gives(name):
    position = list(COLUMNS).index(name)
    fast = as_values(raw_column(FRAME, position))
    public = as_values(FRAME.iloc[:, position].array)
    assert fast.dtype == public.dtype
    pd.testing.assert_extension_array_equal(pd.array(fast, dtype=object), pd.array(public, dtype=object))


def test_frame_without_the_fast_way_is_read_by_the_public_one():
    class Table:
        columns = FRAME.columns
        shape = FRAME.shape
        iloc = FRAME.iloc

    assert is_frame(Table())
    for i in range(FRAME.shape[1]):
        assert as_values(raw_column(Table(), i)).dtype == as_values(raw_column(FRAME, i)).dtype


@pytest.mark.parametrize("name", ["Int64", "Float64", "boolean", "arrow int"])
def test_nullable_numbers_become_float64_with_nan(name):
    values = as_values(raw_column(FRAME, list(COLUMNS).index(name)))
    assert values.dtype == np.float64
    assert np.isnan(values).tolist() == [False, True, False]


def test_whole_nullable_integers_stay_integers():
    large = pd.DataFrame({"a": pd.array([2**53 + 1], dtype="Int64")})
    assert as_values(raw_column(large, 0)).tolist() == [2**53 + 1]


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"n": [1.5, None], "i": [1, None], "b": [True, False], "t": ["x", None]}),
        pa.table({"n": [1.5, None], "i": [1, None], "b": [True, False], "t": ["x", None]}),
    ],
    ids=["polars", "arrow"],
)
def test_polars_and_arrow_columns(table):
    assert is_frame(table)
    assert frame_columns(table) == ["n", "i", "b", "t"]
    numbers, integers, flags, text = (as_values(raw_column(table, i)) for i in range(4))
    np.testing.assert_array_equal(numbers, [1.5, np.nan])
    np.testing.assert_array_equal(integers, [1, np.nan])
    assert flags.tolist() == [True, False]
    assert text.tolist() == ["x", None]


def test_column_names_keep_their_types():
    assert frame_columns(pd.DataFrame([[1, 2]], columns=[0, "a"])) == [0, "a"]
    assert frame_columns(pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))) == [
        ("a", 1),
        ("b", 2),
    ]


@pytest.mark.parametrize("data", [np.zeros((2, 2)), pd.Series([1.0]), pl.LazyFrame({"a": [1]}), [[1]], {"a": 1}, None])
def test_what_is_no_frame(data):
    assert not is_frame(data)


def test_missing_mask_finds_what_differs_from_itself():
    values = np.array([None, np.nan, pd.NA, pd.NaT, "nan", "", 0, [1, 2], np.array([1, 2])], dtype=object)
    assert missing_mask(values).tolist() == [True] * 4 + [False] * 5
    assert missing_mask(np.array([1.0, np.nan])).tolist() == [False, True]
    assert missing_mask(np.array([1, 2])).tolist() == [False, False]
