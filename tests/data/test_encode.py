"""Tables become one array an input: by name, by position, and refused in words where neither fits."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from bridge.data.encode import Encoder
from bridge.data.schema import Column, Schema
from bridge.errors import InputError, InputTypeError

NUMBER = Column("fare", "float64", "float64", index=1)
TEXT = Column("town", "text", "int64", index=2, vocabulary=("x", "y"))
NAMES = ("unused", "fare", "town")
FRAME = pd.DataFrame({"unused": ["q", "q"], "fare": [1.5, np.nan], "town": ["y", "z"]})
BY_NAME = Encoder(Schema("frame", (NUMBER, TEXT), 3, NAMES, reorder=True))
IN_ORDER = Encoder(Schema("frame", (NUMBER, TEXT), 3, NAMES, reorder=False))
UNNAMED = Encoder(Schema("frame", (NUMBER, TEXT), 3, None))
MATRIX = Encoder(Schema("array", (Column("X", "float64", "float64", width=3),), 3))


def assert_feeds(feeds):
    np.testing.assert_array_equal(feeds["fare"], [[1.5], [np.nan]])
    np.testing.assert_array_equal(feeds["town"], [[1], [-1]])


@pytest.mark.parametrize("encode", [BY_NAME, IN_ORDER, UNNAMED])
@pytest.mark.parametrize("make", [lambda f: f, pl.from_pandas, pa.Table.from_pandas, lambda f: f.to_numpy()])
def test_table_of_the_sample_s_own_shape_is_taken(encode, make):
    assert_feeds(encode(make(FRAME)))


@pytest.mark.parametrize(
    "table",
    [FRAME[["town", "fare", "unused"]], FRAME[["fare", "town"]], FRAME.assign(more=1)[["more", "town", "fare"]]],
    ids=["reordered", "without what is not used", "with another"],
)
def test_columns_are_found_by_name_where_the_estimator_does_so(table):
    assert_feeds(BY_NAME(table))
    assert_feeds(BY_NAME(pl.from_pandas(table)))


@pytest.mark.parametrize("encode", [BY_NAME, IN_ORDER])
def test_missing_column_is_named_beside_those_that_were_not_expected(encode):
    message = (
        r"missing column\(s\): 'fare'\. The model was exported for 'unused', 'fare', 'town'\.\nNot expected: 'Fare'"
    )
    with pytest.raises(InputError, match=message):
        encode(FRAME.rename(columns={"fare": "Fare"}))


def test_extra_column_is_refused_where_the_estimator_refuses_it():
    with pytest.raises(InputError, match=r"unexpected column\(s\): 'more'.*\nDrop them"):
        IN_ORDER(FRAME.assign(more=1))


def test_other_order_is_refused_where_the_estimator_refuses_it():
    with pytest.raises(InputError, match=r"in another order.*\n.*use X\[model.feature_names_in_\]"):
        IN_ORDER(FRAME[["town", "fare", "unused"]])


@pytest.mark.parametrize("encode", [BY_NAME, IN_ORDER])
def test_column_that_is_there_twice_is_refused(encode):
    with pytest.raises(InputError, match=r"column names are not unique: 'fare'\. Rename or drop"):
        encode(pd.concat([FRAME, FRAME[["fare"]]], axis=1))


def test_further_column_may_be_there_twice():
    assert_feeds(BY_NAME(pd.concat([FRAME, FRAME[["unused"]]], axis=1)))


@pytest.mark.parametrize("names", [range(3), [("a", 1), ("b", 2), ("c", 3)]], ids=["integers", "pairs"])
def test_names_that_are_no_text_are_no_names(names):
    table = FRAME.set_axis(names, axis=1)
    assert_feeds(IN_ORDER(table))
    with pytest.raises(InputError, match="found a DataFrame without column names"):
        BY_NAME(table)


def test_array_is_refused_where_the_estimator_wants_names():
    encode = Encoder(Schema("frame", (NUMBER, TEXT), 3, NAMES, reorder=True, positional=False))
    with pytest.raises(
        InputError, match=r"columns 'unused', 'fare', 'town'; found ndarray without column names\.\nGive a"
    ):
        encode(FRAME.to_numpy())
    with pytest.raises(InputError, match="found list without column names"):
        encode(FRAME.to_numpy().tolist())


@pytest.mark.parametrize("encode", [IN_ORDER, UNNAMED, MATRIX])
@pytest.mark.parametrize("width", [2, 4])
def test_other_width_is_refused(encode, width):
    message = f"X has {width} features, but the model is expecting 3 features as input"
    for table in (np.zeros((2, width)), np.zeros((2, width)).tolist(), pd.DataFrame(np.zeros((2, width)))):
        with pytest.raises(InputError, match=message):
            encode(table)


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3), (0,)])
def test_other_rank_is_refused(shape):
    for encode in (MATRIX, UNNAMED):
        with pytest.raises(InputError, match="expected a 2-dimensional table"):
            encode(np.zeros(shape))


@pytest.mark.parametrize("data", [None, "x.csv", {"fare": [1]}, 1.5])
def test_what_is_no_table_is_refused_by_its_type(data):
    with pytest.raises(InputTypeError, match=f"expected a DataFrame, .* found {type(data).__name__}"):
        MATRIX(data)


@pytest.mark.parametrize("format_", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array])
def test_every_sparse_format_is_taken(format_, make):
    dense = np.array([[0.0, 1.5, 0.0], [0.0, 0.0, -2.0]])
    np.testing.assert_array_equal(MATRIX(make(dense).asformat(format_))["X"], dense)


def test_frame_for_a_matrix_is_stacked_by_position():
    frame = pd.DataFrame({"a": [1, 2], "b": [True, False], "c": pd.array([1.5, None], dtype="Float64")})
    np.testing.assert_array_equal(MATRIX(frame)["X"], [[1, 1, 1.5], [2, 0, np.nan]])


def test_frame_for_a_matrix_with_names_is_checked_by_name():
    encode = Encoder(Schema("array", MATRIX.schema.columns, 3, ("a", "b", "c")))
    frame = pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=list("abc"))
    np.testing.assert_array_equal(encode(frame)["X"], frame)
    np.testing.assert_array_equal(encode(frame.to_numpy())["X"], frame)
    with pytest.raises(InputError, match="in another order"):
        encode(frame[["c", "b", "a"]])


def test_text_in_a_matrix_is_refused():
    with pytest.raises(InputError, match="X holds the text 'y', but the model was exported for float64"):
        MATRIX(pd.DataFrame({"a": [1, 2], "b": [1, 2], "c": ["y", "z"]}))


@pytest.mark.parametrize("encode", [BY_NAME, IN_ORDER, UNNAMED])
@pytest.mark.parametrize(
    "table", [FRAME[:0], pd.DataFrame(columns=list(NAMES)), np.zeros((0, 3)), np.zeros((0, 3), object)]
)
def test_no_rows_make_empty_arrays(encode, table):
    feeds = encode(table)
    assert feeds["fare"].shape == feeds["town"].shape == (0, 1)


def test_list_of_rows_keeps_its_numbers_beside_text():
    assert_feeds(UNNAMED([["q", 1.5, "y"], ["q", None, "z"]]))


def test_the_user_s_table_is_left_as_it_was():
    array, frame = np.arange(6.0).reshape(2, 3), FRAME.copy()
    MATRIX(array)
    BY_NAME(frame)
    np.testing.assert_array_equal(array, np.arange(6.0).reshape(2, 3))
    pd.testing.assert_frame_equal(frame, FRAME)


def test_model_that_does_not_say_its_width_takes_any():
    plain = Encoder(Schema("array", (Column("X", "float32", "float32", width=0),), 0))
    assert plain(np.zeros((2, 5)))["X"].shape == (2, 5)
    assert plain(pd.DataFrame(np.zeros((2, 5))))["X"].shape == (2, 5)
