from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bridge.bench import measure


def test_every_call_has_its_turn_in_every_round(monkeypatch):
    monkeypatch.setattr(measure, "LEAST_RUN", 0.0)
    calls = []

    times = measure.measure_together({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, budget=0.0)

    warm_up, rounds = calls[:4], calls[4:]
    assert warm_up == ["a", "a", "b", "b"]
    assert rounds[:2] == ["a", "b"]
    assert set(times) == {"a", "b"}
    assert sum(t.runs for t in times.values()) == len(rounds)


def test_calls_get_new_rows_each_time_and_then_begin_again():
    seen = []
    call = measure.on_new_rows(lambda rows: seen.append(rows.tolist()), np.arange(5), 2)

    for _ in range(3):
        call()

    assert seen == [[0, 1], [2, 3], [0, 1]]


def test_a_run_of_a_short_call_is_many_calls():
    assert measure._warm_up(lambda: None, 0.0) > 10


@pytest.mark.parametrize(("values", "spread"), [([2.0], 0.0), ([1.0, 2.0, 3.0, 4.0, 5.0], 2 / 3), ([0.0, 0.0], 0.0)])
def test_spread_is_the_middle_half_by_the_median(values, spread):
    assert measure._spread(values) == pytest.approx(spread)


def test_it_runs_without_bridge(tmp_path):
    (tmp_path / "measure.py").write_bytes(Path(measure.__file__).read_bytes())
    code = "import sys, measure; measure.measure(lambda: 1, 0.0); sys.exit('numpy' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, env={})

    assert done.returncode == 0
