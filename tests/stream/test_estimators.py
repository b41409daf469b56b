"""Chunked training of every estimator with `partial_fit` has the bits of a loop by hand."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier

import bridge.stream
from tests.stream.by_hand import by_hand, contents, in_rows
from tests.stream.cases import CASES, CHUNK, COUNTS, NUMBERS, PIPELINES, ROWS
from tests.stream.listing import BLOCK, make_list, names

pytestmark = pytest.mark.filterwarnings("ignore")


def fit(case, source, **options):
    return bridge.stream.fit(
        case.estimator,
        source,
        target=case.target,
        features=case.features,
        **{"chunk_rows": CHUNK, "progress": False} | options,
    )


def test_every_estimator_with_partial_fit_is_a_case():
    assert {case.name for case in CASES} == set(names())


def test_readme_lists_every_estimator_with_partial_fit():
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")

    assert BLOCK.read(readme) == make_list()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bits_are_those_of_a_loop_by_hand(case, csv, table):
    expected = by_hand(case, table, CHUNK)

    found = fit(case, csv)

    assert contents(found) == contents(expected)


@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline_trains_its_steps_one_after_the_other(name, csv, table):
    case = PIPELINES[name]

    found = fit(case, csv, epochs=2)

    expected = contents(by_hand(case, table, CHUNK, epochs=2))
    learnt = {k: v for k, v in contents(found).items() if k in expected}
    assert learnt == expected
    assert np.array_equal(
        found.predict(table["text"] if name == "text" else table[case.features]),
        by_hand(case, table, CHUNK, epochs=2).predict(table["text"] if name == "text" else table[case.features]),
    )


def test_several_targets_of_text_and_numbers_are_predicted_each(table):
    model = MultiOutputClassifier(SGDClassifier(random_state=0))

    found = bridge.stream.fit(model, table, target=["label", "other"], features=NUMBERS, progress=False)

    assert [e.classes_.tolist() for e in found.estimators_] == [["high", "low", "mid"], [0, 1]]
    assert [e.coef_.shape for e in found.estimators_] == [(3, 4), (1, 4)]


def test_several_labels_that_a_row_has_or_has_not_have_the_bits_of_a_loop_by_hand(table):
    table = table.assign(**{name: (table[name] > 0).astype(int) for name in ("a", "d")})
    model, targets = MLPClassifier((5,), random_state=0), ["other", "a", "d"]
    expected = deepcopy(model)
    for _ in range(2):
        for start in range(0, ROWS, CHUNK):
            rows = table[start : start + CHUNK]
            expected.partial_fit(in_rows(rows[COUNTS]), rows[targets].to_numpy(), classes=[0, 1, 2])

    for _ in range(2):
        model = bridge.stream.fit(model, table, target=targets, features=COUNTS, chunk_rows=CHUNK, progress=False)

    assert contents(model) == contents(expected)


def test_estimator_given_is_left_as_it_was(csv):
    case = CASES[0]
    before = contents(case.estimator)

    fit(case, csv)

    assert contents(case.estimator) == before


def test_trained_estimator_goes_on(csv, table):
    case = CASES[0]

    found = bridge.stream.fit(
        fit(case, csv), csv, target=case.target, features=case.features, chunk_rows=CHUNK, progress=False
    )

    assert contents(found) == contents(by_hand(case, table, CHUNK, epochs=2))


def test_shuffling_differs_by_epoch_and_is_the_same_in_each_run(csv):
    case = CASES[0]

    once, again, plain = (contents(fit(case, csv, epochs=2, shuffle=s)) for s in (True, True, False))

    assert once == again
    assert once != plain


def test_short_rest_is_joined_where_a_step_needs_more_rows(csv):
    case = next(c for c in CASES if c.name == "IncrementalPCA")

    found = fit(case, csv, chunk_rows=ROWS - 2)

    assert found.n_samples_seen_ == ROWS
