"""The schema is read from every row of the sample, and says what no graph can take."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from bridge.data.schema import Column, as_table, infer_schema
from bridge.errors import InputError, InputTypeError


def only_column(values, **kwargs):
    (column,) = infer_schema(pd.DataFrame({"c": pd.Series(values, **kwargs)})).columns
    return column


@pytest.mark.parametrize(
    ("dtype", "tensor"),
    [
        *[(name, "int32") for name in ("bool", "int8", "uint8", "int16", "uint16", "int32")],
        *[(name, "int64") for name in ("uint32", "int64", "uint64")],
        *[(name, "float64") for name in ("float16", "float64", ">f8")],
        ("float32", "float32"),
    ],
)
def test_dtype_of_an_array_becomes_the_smallest_tensor_that_holds_it(dtype, tensor):
    (column,) = infer_schema(np.ones((2, 3), dtype)).columns
    assert (column.tensor, column.width) == (tensor, 3)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1.5, None], "float64", "float64"),
        ([1, None], "Int64", "float64"),
        ([1, 2], "Int64", "int64"),
        ([True, None], "boolean", "float64"),
        (["a", None], "string", "text"),
        (["a", None], "str", "text"),
        (["a", None], object, "text"),
        (["a", "b"], "category", "text"),
        ([3, 4], "category", "int64"),
        ([None, None], object, "text"),
        ([1, 2.5, None, True], object, "float64"),
        ([decimal.Decimal("1.5"), 2], object, "float64"),
    ],
)
def test_dtype_of_a_column(values, dtype, expected):
    assert only_column(values, dtype=dtype).dtype == expected


def test_dtype_is_taken_from_the_whole_column_not_its_first_rows():
    assert only_column([*[None] * 500, 1.0], dtype=object).dtype == "float64"
    assert only_column([*[None] * 500, "a"], dtype=object).dtype == "text"


@pytest.mark.parametrize(
    ("values", "found", "advice"),
    [
        (pd.date_range("2020", periods=2), "datetime64", "Turn dates into numbers"),
        (pd.to_timedelta([1, 2], unit="s"), "timedelta64", "Turn durations into numbers"),
        ([1 + 2j, 3], "complex128", "real part"),
        (["a", 1.5], "number and text", "Cast it to one of them"),
        ([dt.date(2020, 1, 1), None], "date", "Cast it to one of them"),
        ([[1], [2]], "list", "Cast it to one of them"),
        ([b"a", b"b"], "bytes", "Cast it to one of them"),
    ],
)
def test_column_that_no_graph_can_take_has_the_reason(values, found, advice):
    problem = only_column(values).problem
    assert "column 'c'" in problem
    assert found in problem
    assert advice in problem


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (np.ones(3), InputError, r"found shape \(3,\)\.\nReshape it with X.reshape\(1, -1\)"),
        (np.ones((1, 2, 3)), InputError, r"found shape \(1, 2, 3\)"),
        ([[1, 2], [3]], InputError, "rows are of different lengths"),
        ([{"a": 1}], InputError, r"found dicts\.\nGive pandas.DataFrame"),
        (np.ones((2, 2), complex), InputError, "dtype complex128.*\n.*real part"),
        (np.ones((2, 2), "M8[s]"), InputError, "dtype datetime64.*\nTurn dates into numbers"),
        (np.array([[b"a"]]), InputError, "bytes: turn them into text"),
        (np.zeros(2, [("a", "f8")])[:, np.newaxis], InputError, "records: give a DataFrame"),
        *[(data, InputTypeError, f"found {type(data).__name__}") for data in (None, "text", b"", {"a": [1]}, {1}, 3)],
        ((row for row in [[1]]), InputTypeError, "found generator"),
        (pl.LazyFrame({"a": [1]}), InputTypeError, "found LazyFrame"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_table_is_refused(data, error, message):
    with pytest.raises(error, match=message):
        as_table(data)


def test_list_that_mixes_text_and_numbers_keeps_the_numbers():
    table = as_table([["a", 1.5], ["b", 2]])
    assert table.dtype == object
    assert table[1].tolist() == ["b", 2]
    assert [c.dtype for c in infer_schema([["a", 1.5], ["b", 2]]).columns] == ["text", "float64"]


def test_object_array_of_numbers_is_one_matrix():
    assert infer_schema(np.array([[1, None], [2.5, True]], object)).columns == (
        Column("X", "float64", "float64", width=2),
    )


def test_sparse_matrix_is_one_matrix():
    schema = infer_schema(sparse.csr_matrix(np.eye(3)))
    assert (schema.kind, schema.columns[0].width, schema.n_features) == ("sparse", 3, 3)


def test_array_and_frame_without_columns_are_refused():
    with pytest.raises(InputError, match="the array has no columns"):
        infer_schema(np.zeros((3, 0)))
    with pytest.raises(InputError, match="the DataFrame has no columns"):
        infer_schema(pd.DataFrame(index=range(3)))


def test_longdouble_is_refused_with_a_cast():
    with pytest.raises(InputError, match=r"the array has dtype float128.*\nCast it to float64"):
        infer_schema(np.ones((2, 2), np.longdouble))


def test_duplicate_empty_and_mixed_column_names_are_refused():
    with pytest.raises(InputError, match=r"not unique: 'a'\. Rename them"):
        infer_schema(pd.DataFrame(np.ones((1, 3)), columns=["a", "b", "a"]))
    with pytest.raises(InputError, match="column 1 has the empty name ''"):
        infer_schema(pd.DataFrame(np.ones((1, 2)), columns=["a", ""]))
    with pytest.raises(InputError, match=r"some column names are text and some are not\.\nGive X.rename"):
        infer_schema(pd.DataFrame(np.ones((1, 2)), columns=["a", 1]))


def test_names_survive_unchanged():
    names = ["Überfahrt", "a b", "x/y:z", "数", "'", "{}", " "]
    schema = infer_schema(pd.DataFrame(np.ones((1, len(names))), columns=names))
    assert schema.feature_names == tuple(names)
    assert [c.name for c in schema.columns] == names


def test_integer_names_are_no_feature_names():
    schema = infer_schema(pd.DataFrame(np.ones((1, 2))))
    assert schema.feature_names is None
    assert [c.name for c in schema.columns] == ["0", "1"]


@pytest.mark.parametrize(
    "of",
    [list, tuple, np.array, pd.Series, lambda x: np.array(x, object)],
    ids=["list", "tuple", "array", "Series", "objects"],
)
def test_texts_without_a_second_dimension_are_a_vector(of):
    schema = infer_schema(of(["a", "bc"]))

    assert (schema.kind, schema.n_features) == ("vector", 1)
    assert [(c.name, c.dtype, c.tensor) for c in schema.columns] == [("X", "text", "int64")]


def test_numbers_without_a_second_dimension_are_a_vector_where_the_estimator_takes_one():
    with pytest.raises(InputError, match=r"expected a 2-dimensional table .* found shape \(2,\)"):
        infer_schema([1.0, 2.0])
    schema = infer_schema([1.0, 2.0], takes_vector=True)

    assert [(c.name, c.dtype) for c in schema.columns] == [("X", "float64")]
