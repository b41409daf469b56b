"""Numbers reach the graph in its dtype, unchanged, or are refused with the column, the row and the value."""

import decimal
import re

import numpy as np
import pandas as pd
import pytest

from bridge.data.numbers import FLOAT32_MAX, NumberReader
from bridge.data.schema import Column
from bridge.errors import InputError

SPECIAL = np.array([[0.0], [-0.0], [np.nan], [np.inf], [-np.inf], [5e-324], [1e300]])


def read(values, tensor="float64", **settings):
    array = np.asarray(values)
    return NumberReader(Column("c", tensor, tensor, **settings))(array.reshape(-1, 1))


def bits(array):
    return array.tobytes()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "i1", "u1", "i2", "u2", "i4", "i8", "?"])
def test_numbers_of_any_dtype_become_float64_unchanged(dtype):
    values = np.array([0, 1, 100], dtype)
    assert read(values).dtype == np.float64
    np.testing.assert_array_equal(read(values).ravel(), values.astype(np.float64))


def test_special_values_pass_bit_by_bit():
    assert bits(read(SPECIAL)) == bits(SPECIAL)


@pytest.mark.parametrize("make", [np.asfortranarray, lambda a: a[::-1], lambda a: np.repeat(a, 2, axis=0)[::2]])
def test_layout_of_an_array_does_not_matter(make):
    matrix = np.arange(12.0).reshape(4, 3)
    reader = NumberReader(Column("X", "float64", "float64", width=3))
    np.testing.assert_array_equal(reader(make(matrix)), make(matrix))


def test_read_only_array_is_left_alone():
    matrix = np.arange(4.0).reshape(2, 2)
    matrix.flags.writeable = False
    np.testing.assert_array_equal(NumberReader(Column("X", "float64", "float32", width=2))(matrix), matrix)


@pytest.mark.parametrize("values", [[1, None, 2.5], [1, np.nan, True], [1, pd.NA, 2], [decimal.Decimal("1.5"), 1, 2]])
def test_objects_that_are_numbers_are_numbers(values):
    found = read(np.array(values, object)).ravel()
    expected = [np.nan if v is None or v is pd.NA else float(v) for v in values]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("values", "shown"),
    [([1, "7"], "the text '7'"), (["7"], "the text '7'"), ([b"7"], "the text b'7'"), (np.array(["7"]), "the text '7'")],
)
def test_text_where_a_number_was_is_refused_even_if_it_reads_as_one(values, shown):
    array = values if isinstance(values, np.ndarray) else np.array(values, object)
    with pytest.raises(InputError, match=rf"column 'c' holds {shown}.*exported for float64\.\nCast it to numbers"):
        read(array)


@pytest.mark.parametrize(
    "bad", [1 + 2j, pd.Timestamp("2020-01-01"), {"a": 1}, 10**400], ids=["complex", "date", "dict", "too large"]
)
def test_objects_that_are_no_numbers_are_refused(bad):
    with pytest.raises(InputError, match=r"column 'c' has dtype object and holds .*exported for float64"):
        read(np.array([1.0, None, bad], object))


@pytest.mark.parametrize("dtype", ["M8[s]", "m8[s]", "complex128"])
def test_dtypes_that_are_no_numbers_are_refused(dtype):
    with pytest.raises(InputError, match=rf"column 'c' has dtype {re.escape(str(np.dtype(dtype)))}.*\nCast it"):
        read(np.zeros(2, dtype))


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize(
    ("bad", "setting", "words"),
    [
        (np.nan, "allow_nan", "contains NaN in row {row}.*\nImpute it"),
        (np.inf, "allow_inf", "contains infinity in row {row}.*\nClip or drop"),
        (-np.inf, "allow_inf", "contains infinity in row {row}.*\nClip or drop"),
        (1e300, "allow_huge", r"contains 1e\+300 in row {row}; .* up to 3.4e\+38 \(float32\)\.\nClip"),
    ],
)
def test_what_the_estimator_refuses_is_refused_with_its_row(rows, bad, setting, words):
    values = np.ones(rows)
    values[rows // 2] = bad
    np.testing.assert_array_equal(read(values).ravel(), values)
    with pytest.raises(InputError, match="column 'c' " + words.format(row=rows // 2)):
        read(values, **{setting: False})


def test_bad_value_in_a_matrix_is_named_by_its_column():
    matrix = np.ones((4, 3))
    matrix[2, 1] = np.nan
    with pytest.raises(InputError, match="column 1 of X contains NaN in row 2"):
        NumberReader(Column("X", "float64", "float64", width=3, allow_nan=False))(matrix)


@pytest.mark.parametrize(("bad", "kind"), [(np.nan, "nan"), (np.inf, "inf"), (1e300, "huge")])
def test_only_the_columns_refuse_that_the_estimator_refuses_it_in(bad, kind):
    taken = {f"allow_{kind}": False, f"{kind}_columns": (0, 2)}
    read_matrix = NumberReader(Column("X", "float64", "float64", width=3, **taken))
    matrix = np.ones((4, 3))
    matrix[1, 0] = matrix[2, 2] = bad
    np.testing.assert_array_equal(read_matrix(matrix), matrix)
    matrix[3, 1] = bad
    with pytest.raises(InputError, match=r"column 1 of X contains .* in row 3"):
        read_matrix(matrix)


@pytest.mark.parametrize("allowed", [{"allow_nan": False}, {"allow_inf": False}, {"allow_huge": False}])
def test_narrow_floats_are_not_taken_for_large_ones(allowed):
    for dtype in (np.float16, np.float32):
        largest = np.full((3, 1), np.finfo(dtype).max)
        np.testing.assert_array_equal(read(largest, **allowed), largest.astype(np.float64))
        with np.errstate(over="ignore"):
            assert read(largest * 2).max() == np.inf


@pytest.mark.parametrize("rows", [1, 5])
def test_float64_beyond_float32_is_refused_where_the_graph_takes_float32(rows):
    values = np.ones(rows)
    values[-1] = -1e39
    message = rf"column 'c' contains -1e\+39 in row {rows - 1}, which is beyond float32.*\n.*target='cpu'"
    with pytest.raises(InputError, match=message):
        read(values, "float32")
    values[-1] = -np.inf
    np.testing.assert_array_equal(read(values, "float32").ravel(), values)
    values[-1] = FLOAT32_MAX
    np.testing.assert_array_equal(read(values, "float32").ravel(), values)


@pytest.mark.parametrize("tensor", ["int32", "int64"])
def test_integral_floats_pass_for_integers(tensor):
    assert read([1.0, -2.0, -0.0], tensor).tolist() == [[1], [-2], [0]]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(
    ("bad", "tensor", "shown"),
    [
        (1.5, "int64", "1.5"),
        (np.nan, "int64", "nan"),
        (np.inf, "int32", "inf"),
        (1e19, "int64", r"1e\+19"),
        (2**31, "int32", "2147483648"),
        (-(2**31) - 1, "int32", "-2147483649"),
        (np.uint64(2**63), "int64", "9223372036854775808"),
    ],
)
def test_what_an_integer_input_cannot_hold_is_refused_not_wrapped(rows, bad, tensor, shown):
    values = np.full(rows, np.asarray(bad))
    values[:-1] = 1
    message = rf"column 'c' has dtype {values.dtype} and holds {shown} in row {rows - 1}, .*{tensor}\.\nExport again"
    with pytest.raises(InputError, match=message):
        read(values, tensor)


@pytest.mark.parametrize("rows", [1, 100])
@pytest.mark.parametrize("tensor", ["int64", "float32", "float64"])
def test_unknown_categories_are_listed_once(rows, tensor):
    values = np.tile([1, 2], rows)[:rows].astype(float)
    settings = {"allowed": (1.0, 2.0), "strict": True}
    assert len(read(values, tensor, **settings)) == rows
    values[-1] = 7
    with pytest.raises(InputError, match=r"column 'c' holds unknown categories: '7(\.0)?'\.\n.*handle_unknown='error'"):
        read(values, tensor, **settings)


def test_missing_value_is_no_unknown_category():
    assert np.isnan(read([np.nan], allowed=(1.0,), strict=True)).all()
    assert np.isnan(read([np.nan, 1.0], allowed=(1.0,), strict=True)).tolist() == [[True], [False]]


def test_category_is_compared_in_the_dtype_of_the_graph():
    assert len(read([0.1, 0.1], "float32", allowed=(0.1,), strict=True)) == 2
    assert len(read([0.1], "float32", allowed=(0.1,), strict=True)) == 1


@pytest.mark.parametrize("dtype", ["f8", "i8", "O", "?"])
def test_no_rows_stay_no_rows(dtype):
    for tensor in ("float64", "float32", "int32"):
        strict = read(np.zeros(0, dtype), tensor, allow_nan=False, allow_huge=False, allowed=(1.0,), strict=True)
        assert strict.shape == (0, 1)
        assert strict.dtype == tensor
