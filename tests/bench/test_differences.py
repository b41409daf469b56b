from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from bridge.bench.differences import Difference, find_difference

TWO = np.array([[0.25, 0.75], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("answer", "expected", "error"),
    [
        (TWO, TWO, 0.0),
        (TWO + np.array([[0, 1e-3], [0, 0]]), TWO, 1e-3),
        (np.float32([[0.75], [0.5]]), TWO, 0.0),  # the second class alone
        (np.array([0.75, 0.5]), TWO, 0.0),
        (TWO.reshape(2, 1, 2), TWO, 0.0),
        (csr_matrix(TWO), TWO, 0.0),
        (csr_matrix(TWO), csr_matrix(TWO * 2), 0.75),
        (csr_matrix((2, 10**9)), csr_matrix((2, 10**9)), 0.0),
        ([TWO[:, 0], TWO[:, 1]], TWO, 0.0),  # several outputs
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf]), 0.0),
        (np.array([np.nan, 1.0]), np.ones(2), np.inf),
        (np.zeros((0, 2)), np.zeros((0, 2)), 0.0),
    ],
)
def test_error_of_numbers(answer, expected, error):
    found = find_difference(answer, expected, labels=False)

    assert found.error == pytest.approx(error, rel=1e-6)
    assert found.within(1e-2) == (error <= 1e-2)


def test_labels_are_counted():
    found = find_difference(np.array(["a", "b", "c"]), np.array(["a", "b", "d"]), labels=True)

    assert (found.labels, str(found), found.within(1.0)) == (1, "1 rows", False)


def test_labels_that_are_numbers_have_no_error():
    assert find_difference(np.array([1, 2]), np.array([1, 3]), labels=True) == Difference(labels=1)


def test_another_shape_is_a_problem_and_never_equal():
    found = find_difference(np.zeros((2, 3)), TWO, labels=False)

    assert "(2, 3)" in found.problem
    assert not found.within(np.inf)
