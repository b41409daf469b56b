from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sklearn.ensemble import RandomForestClassifier

from bridge.bench import cases, others, suite
from bridge.bench.aims import FLOOR, KERNEL, KERNEL_SESSION, ML_SESSION, find_aims, threads_aim
from bridge.bench.cases import TREES, Case
from bridge.bench.differences import Difference
from bridge.bench.measure import Times
from bridge.bench.others import OTHERS, Other
from bridge.bench.report import OWN, Comparison
from bridge.errors import InputError
from bridge.runtime.native import NativeLibrary

OPTIONS = {"rows": [1, 50], "threads": 1, "seconds": 0.0, "clock": "wall", "say": lambda _: None}


@pytest.fixture
def _small(monkeypatch):
    """A suite of two quick models, in which the function stands for the kernel."""
    monkeypatch.setattr(cases, "FITTED_ROWS", 300)
    monkeypatch.setattr(suite, "find_native", lambda: NativeLibrary("a library", "a kernel"))
    monkeypatch.setattr(suite.aims, "MOST_ROWS", 200)
    build = lambda threads: RandomForestClassifier(40, max_depth=3, random_state=0, n_jobs=threads)  # noqa: E731
    monkeypatch.setitem(suite.SUITES, "trees", (Case("small", build, 7), Case("small, NaN", build, 7, "NaN")))


@pytest.mark.usefixtures("_small")
def test_times_and_aims_are_printed_80_columns_wide(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    suite.run_suite("trees", others=["none"], **OPTIONS)

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    for words in ("small, NaN", "1 row", "50 rows", ML_SESSION, KERNEL_SESSION, FLOOR, "The kernel, aims", "load"):
        assert any(words in line for line in lines), words


@pytest.mark.usefixtures("_small")
def test_results_hold_each_contender_and_aim():
    found = json.loads(json.dumps(suite.run_suite("trees", models=["small"], others=["none"], **OPTIONS)))

    (comparison,) = found["comparisons"]
    assert {c["contender"] for c in comparison["cells"]} == {
        OWN,
        ML_SESSION,
        suite.AUTO,
        KERNEL,
        KERNEL_SESSION,
        FLOOR,
    }
    assert all(d["error"] < 1e-6 for d in comparison["differences"].values())
    assert FLOOR not in comparison["differences"]
    assert [(a["rows"], a["words"]) for a in found["aims"][:3]] == [
        (1, "onnxruntime's kernel"),
        (1, "Identity (its time)"),
        (50, "onnxruntime's kernel"),
    ]


@pytest.mark.usefixtures("_small")
def test_another_library_that_is_not_installed_is_named(capsys, monkeypatch):
    absent = replace(OTHERS["nvforest"], packages=("no_such_package",))
    monkeypatch.setitem(others.OTHERS, "nvforest", absent)

    suite.run_suite("trees", models=["small"], others=["nvforest"], **OPTIONS)

    assert "nvForest on the CPU: not installed: pip install nvforest-cu13" in capsys.readouterr().out


def test_without_the_kernel_there_is_nothing_to_measure(monkeypatch):
    monkeypatch.setattr(suite, "find_native", lambda: NativeLibrary(None, "install it"))

    with pytest.raises(InputError, match="install it"):
        suite.run_suite("trees", **OPTIONS)


@pytest.mark.parametrize(
    ("name", "models", "words"),
    [("shrubs", [], "unknown suite 'shrubs'; choose 'trees'"), ("trees", ["oak"], "no model 'oak'.*lightgbm 500")],
)
def test_what_is_not_in_the_suite_is_an_error_with_what_is(name, models, words):
    with pytest.raises(InputError, match=words):
        suite.run_suite(name, models=models, **OPTIONS)


def comparison(**seconds):
    names = {"own": OWN, "ml": ML_SESSION, "kernel": KERNEL, "session": KERNEL_SESSION, "floor": FLOOR}
    names |= {name: other.title for name, other in OTHERS.items()}
    times = {names[name]: Times(value, value) for name, value in seconds.items()}
    differences = {name: Difference(0.0) for name in times if name not in {OWN, FLOOR}}
    return Comparison("m", "predict_proba", "LightGBM", 28, "float32", 9, 1, {1: times, 10_000: times}, differences)


def test_no_aim_is_met_by_a_kernel_whose_answers_are_not_equal():
    found = comparison(own=33.0, ml=10.0, kernel=1.0, session=1.0, floor=1.0)
    found.differences[KERNEL] = Difference(0.5)

    aims = find_aims(TREES[5], found, "cpu")

    assert {aim.verdict for aim in aims} == {"not measured: the kernel differs by 5e-01"}


def test_aims_are_met_or_missed_by_their_ratios():
    found = comparison(own=33.0, ml=4.0, kernel=1.0, session=1.0, floor=0.7, onedal=2.0, nvforest=5.0)

    judged = {(a.rows, a.words): (a.aim, round(a.found, 3), a.met) for a in find_aims(TREES[5], found, "cpu")}

    assert judged == {
        (10_000, "LightGBM itself"): (30, 33.0, True),
        (1, "onnxruntime's kernel"): (1.0, 4.0, True),
        (10_000, "onnxruntime's kernel"): (5.0, 4.0, False),
        (1, "Identity (its time)"): (1.3, 1.429, False),
        (10_000, "oneDAL"): (3.0, 2.0, False),
        (10_000, "nvForest on the CPU"): (5.0, 5.0, True),
    }


def test_models_with_missing_numbers_keep_half_of_the_aims():
    case = next(c for c in TREES if c.name == "histogram 100, NaN")

    aims = find_aims(case, comparison(own=1.0, ml=1.0, kernel=1.0, session=1.0, floor=1.0), "wall")

    assert {(a.rows, a.words): a.aim for a in aims} == {
        (10_000, "LightGBM itself"): 15.0,
        (10_000, "onnxruntime's kernel"): 2.5,
        (1, "onnxruntime's kernel"): 1.0,
        (1, "Identity (its time)"): 1.3,
    }


def test_that_another_library_answers_otherwise_is_told_beside_the_ratio():
    found = comparison(own=1.0, ml=1.0, kernel=1.0, session=1.0, floor=1.0, onedal=2.0)
    found.differences[OTHERS["onedal"].title] = Difference(0.1)

    (aim,) = [a for a in find_aims(TREES[5], found, "cpu") if a.words == "oneDAL"]

    assert aim.verdict == "MISSED: it differs by 1e-01"


def test_what_was_not_measured_is_not_met():
    unmeasured, busy = threads_aim(TREES[0], None), threads_aim(TREES[0], 2.0, "cores busy")

    assert (unmeasured.met, unmeasured.verdict) == (None, "not measured")
    assert (busy.met, busy.verdict) == (None, "not measured: cores busy")


def test_the_suite_has_the_twelve_models():
    assert len({case.name for case in TREES}) == 12


def test_others_are_described():
    assert all(isinstance(other, Other) and other.install and other.packages for other in OTHERS.values())
