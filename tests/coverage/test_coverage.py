"""Every estimator of scikit-learn answers as it should, or is expected not to, with the reason.

By default each class's first case is asked, and those that were once silently wrong; BRIDGE_COVERAGE=all asks every
case. What a full run found stands in results.json; scripts/coverage_table.py makes it.
"""

from __future__ import annotations

import os
from functools import partial

import pytest

from tests.coverage.case import DEFAULT
from tests.coverage.classes import estimator_classes
from tests.coverage.exclusions import NO_INFERENCE, NOT_FITTED, ON_THE_HOST
from tests.coverage.results import TARGETS, known_of, read_known, read_rows
from tests.coverage.subject import METHODS, SEARCHES
from tests.coverage.survey import host_operators, outcomes_of
from tests.coverage.variants import all_cases, option_cases
from tests.placement.placer import NoStandInError, build_stand_ins, open_placer

ALL = os.environ.get("BRIDGE_COVERAGE") == "all"
ASKED = [case for case in all_cases() if ALL or case.issue or case.variant == DEFAULT]
KNOWN = {(known.case, known.target): known for known in read_known()}
ROWS = {row.case: row for row in read_rows()}


@pytest.fixture(scope="module")
def hosted(tmp_path_factory):
    """Return a function that names the operators of a file that stay on the CPU, or None where nothing can tell."""
    folder = tmp_path_factory.mktemp("cuda_stub")
    try:
        build_stand_ins(folder)
    except NoStandInError:
        yield None
        return
    with open_placer(folder, tmp_path_factory.mktemp("models")) as place:
        yield partial(host_operators, place)


def _none(_model):
    return ()


@pytest.mark.parametrize("case", ASKED, ids=str)
def test_case_is_as_expected(case, hosted):
    targets = TARGETS if ALL else TARGETS[:2]

    for outcome in outcomes_of(case, targets, hosted or _none).values():
        known = KNOWN.get((case.name, outcome.target)) or KNOWN.get((case.name, "all"))
        if known is None:
            assert (outcome.status, outcome.detail) == ("ok", "")
        else:
            assert outcome.status == known.status, f"take {case.name} off expected.json: {outcome}"
            assert known.reason in outcome.detail
        if hosted and outcome.target == "cuda":
            assert list(outcome.host) == ROWS[case.name].host


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.host])
def test_operators_left_on_the_cpu_have_a_reason(name):
    assert set(ROWS[name].host) <= ON_THE_HOST.keys()


def test_every_class_has_a_case_or_a_reason():
    have = {
        case.cls.__name__ for case in all_cases() if case.variant == DEFAULT or case.cls.__name__ == "FrozenEstimator"
    }

    assert have | NO_INFERENCE.keys() == estimator_classes().keys()
    assert have & NO_INFERENCE.keys() == set()


@pytest.mark.parametrize("name", NO_INFERENCE)
def test_class_without_a_case_has_no_method_for_new_rows(name):
    assert [method for method in (*METHODS, *SEARCHES) if hasattr(estimator_classes()[name], method)] == []


def test_results_are_of_the_cases():
    assert sorted(ROWS) == sorted(case.name for case in all_cases())


def test_results_are_as_expected():
    assert known_of(read_rows()) == read_known()


def test_default_and_once_wrong_cases_all_fit():
    rows = {row.case: row for row in read_rows()}

    assert [
        case.name for case in all_cases() if (case.issue or case.variant == DEFAULT) and not rows[case.name].is_case
    ] == []


def test_every_value_of_an_option_has_a_case_that_fits_or_a_reason():
    fits = {name for name, row in ROWS.items() if row.is_case}

    assert [name for name, same in option_cases() if not fits & {name, *same} and name not in NOT_FITTED] == []
    assert NOT_FITTED.keys() & fits == set()
