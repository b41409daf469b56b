"""Kill trainings and scorings at random moments, let them go on, and compare their ends with those without a break.

python scripts/stream_kills.py [--kills 50] [--seed 0] [--of training scoring]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.decomposition import IncrementalPCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge
import bridge.stream
from tests.stream.by_hand import contents
from tests.stream.cases import NUMBERS, make_table
from tests.stream.killing import Trial, kill_and_compare

ROWS, CHUNK = 12_000, 500


def main() -> None:
    """Print how often each was killed and how many ended; exit with 1 where one ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--of", nargs="+", choices=("training", "scoring"), default=("training", "scoring"))
    options = parser.parse_args()
    trials = [t for t in TRIALS if t.what.split()[0] in options.of]
    equal = []
    for trial in trials:
        with tempfile.TemporaryDirectory() as name:
            equal.append(kill_and_compare(trial, Path(name), options.kills, random.Random(options.seed)))
    sys.exit(0 if all(equal) else 1)


def _write_table(folder: Path) -> None:
    make_table().to_csv(folder / "table.csv", index=False)


def _train(folder: Path, name: str) -> None:
    mlp = MLPClassifier((8,))  # without a random_state: it draws from NumPy's global generator
    fitted = bridge.stream.fit(
        make_pipeline(StandardScaler(), IncrementalPCA(3), mlp),
        folder / "table.csv",
        target="label",
        features=NUMBERS,
        chunk_rows=25,
        epochs=12,
        shuffle=True,
        checkpoint=folder / f"{name}.checkpoint",
        progress=False,
    )
    (folder / name).write_text(joblib.hash(contents(fitted)))


def _write_model(folder: Path, suffix: str) -> None:
    """Write a forest that refuses infinity, and a table with some."""
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 2)), columns=["a", "b"])
    forest = RandomForestClassifier(20, max_depth=6, random_state=0).fit(table, table["a"] > table["b"])
    bridge.export(forest, table[:500], folder / "m.onnx", target="cpu")
    table.loc[::997, "b"] = np.inf
    table.insert(0, "id", [f"r{i}" for i in range(ROWS)])
    file = folder / f"table{suffix}"
    if suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file, row_group_size=1_700)


def _score(source: str, sink: str, folder: Path, name: str) -> None:
    bridge.stream.score(
        folder / "m.onnx",
        folder / f"table{source}",
        folder / f"{name}{sink}",
        methods=["predict", "predict_proba"],
        columns=["id"],
        chunk_rows=CHUNK,
        bad_rows=folder / f"{name}_bad.csv",
        resume=True,
        threads=1,
        progress=False,
    )


def _scoring(source: str, sink: str) -> Trial:
    return Trial(
        f"scoring {source} to {sink}",
        partial(_write_model, suffix=source),
        partial(_score, source, sink),
        (f"{{}}{sink}", "{}_bad.csv"),
        f"{{}}{sink}.parts/000000.arrow",
    )


TRIALS = (
    Trial("training", _write_table, _train, ("{}",), "{}.checkpoint"),
    _scoring(".parquet", ".parquet"),
    _scoring(".csv", ".csv"),
    _scoring(".csv", ".arrow"),
)


if __name__ == "__main__":
    main()
