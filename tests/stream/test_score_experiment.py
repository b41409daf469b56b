"""The experiment of scoring runs, and its answers are scikit-learn's; its times are not looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "score_experiment.py"


def test_experiment_measures_every_way_and_finds_equal_answers():
    command = [sys.executable, "-W", "ignore", str(SCRIPT), "--rows", "3000", "--models", "boosting"]

    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SCRIPT.parents[1])

    assert found.returncode == 0, found.stderr
    ways = [line.split()[0] for line in found.stdout.splitlines() if " s " in line]
    assert ways == ["scikit-learn", "bridge", "reading", "predicting", "writing"]
    assert found.stdout.rstrip().endswith("answers equal")
