"""What leaves score is stored once where it is equal, and always found again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from bridge.export import leaf_rows
from bridge.export.leaf_rows import LeafRows
from bridge.export.tree_reader import read_trees

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 0.5, 1 / 3, np.nan, np.inf, 5e-324])


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.integers(1, 3), st.data())
def test_every_row_is_found_again(outputs, data):
    row = st.lists(NUMBERS, min_size=outputs, max_size=outputs)
    parts = data.draw(st.lists(st.lists(row, max_size=6), max_size=6))
    parts = [np.array(p).reshape(-1, outputs) for p in parts]
    rows = LeafRows(outputs)

    numbers = [rows.add(p) for p in parts]

    for part, number in zip(parts, numbers, strict=True):
        assert rows.values()[number].tobytes() == part.tobytes()


def test_equal_rows_are_stored_once():
    rows = LeafRows(2)
    pure = np.eye(2)[np.random.default_rng(0).integers(2, size=(3, 100))]

    numbers = [rows.add(p) for p in pure]

    assert len(rows.values()) == 2
    assert np.unique(numbers).tolist() == [0, 1]


def test_rows_that_share_a_key_are_told_apart():
    rows = LeafRows(2)
    rows._factors[:] = 0
    some = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])

    numbers = [rows.add(some), rows.add(some)]

    assert rows.values()[numbers].tolist() == [some.tolist(), some.tolist()]


def test_beyond_the_most_that_are_known_rows_are_kept_apart(monkeypatch):
    monkeypatch.setattr(leaf_rows, "MOST_KNOWN", 2)
    rows = LeafRows(1)
    some = np.repeat(np.arange(4.0), 3).reshape(-1, 1)

    numbers = [rows.add(part) for part in (some[:6], some[6:], some)]

    assert rows.values()[np.concatenate(numbers)].ravel().tolist() == [*some.ravel(), *some.ravel()]
    assert len(rows.values()) > 4


def test_rows_that_are_all_new_are_not_looked_for():
    rows = LeafRows(1)
    rows.add(np.arange(10.0).reshape(-1, 1))

    assert rows.add(np.arange(10.0).reshape(-1, 1)).tolist() == list(range(10, 20))


@pytest.mark.parametrize(("forest", "rows"), [(RandomForestClassifier, 3), (RandomForestRegressor, None)])
def test_full_trees_of_a_classifier_have_a_row_a_class(forest, rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)).astype(np.float32)
    y = rng.integers(3, size=200) if rows else rng.normal(size=200)
    fitted = forest(5, random_state=0).fit(X, y)

    read = read_trees([e.tree_ for e in fitted.estimators_])

    leaves = sum(e.tree_.n_leaves for e in fitted.estimators_)
    assert len(read.values) == (rows or leaves)
    for number, estimator in enumerate(fitted.estimators_):
        start = read.roots[number]
        reached = read.values[read.leaf[start + estimator.apply(X)]]
        assert np.array_equal(
            reached, estimator.tree_.value.reshape(estimator.tree_.node_count, -1)[estimator.apply(X)]
        )
