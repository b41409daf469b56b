"""Every tree model of scikit-learn is met on thresholds and beside them, on NaN, infinities and signed zeros."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.data.table import column_at, replace_columns, row_count, take_rows
from bridge.method import METHODS
from bridge.targets import TARGETS
from models import data, trees
from models.trees import TREES

ROUNDING = 1e-13
"""The scaled error of exact sums: a wrong leaf is off by far more."""
MOST_THRESHOLDS = 150
PLAIN_ROWS = 6
"""How many random rows are moved onto a threshold of a tree that does not say which rows reach it."""
FRAMES = {data.diabetes, trees.bools, trees.two_numbers, trees.categories}


def _cases(models):
    return [pytest.param((m, t), id=f"trees:{m}/{t}") for m in models for t in TARGETS]


every_case = pytest.mark.parametrize("case", _cases(TREES), indirect=True)
array_cases = pytest.mark.parametrize("case", _cases(m for m in TREES if m.data not in FRAMES), indirect=True)


@every_case
def test_held_out_rows_agree(case):
    check(case, case.model.data().held_out)


@every_case
def test_rows_on_thresholds_and_beside_them_agree(case):
    check(case, threshold_rows(case))


@every_case
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(drawn=st.data())
def test_any_row_of_thresholds_and_special_values_agrees(case, drawn):
    values = values_by_column(case)
    rows = drawn.draw(st.lists(st.integers(0, row_count(case.rows) - 1), min_size=1, max_size=12), "rows")
    table = take_rows(case.rows, np.array(rows))
    columns = {c: np.array(column_at(table, c), np.float64) for c in values}
    changes = st.tuples(st.integers(0, len(rows) - 1), st.sampled_from(sorted(values)), st.integers(0, 10**6))
    for row, column, pick in drawn.draw(st.lists(changes, max_size=40), "changes"):
        columns[column][row] = values[column][pick % len(values[column])]

    check(case, replace_columns(table, columns))


@every_case
def test_one_row_agrees(case):
    for row in range(3):
        check(case, take_rows(case.rows, np.array([row])))


@array_cases
def test_layout_of_an_array_does_not_matter(case):
    rows = take_rows(case.rows, np.arange(7))
    expected = answers(case.predictor, rows)

    for table in (np.asfortranarray(rows), np.repeat(rows, 2, axis=1)[:, ::2], rows[::-1].copy()[::-1]):
        table.flags.writeable = False
        for name, answer in answers(case.predictor, table).items():
            for got, want in zip(as_list(answer), as_list(expected[name]), strict=True):
                np.testing.assert_array_equal(got, want)


@every_case
def test_no_rows_give_answers_of_the_right_shape_and_dtype(case):
    one, none = (take_rows(case.rows, np.arange(n)) for n in (1, 0))
    expected, found = answers(case.estimator, one), answers(case.predictor, none)

    for name, answer in expected.items():
        for want, got in zip(as_list(answer), as_list(found[name]), strict=True):
            assert got.shape == (0, *want.shape[1:])
            assert got.dtype.kind == want.dtype.kind


def check(case, table):
    """Assert that every method agrees on `table`: to rounding in the sums, and to the bit in the labels."""
    report = case.verify(in_precision(case, table))

    assert report.ok, report
    assert [m for m in report.methods if m.loose_rows] == [], report
    if case.target != "portable":
        assert [m for m in report.methods if m.labels_differing] == [], report
        assert max(m.max_scaled for m in report.methods) <= ROUNDING, report


def in_precision(case, table):
    """Return `table` as a graph in float32 gets to see it, so that what is left to differ are the decisions."""
    if case.target != "portable":
        return table
    narrow = [c for c in case.predictor.metadata.schema.columns if c.tensor == "float32"]
    floats = [c.index + i for c in narrow for i in range(c.width)]
    return replace_columns(table, {p: column_at(table, p).astype(np.float32) for p in floats})


def answers(model, table):
    with np.errstate(all="ignore"):
        return {name: getattr(model, name)(table) for name in METHODS if hasattr(model, name)}


def as_list(answer):
    return answer if isinstance(answer, list) else [answer]


def threshold_rows(case):
    """Return rows moved onto the estimator's thresholds, and onto the nearest numbers on both sides."""
    nodes = list(thresholds(case.estimator, case.model.data().train))
    rng = np.random.default_rng(0)
    if len(nodes) > MOST_THRESHOLDS:
        nodes = [nodes[i] for i in rng.permutation(len(nodes))[:MOST_THRESHOLDS]]
    if not nodes:  # trees that are one leaf
        return case.rows
    numeric = sorted({column for column, *_ in nodes})
    table = case.model.data().train
    numbers = {c: np.array(column_at(table, c), np.float64) for c in numeric}
    rows, moved = [], {c: [] for c in numeric}
    for column, threshold, reaching in nodes:
        bases = reaching[:1] if len(reaching) else rng.integers(row_count(table), size=PLAIN_ROWS)
        for base in bases:
            for value in beside(threshold):
                rows.append(base)
                for c in numeric:
                    moved[c].append(value if c == column else numbers[c][base])
    return replace_columns(take_rows(table, np.array(rows)), {c: np.array(v) for c, v in moved.items()})


def beside(threshold):
    """Return a threshold and its neighbours, in float64 and in float32.

    Left out is what trees refuse: an infinite threshold, which asks whether the value is missing, and what is near it.
    """
    near = np.float32(threshold)
    values = [threshold, near]
    values += [np.nextafter(v, v.dtype.type(side)) for v in (np.float64(threshold), near) for side in (-np.inf, np.inf)]
    return [float(v) for v in values if abs(v) <= np.finfo(np.float32).max]


def thresholds(estimator, table):
    """Yield, for every decision of the estimator: the table's column, the threshold, the rows known to come there."""
    if hasattr(estimator, "_predictors"):
        yield from histogram_thresholds(estimator)
        return
    numbers = np.asarray(table, np.float32)
    trees = np.ravel(getattr(estimator, "estimators_", estimator)).tolist()
    subsets = getattr(estimator, "estimators_features_", [np.arange(numbers.shape[1])] * len(trees))
    for tree, columns in zip(trees, subsets, strict=True):
        path = tree.tree_.decision_path(np.ascontiguousarray(numbers[:, columns])).tocsc()
        for node in np.flatnonzero(tree.tree_.children_left >= 0):
            reaching = path.indices[path.indptr[node] : path.indptr[node + 1]]
            yield int(columns[tree.tree_.feature[node]]), tree.tree_.threshold[node], reaching


def histogram_thresholds(boosting):
    categorical = boosting.is_categorical_
    order = np.arange(boosting.n_features_in_)
    if categorical is not None:  # inside, these come first
        order = np.concatenate([np.flatnonzero(categorical), np.flatnonzero(~categorical)])
    for predictor in (p for stage in boosting._predictors for p in stage):
        for node in predictor.nodes[(predictor.nodes["is_leaf"] == 0) & (predictor.nodes["is_categorical"] == 0)]:
            yield int(order[node["feature_idx"]]), float(node["num_threshold"]), []


def values_by_column(case):
    """Return, for every float column, what to put there: thresholds, their neighbours, and all special values."""
    found = {}
    for column in case.predictor.metadata.schema.columns:
        if not column.tensor.startswith("float"):
            continue
        special = [0.0, -0.0, 5e-324, -1e-310, 1e-45, 1e30, -1e30]
        special += [np.nan] if column.allow_nan else []
        special += [np.inf, -np.inf] if column.allow_inf else []
        for position in range(column.index, column.index + column.width):
            found[position] = [*special]
    for column, threshold, _ in thresholds(case.estimator, case.model.data().train):
        if column in found:
            found[column] += beside(threshold)
    return found
