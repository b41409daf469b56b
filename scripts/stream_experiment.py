"""Train SGDClassifier on a CSV file at once and in chunks, and compare time, memory, coefficients and accuracy.

    python scripts/stream_experiment.py [--rows 2000000 ...] [--folder FOLDER] [--plot FILE.png]

The data is scikit-learn's make_classification (5 features, 2 classes), written in blocks, so that 20,000,000 rows take
no memory either. Three ways, each in a process of its own:

- "whole": pandas.read_csv and SGDClassifier.fit, to its own stopping rule;
- "pyarrow": the same with engine="pyarrow", which reads on all cores;
- "chunks": one pass of bridge.stream.fit, with the classes given.

Time is without imports. "in fit" is the part of the time spent within fit or partial_fit, "fit CPU" the CPU time of the
thread there: no way of reading makes the training shorter. Memory is the most that the process had resident, imports
included. Where FOLDER has the file already, it is taken. Other work on the machine stretches the times; the load is
printed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 500_000
"""Rows that are made at once."""
FEATURES = [f"x{i}" for i in range(5)]
WAYS = ("whole", "pyarrow", "chunks")
LABELS = {"whole": "read_csv, fit", "pyarrow": "read_csv by pyarrow, fit", "chunks": "bridge.stream.fit"}


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
    parser.add_argument("--runs", type=int, default=1, help="measure each way so often, and take the fastest run")
    parser.add_argument("--folder", type=Path, help="keep the CSV files here")
    parser.add_argument("--plot", type=Path, help="draw time and memory against rows; needs matplotlib")
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure[0], Path(options.measure[1]))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        found = {rows: _compare(folder / f"classification_{rows}.csv", rows, options.runs) for rows in options.rows}
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

    for package in ("polars", "pyarrow.compute", "pyarrow.csv"):  # that the ways import themselves
        import_module(package)
    trained = [0.0, 0.0]
    method = "partial_fit" if way == "chunks" else "fit"
    train = getattr(SGDClassifier, method)

    @wraps(train)
    def timed(*args: Any, **options: Any) -> Any:
        start, cpu = time.perf_counter(), time.thread_time()
        model = train(*args, **options)
        trained[0] += time.perf_counter() - start
        trained[1] += time.thread_time() - cpu
        return model

    setattr(SGDClassifier, method, timed)
    start, cpu = time.perf_counter(), time.process_time()
    if way == "chunks":
        model = bridge.stream.fit(SGDClassifier(random_state=0), file, target="y", classes=[0, 1], progress=False)
    else:
        table = pd.read_csv(file, engine="pyarrow" if way == "pyarrow" else None)
        model = SGDClassifier(random_state=0).fit(table[FEATURES], table["y"])
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    x, y = make_block(-1)
    return {
        "seconds": seconds,
        "cpu": cpu,
        "trained": trained[0],
        "trained_cpu": trained[1],
        "memory": memory,
        "coefficients": [*model.coef_[0].tolist(), float(model.intercept_[0])],
        "accuracy": float((model.predict(pd.DataFrame(x, columns=FEATURES)) == y).mean()),
    }


def _compare(file: Path, rows: int, runs: int) -> dict[str, dict[str, Any]]:
    if not file.exists():
        write_csv(file, rows)
    print(f"\n{rows:,} rows, {file.stat().st_size / 1e6:,.0f} MB of CSV; {os.cpu_count()} cores")
    print(
        f"{'':8}{'time':>9}{'CPU':>9}{'in fit':>8}{'fit CPU':>9}{'memory':>10}{'accuracy':>10}  coefficients, intercept"
    )
    found = {}
    for way in WAYS:
        load = os.getloadavg()[0]
        command = [sys.executable, "-W", "ignore", __file__, "--measure", way, str(file)]
        measured = [json.loads(subprocess.check_output(command, text=True)) for _ in range(runs)]  # noqa: S603
        found[way] = one = min(measured, key=lambda one: one["seconds"])
        numbers = " ".join(f"{c:.3f}" for c in one["coefficients"])
        print(
            f"{way:8}{one['seconds']:7.2f} s{one['cpu']:7.2f} s{one['trained'] / one['seconds']:8.0%}"
            f"{one['trained_cpu']:7.2f} s{one['memory']:7.0f} MB{one['accuracy']:10.2%}  {numbers}  (load {load:.1f})",
            flush=True,
        )
    chunks = found["chunks"]
    for way in WAYS[:-1]:
        whole = found[way]
        a, b = whole["coefficients"], chunks["coefficients"]
        print(
            f"chunks against {way}: {whole['seconds'] / chunks['seconds']:.1f}x in time, "
            f"{whole['cpu'] / chunks['cpu']:.1f}x in CPU, {whole['memory'] / chunks['memory']:.1f}x in memory; "
            f"cosine of the coefficients {np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b):.4f}"
        )
    return found


def _draw(found: dict[int, dict[str, dict[str, Any]]], file: Path) -> None:
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        print("no plot: matplotlib is not installed")
        return
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    millions = [rows / 1e6 for rows in found]
    for axis, what, scale, label in zip(
        axes, ("seconds", "memory"), (1, 1024), ("time, s", "peak memory, GiB"), strict=True
    ):
        for way, style in zip(WAYS, ("o-", "s--", "D-"), strict=True):
            axis.plot(millions, [found[rows][way][what] / scale for rows in found], style, label=LABELS[way])
        axis.set(xlabel="rows, millions", ylabel=label, xlim=(0, None), ylim=(0, None), title=label.partition(",")[0])
        axis.xaxis.set_major_locator(plt.MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.savefig(file, dpi=150)
    print(file)


if __name__ == "__main__":
    main()
