from __future__ import annotations

from io import StringIO
from time import sleep

import pytest
from rich.console import Console
from sklearn.ensemble import RandomForestClassifier

from bridge.demo import show
from bridge.demo.flights import NUMBERS, TEXT, load_flights
from bridge.demo.timing import median_seconds
from bridge.demo.trial import Case, Trial, sizes_within


def _build_small():
    return RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0)


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    found = Trial(Case("small forest", _build_small, numbers_only=True), 2_000, tmp_path_factory.mktemp("demo"))
    assert len(list(found.steps())) == Trial.count_steps()
    return found


def test_all_flights_are_there_with_text_numbers_and_missing_values():
    table, labels = load_flights()

    assert table.shape == (336_776, len(TEXT) + len(NUMBERS))
    assert int(table["dep_delay"].isna().sum()) == 8_255
    assert set(labels) == {"late", "on time"}


def test_every_target_is_compared_on_all_flights_not_fitted_on(trial):
    assert [(line.target, line.rows) for line in trial.lines] == [("portable", 1000), ("cuda", 1000), ("cpu", 1000)]
    assert all(line.ok for line in trial.lines)


def test_files_are_left_in_the_folder(trial):
    assert sorted(p.name for p in trial.folder.iterdir()) == [
        "small-forest.cpu.onnx",
        "small-forest.cuda.onnx",
        "small-forest.portable.onnx",
    ]


def test_each_size_below_all_rows_is_timed(trial):
    assert sizes_within(1000) == [1, 100]
    assert len(trial.seconds) == 3
    assert all(len(line.seconds) == 3 for line in trial.lines)


def test_table_fits_eighty_columns(trial):
    console = Console(file=StringIO(), width=80)

    console.print(show._table([trial]))

    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("scikit-learn" in line and "ms" in line for line in lines)


def test_slow_call_is_timed_once():
    calls = []

    def slow():
        calls.append(1)
        sleep(0.4)

    assert median_seconds(slow, warm_up=False) >= 0.4
    assert len(calls) == 1
