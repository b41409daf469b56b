"""Train SGDClassifier on a CSV file at once and in chunks, and compare time, memory, coefficients and accuracy.

    python scripts/stream_experiment.py [--rows 2000000 ...] [--folder FOLDER] [--plot FILE.png]

The data is scikit-learn's make_classification (5 features, 2 classes), written in blocks, so that 20,000,000 rows take
no memory either. "whole" is pandas.read_csv and SGDClassifier.fit, to its own stopping rule; "chunks" is one
pass of bridge.stream.fit, with the classes given. Each runs in a process of its own; its memory is the most that this
process had resident, imports included; its time is without imports. Where FOLDER has the file already, it is taken.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 500_000
"""Rows that are made at once."""
FEATURES = [f"x{i}" for i in range(5)]
WAYS = ("whole", "chunks")


class _NewRows(np.random.RandomState):
    """Draws the problem from one seed, as make_classification does, and the rows from another."""

    def __init__(self, problem: int, rows: int) -> None:
        super().__init__(problem)
        self._rows = np.random.default_rng(rows)

    def standard_normal(self, size: Any = None) -> Any:
        return self._rows.standard_normal(size)


def main() -> None:
    """Make the files, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000_000])
    parser.add_argument("--folder", type=Path, help="keep the CSV files here")
    parser.add_argument("--plot", type=Path, help="draw time and memory against rows; needs matplotlib")
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure[0], Path(options.measure[1]))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        found = {rows: _compare(folder / f"classification_{rows}.csv", rows) for rows in options.rows}
    if options.plot:
        _draw(found, options.plot)


def make_block(number: int) -> tuple[Any, Any]:
    """Return X, (BLOCK, 5), and y of the block; all blocks are of one problem, number -1 is for the accuracy."""
    from sklearn.datasets import make_classification

    # All blocks have one length: how the features are shuffled hangs on it.
    return make_classification(BLOCK, 5, n_classes=2, random_state=_NewRows(0, number + 1))


def write_csv(file: Path, rows: int) -> None:
    """Write the file beside its name, and rename it."""
    import pandas as pd

    beside = file.with_suffix(".part")
    with beside.open("w") as stream:
        for number, start in enumerate(range(0, rows, BLOCK)):
            x, y = make_block(number)
            table = pd.DataFrame(x, columns=FEATURES).assign(y=y)[: rows - start]
            table.to_csv(stream, index=False, header=start == 0)
    beside.replace(file)


def measure(way: str, file: Path) -> dict[str, Any]:
    """Return what one way takes and gives, measured in this process."""
    import pandas as pd
    from sklearn.linear_model import SGDClassifier

    import bridge.stream

    trained = 0.0
    partial_fit = SGDClassifier.partial_fit

    @wraps(partial_fit)
    def timed(*args: Any, **options: Any) -> Any:
        nonlocal trained
        start = time.perf_counter()
        model = partial_fit(*args, **options)
        trained += time.perf_counter() - start
        return model

    SGDClassifier.partial_fit = timed
    start, cpu = time.perf_counter(), time.process_time()
    if way == "whole":
        table = pd.read_csv(file)
        before = time.perf_counter()
        model = SGDClassifier(random_state=0).fit(table[FEATURES], table["y"])
        trained = time.perf_counter() - before
    else:
        model = bridge.stream.fit(SGDClassifier(random_state=0), file, target="y", classes=[0, 1], progress=False)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    x, y = make_block(-1)
    return {
        "seconds": seconds,
        "cpu": cpu,
        "training": trained,
        "memory": memory,
        "coefficients": [*model.coef_[0].tolist(), float(model.intercept_[0])],
        "accuracy": float((model.predict(pd.DataFrame(x, columns=FEATURES)) == y).mean()),
    }


def _compare(file: Path, rows: int) -> dict[str, dict[str, Any]]:
    if not file.exists():
        write_csv(file, rows)
    print(f"\n{rows:,} rows, {file.stat().st_size / 1e6:,.0f} MB of CSV")
    print(f"{'':8}{'time':>9}{'CPU time':>10}{'training':>10}{'memory':>10}{'accuracy':>10}  coefficients, intercept")
    found = {}
    for way in WAYS:
        command = [sys.executable, "-W", "ignore", __file__, "--measure", way, str(file)]
        found[way] = one = json.loads(subprocess.check_output(command, text=True))  # noqa: S603
        numbers = " ".join(f"{c:.3f}" for c in one["coefficients"])
        print(
            f"{way:8}{one['seconds']:7.2f} s{one['cpu']:8.2f} s{one['training'] / one['seconds']:10.0%}"
            f"{one['memory']:7.0f} MB{one['accuracy']:10.2%}  {numbers}"
        )
    whole, chunks = found["whole"], found["chunks"]
    cosine = np.dot(a := whole["coefficients"], b := chunks["coefficients"]) / np.linalg.norm(a) / np.linalg.norm(b)
    print(
        f"chunks: {whole['seconds'] / chunks['seconds']:.1f}x in time, {whole['cpu'] / chunks['cpu']:.1f}x in CPU, "
        f"{whole['memory'] / chunks['memory']:.1f}x in memory; cosine of the coefficients {cosine:.4f}"
    )
    return found


def _draw(found: dict[int, dict[str, dict[str, Any]]], file: Path) -> None:
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        print("no plot: matplotlib is not installed")
        return
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for axis, what, label in zip(axes, ("seconds", "memory"), ("time, s", "peak memory, MB"), strict=True):
        for way in WAYS:
            axis.plot(list(found), [found[rows][way][what] for rows in found], "o-", label=way)
        axis.set(xlabel="rows", ylabel=label, ylim=(0, None))
        axis.legend()
    figure.savefig(file)
    print(file)


if __name__ == "__main__":
    main()
