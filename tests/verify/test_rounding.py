"""What the estimator's own rounding decides is not held against a model; anything larger is."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

import bridge
from bridge.data.schema import infer_schema
from bridge.verify.rounding import BACKWARD_ERROR, rows_moved_by_rounding

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))


def test_rows_move_by_last_bits_and_keep_signs_zeros_and_what_is_not_finite():
    data = X.copy()
    data[0] = [0.0, np.inf, np.nan]
    columns = infer_schema(data).columns
    tables = list(rows_moved_by_rounding(data, np.array([0, 5]), columns))
    np.testing.assert_array_equal(tables[0][0], data[0])
    assert any((t[5] != data[5]).any() for t in tables)
    for table in tables:
        np.testing.assert_allclose(table, data, rtol=2 * BACKWARD_ERROR * 2.0**-52)
        np.testing.assert_array_equal(np.delete(table, [0, 5], axis=0), np.delete(data, [0, 5], axis=0))


def test_last_rows_of_a_batch_that_scikit_learn_rounds_otherwise_are_explained():
    data, target = load_breast_cancer(return_X_y=True)
    model = KNeighborsClassifier(weights="distance").fit(data, target)
    compiled = bridge.load(bridge.export(model, data, target="cpu", check=False), device="cpu")
    reports = [bridge.verify(model, compiled, data[:rows]) for rows in range(201, 216)]
    assert all(report.ok for report in reports)
    assert any(m.explained for report in reports for m in report.methods)


@pytest.mark.parametrize("error", [1e-9, 1e-6])
def test_wrong_number_is_not_explained(error):
    model = LinearRegression().fit(X, X @ [1, 2, 3])
    wrong = LinearRegression().fit(X, X @ [1, 2, 3 + error])
    assert not bridge.verify(wrong, bridge.compile(model, X, device="cpu"), X).ok


def test_wrong_neighbours_are_not_explained():
    target = (X[:, 0] > 0).astype(int)
    model = KNeighborsClassifier(3, p=1).fit(X, target)
    wrong = KNeighborsClassifier(3, p=2).fit(X, target)
    compiled = bridge.compile(model, X, device="cpu")
    assert not compiled.metadata.exact_decisions
    assert not bridge.verify(wrong, compiled, RNG.normal(size=(300, 3))).ok
