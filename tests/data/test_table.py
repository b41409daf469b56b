"""Rows and columns are taken from and put into tables of every type."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from bridge.data.table import column_at, in_fitted_order, replace_columns, row_count, spread_rows, take_rows

NUMBERS = np.arange(12.0).reshape(4, 3)
FRAME = pd.DataFrame({"a": [0.0, 3.0, 6.0, 9.0], "t": ["w", "x", "y", None]}, index=[7, 7, 8, 9])
TABLES = {
    "pandas": FRAME,
    "polars": pl.from_pandas(FRAME),
    "arrow": pa.Table.from_pandas(FRAME, preserve_index=False),
    "array": NUMBERS,
    "list": NUMBERS.tolist(),
    "csr": sparse.csr_matrix(NUMBERS),
    "csc array": sparse.csc_array(NUMBERS),
}


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_counted_and_taken_in_the_order_that_was_asked_for(name):
    table = TABLES[name]
    assert row_count(table) == 4
    taken = take_rows(table, np.array([2, 0]))
    assert row_count(taken) == 2
    assert column_at(taken, 0).tolist() == [6.0, 0.0]


@pytest.mark.parametrize("name", TABLES)
def test_spread_rows_keep_the_first_and_the_last(name):
    assert column_at(spread_rows(TABLES[name], 2), 0).tolist() == [0.0, 9.0]
    assert spread_rows(TABLES[name], 4) is TABLES[name]


@pytest.mark.parametrize("name", TABLES)
def test_columns_are_replaced_in_a_copy(name):
    table = TABLES[name]
    changed = replace_columns(table, {0: np.array([1.0, np.nan, -0.0, np.inf])})
    np.testing.assert_array_equal(column_at(changed, 0), [1.0, np.nan, -0.0, np.inf])
    assert column_at(table, 0).tolist() == [0.0, 3.0, 6.0, 9.0]
    assert type(changed) is type(table) or name == "list"


@pytest.mark.parametrize("name", ["pandas", "polars", "arrow"])
def test_columns_come_in_the_fitted_order_where_all_are_there(name):
    table = TABLES[name]
    ordered = in_fitted_order(table, ("t", "a"))
    assert column_at(ordered, 0).tolist()[0] == "w"
    assert in_fitted_order(ordered, ("t", "a")) is ordered
    assert in_fitted_order(table, ("t", "b")) is table
    assert in_fitted_order(table, None) is table


def test_arrays_have_no_names_to_order_by():
    assert in_fitted_order(NUMBERS, ("a", "b", "c")) is NUMBERS
