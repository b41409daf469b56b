"""Errors are scaled by the value's own size or its column's, whichever is larger; nothing hides behind the scale."""

import numpy as np
import pytest

from bridge.verify.tolerance import bounds_for, scaled_error


def test_equal_values_have_no_error_whatever_they_are():
    values = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1e300, -1.5])
    np.testing.assert_array_equal(scaled_error(values, values), 0.0)
    np.testing.assert_array_equal(scaled_error(-np.zeros(3), np.zeros(3)), 0.0)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [(np.nan, 1.0), (1.0, np.nan), (np.inf, 1.0), (1.0, np.inf), (-np.inf, np.inf), (np.nan, np.inf)],
)
def test_what_is_missing_or_infinite_on_one_side_alone_is_infinitely_wrong(actual, expected):
    assert scaled_error(np.array([actual, 2.0]), np.array([expected, 2.0])).tolist() == [np.inf, 0.0]


def test_value_near_zero_is_held_to_the_size_of_its_column():
    expected = np.array([[1000.0, 1e-3], [1e-9, 1e-3]])
    error = scaled_error(expected + 1e-6, expected)
    assert error[1, 0] < 1e-8
    assert error[1, 1] == pytest.approx(1e-3)


def test_huge_value_does_not_hide_the_errors_of_others():
    expected = np.array([1.0, 1e200])
    assert np.isfinite(scaled_error(expected * 1.5, expected)).all()
    assert scaled_error(np.array([1.0, 1.5e200]), expected)[1] == pytest.approx(0.5)


def test_column_of_zeros_is_held_to_absolute_errors():
    assert scaled_error(np.array([1e-3, 0.0]), np.zeros(2)).tolist() == [1e-3, 0.0]


def test_no_rows_have_no_error():
    assert scaled_error(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)


def test_precision_that_is_not_known_is_held_to_the_bounds_of_float32():
    assert bounds_for("as found") == bounds_for("float32")
    assert bounds_for("exact").scaled < bounds_for("float32").scaled
    assert bounds_for("exact").loose_rows == 0


def test_errors_below_the_smallest_float32_count_in_float64_alone():
    tiny, none = np.array([1e-45, 3e-40]), np.zeros(2)
    assert scaled_error(none, tiny, smallest=bounds_for("float32").smallest).tolist() == [0.0, 0.0]
    assert (scaled_error(none, tiny, smallest=bounds_for("exact").smallest) > 0).all()
