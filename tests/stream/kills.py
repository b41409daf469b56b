"""Kill a training at random moments, let it go on, and compare its end with that of one without a break.

    python scripts/stream_kills.py [--kills 50] [--seed 0]

One process imports everything and forks a child for each try, which takes milliseconds instead of seconds.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import joblib
from sklearn.decomposition import IncrementalPCA
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge.stream
from tests.stream.by_hand import contents
from tests.stream.cases import NUMBERS, make_table


def main() -> None:
    """Print how often a training was killed and how many trainings ended; exit with 1 where one ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_table().to_csv(folder / "table.csv", index=False)
        sys.exit(0 if _compare(folder, options.kills, random.Random(options.seed)) else 1)


def _compare(folder: Path, kills: int, rng: random.Random) -> bool:
    start = time.perf_counter()
    _run(folder, "whole", limit=None)
    seconds = time.perf_counter() - start
    expected = (folder / "whole").read_text()
    killed = resumed = ended = equal = 0
    while killed < kills or not ended:
        if _run(folder, "killed", limit=rng.uniform(0, seconds / 2)):
            ended += 1
            equal += (folder / "killed").read_text() == expected
            for file in folder.glob("killed*"):
                file.unlink()
        else:
            killed += 1
            resumed += (folder / "killed.checkpoint").exists()
    words = f"killed {killed} times, {resumed} with a checkpoint; {ended} trainings ended, {equal} with the same bits"
    sys.stdout.write(f"{words}\n")
    return equal == ended


def _run(folder: Path, name: str, limit: float | None) -> bool:
    """Train in a child that is killed after `limit` seconds; return whether it ended by itself."""
    child = os.fork()
    if child == 0:
        try:
            _train(folder, name)
        except BaseException as error:  # noqa: BLE001
            (folder / name).write_text(repr(error))
        os._exit(0)
    if limit is not None:
        time.sleep(limit)
        os.kill(child, signal.SIGKILL)
    return os.WIFEXITED(os.waitpid(child, 0)[1])


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


if __name__ == "__main__":
    main()
