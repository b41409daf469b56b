"""Values that a model was not exported for are treated as the estimator treats them, or refused in clear words."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from bridge.errors import InputError
from tests.bad_input.cases import ARRAY, MIXED, NAMED, ask, assert_same, served

FEW = MIXED[:6].reset_index(drop=True)
NUMBERS = ["dist", "delay", "year", "paid", "code"]
WHOLE = ["year", "paid", "code"]


def with_cell(frame, column, value):
    changed = frame.astype({column: object})
    changed.loc[2, column] = value
    return changed


def with_column(frame, column, values, dtype=None):
    return frame.assign(**{column: pd.Series(values, index=frame.index, dtype=dtype)})


@pytest.mark.parametrize("value", [7.0, -0.0, True, np.float32(2.5), decimal.Decimal("1.5"), None, np.nan], ids=repr)
@pytest.mark.parametrize("column", ["dist", "delay"])
def test_number_in_a_column_of_objects(column, value):
    assert_same("pipeline", with_cell(FEW, column, value))


@pytest.mark.parametrize("value", [np.nan, None, np.inf, -np.inf, 1e300], ids=repr)
@pytest.mark.parametrize("name", ["forest", "histogram", "integer forest"])
def test_missing_infinite_and_huge_numbers_in_an_array(name, value):
    table = ARRAY[:5].copy()
    table[2, 1] = np.nan if value is None else value
    if name == "integer forest":  # exported for integers
        with pytest.raises(InputError, match=r"dtype float64 and holds .*exported for int64\.\nExport again"):
            served(name)[1].predict(table)
        return
    error = assert_same(name, table)
    assert error is None or "in row 2" in str(error)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300], ids=repr)
@pytest.mark.parametrize("name", ["named forest", "scaler", "pipeline"])
def test_missing_infinite_and_huge_numbers_in_a_frame(name, value):
    frame = (MIXED if name == "pipeline" else NAMED)[:5].copy()
    frame.loc[2, "dist"] = value
    error = assert_same(name, frame)
    assert error is None or ("column 'dist'" in str(error) and "in row 2" in str(error))


@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_number_beyond_float32_never_becomes_infinity(target):
    table = ARRAY[:5].copy()
    table[2, 1] = 1e300
    estimator, predictor = served("histogram", target)
    if target == "cpu":
        np.testing.assert_array_equal(predictor.predict(table), estimator.predict(table))
    else:
        with pytest.raises(
            InputError, match=r"column 1 of X contains 1e\+300 in row 2, .*beyond float32.*\n.*target='cpu'"
        ):
            predictor.predict(table)


@pytest.mark.parametrize("column", NUMBERS)
@pytest.mark.parametrize("text", ["text", "7", ""])
def test_text_where_a_number_was_is_refused(column, text):
    for frame in (
        with_cell(FEW, column, text),
        with_column(FEW, column, text),
        with_column(FEW, column, text, "string"),
    ):
        with pytest.raises(InputError, match=rf"column '{column}' holds the text '{text}', .*exported for .*\nCast it"):
            served("pipeline")[1].predict(frame)


@pytest.mark.parametrize("value", [7, 7.5, True, b"x", dt.date(2020, 1, 1), decimal.Decimal(1), [1], {}], ids=repr)
def test_what_is_no_text_where_text_was_is_refused(value):
    changed = with_column(FEW, "town", ["x", "y", value, "z", "x", "y"], object)
    with pytest.raises(InputError, match=r"column 'town' holds values that are not text, for example .*\nCast it"):
        served("pipeline")[1].predict(changed)


@pytest.mark.parametrize("values", [1, 1.5, True, pd.Timestamp("2020-01-01")], ids=repr)
def test_column_of_numbers_where_text_was_is_refused(values):
    with pytest.raises(InputError, match=r"column 'town' has dtype .*, but the model was exported for text\.\nCast it"):
        served("pipeline")[1].predict(with_column(FEW, "town", values))


@pytest.mark.parametrize(
    "values",
    [
        pd.Timestamp("2020-01-01"),
        pd.Timestamp("2020-01-01", tz="UTC"),
        pd.Timedelta("1s"),
        1 + 2j,
        pd.Period("2020"),
        [[1]] * 6,
    ],
    ids=lambda v: type(v).__name__,
)
@pytest.mark.parametrize("column", ["dist", "year"])
def test_dates_complex_numbers_and_lists_are_refused(column, values):
    with pytest.raises(
        InputError, match=rf"column '{column}' has dtype .*, but the model was exported for .*\nCast it"
    ):
        served("pipeline")[1].predict(with_column(FEW, column, values))


@pytest.mark.parametrize("name", ["pipeline", "strict pipeline"])
@pytest.mark.parametrize(
    ("column", "value"),
    [("town", "never seen"), ("town", ""), ("town", np.nan), ("town", None), ("code", 99), ("code", -1)],
    ids=str,
)
@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_unseen_category_is_treated_as_handle_unknown_says(name, column, value, target):
    changed = FEW.astype({column: object}) if column == "town" else FEW.copy()
    changed.loc[2, column] = value
    error = assert_same(name, changed, target=target)
    assert (error is None) == (name == "pipeline")
    assert error is None or f"column '{column}'" in str(error)


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "Float32", "Float64", "double[pyarrow]", "object", "Sparse[float]"]
)
def test_floats_of_any_dtype_are_taken(dtype):
    assert_same("pipeline", FEW.astype({"dist": dtype, "delay": "float32"}))


@pytest.mark.parametrize(
    "dtype", ["int16", "uint16", "int32", "int64", "Int64", "UInt16", "int64[pyarrow]", "float64", "category", "object"]
)
def test_integers_of_any_dtype_are_taken(dtype):
    assert_same("pipeline", FEW.astype({"year": dtype, "code": dtype}))


@pytest.mark.parametrize("dtype", ["bool", "boolean", "int8", "float32", "bool[pyarrow]", "object", "category"])
def test_flags_of_any_dtype_are_taken(dtype):
    assert_same("pipeline", FEW.astype({"paid": dtype}))


@pytest.mark.parametrize("dtype", ["object", "str", "string", "string[pyarrow]", "category"])
def test_text_of_any_dtype_is_taken(dtype):
    assert_same("pipeline", FEW.astype({"town": dtype}))


@pytest.mark.parametrize("dtype", ["Float64", "Float32", "double[pyarrow]", "object"])
def test_missing_number_of_any_kind_is_missing(dtype):
    changed = FEW.astype({"delay": dtype})
    changed.loc[2, "delay"] = None if dtype == "object" else pd.NA
    assert_same("pipeline", changed)


@pytest.mark.parametrize("column", WHOLE)
@pytest.mark.parametrize("value", [1.5, np.nan, None, np.inf], ids=repr)
def test_whole_column_with_fractions_or_gaps_is_refused_with_its_row(column, value):
    shown = "nan" if value is None else value
    message = rf"column '{column}' has dtype float64 and holds {shown} in row 2, .* exported for .*\nExport again"
    for frame in (with_cell(FEW, column, value), with_cell(FEW, column, value).astype({column: "float64"})):
        with pytest.raises(InputError, match=message):
            served("pipeline")[1].predict(frame)


def test_whole_numbers_as_floats_are_taken():
    assert_same("pipeline", FEW.astype(dict.fromkeys(WHOLE, "float64")))


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**62])
def test_integer_that_the_input_cannot_hold_is_refused_not_wrapped(value):
    with pytest.raises(
        InputError, match=rf"column 'paid' has dtype int64 and holds {value} in row 0, .*exported for bool"
    ):
        served("pipeline")[1].predict(with_column(FEW, "paid", value))


def test_gaps_in_polars_columns():
    _, predictor = served("pipeline")
    gaps = pl.from_pandas(FEW).with_columns(delay=pl.Series([1.0, None, 2.0, None, 3.0, 4.0]))
    np.testing.assert_array_equal(predictor.predict(gaps), predictor.predict(gaps.to_pandas()))
    unknown = pl.from_pandas(FEW).with_columns(town=pl.Series(["x", "never seen", None, "y", "z", "x"]))
    np.testing.assert_array_equal(predictor.predict(unknown), served("pipeline")[0].predict(unknown))
    with pytest.raises(InputError, match="column 'town' holds unknown categories: 'never seen'"):
        served("strict pipeline")[1].predict(unknown[:2])
    with pytest.raises(InputError, match=r"column 'town' has a missing value \(None\) in row 2"):
        served("strict pipeline")[1].predict(unknown)


@pytest.mark.parametrize(
    "frame", [FEW[:0], pd.DataFrame(columns=FEW.columns), pl.from_pandas(FEW)[:0]], ids=["pandas", "bare", "polars"]
)
@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_no_rows_give_an_empty_answer(frame, target):
    estimator, predictor = served("strict pipeline", target)
    expected = estimator.predict(FEW)
    found = predictor.predict(frame)
    assert (found.shape, found.dtype) == ((0,), expected.dtype)
    assert predictor.predict_proba(frame).shape == (0, 2)
    assert predictor.predict_proba(frame).dtype == np.float64
    assert isinstance(ask(estimator, FEW[:0]), ValueError)  # scikit-learn refuses; a stream of chunks may end in none
