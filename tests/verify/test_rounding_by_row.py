"""What rounding is allowed is a row's own, in the unit of the model's arithmetic."""

import numpy as np

from bridge.method import Method
from bridge.verify.compare import MOST_ROUNDINGS, _roundings
from bridge.verify.tolerance import bounds_for

METHOD = Method("predict", ("predict",), "float64", (), rounding=1e-12, rounding_size=2.0)


def test_a_large_row_does_not_loosen_the_others():
    allowed = _roundings(np.array([0.5, 2.0, 2e9]), METHOD, bounds_for("exact"))
    np.testing.assert_allclose(allowed, MOST_ROUNDINGS * 1e-12 * np.array([1, 1, 1e9]), rtol=1e-15)


def test_roundings_of_float32_are_larger_but_small_beside_the_largest_answer():
    bounds = bounds_for("float32")
    fine = Method("predict", ("predict",), "float64", (), rounding=1e-16, rounding_size=2.0)
    assert _roundings(np.array([0.0]), fine, bounds) == MOST_ROUNDINGS * 1e-16 * 2.0**29
    assert _roundings(np.array([0.0]), METHOD, bounds) == bounds.scaled * 2.0
    assert _roundings(np.array([0.0]), Method("predict", ("predict",), "float64", ()), bounds) == 0
