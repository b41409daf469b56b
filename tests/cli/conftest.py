"""Small fitted models and their data, as files."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from skops import io
from typer.testing import CliRunner

import bridge
from bridge.cli import app

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 300


@dataclass(frozen=True)
class Files:
    """A fitted pipeline, its data, and the files that hold them.

    Column "code" is text made of digits, which a CSV file alone does not tell from numbers.
    """

    pipeline: Any
    table: pd.DataFrame
    skops: Path
    joblib: Path
    sample: Path
    csv: Path
    model: Path


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "code": rng.choice(["01", "02", "3"], ROWS),
            "amount": rng.normal(size=ROWS),
            "count": rng.integers(0, 9, ROWS),
        }
    )
    labels = np.where(table["amount"] + (table["code"] == "01") > 0.5, "yes", "no")
    encoder = make_column_transformer((OneHotEncoder(sparse_output=False), ["code"]), remainder="passthrough")
    pipeline = make_pipeline(encoder, RandomForestClassifier(8, max_depth=4, random_state=0)).fit(table, labels)
    found = Files(
        pipeline,
        table,
        skops=folder / "pipe.skops",
        joblib=folder / "pipe.joblib",
        sample=folder / "sample.parquet",
        csv=folder / "data.csv",
        model=folder / "pipe.onnx",
    )
    io.dump(pipeline, found.skops)
    joblib.dump(pipeline, found.joblib)
    table.to_parquet(found.sample)
    table.to_csv(found.csv, index=False)
    bridge.export(pipeline, table, found.model, target="cuda")
    return found


@pytest.fixture
def run():
    """Return a function that runs the command line in this process and returns what came of it."""

    def call(*arguments):
        result = CliRunner().invoke(app, [str(a) for a in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def interrupt_and_repeat(tmp_path):
    """Return a function that runs a command until a file is there, interrupts it, and runs it once more to its end.

    It returns the exit code and stderr of the first run, and what that left in `tmp_path`.
    """

    def run(arguments, state):
        command = [sys.executable, "-m", "bridge.cli", *map(str, arguments)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        while not state.exists() and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        left = {path.name for path in tmp_path.iterdir()}
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return process.returncode, stderr, left

    return run
