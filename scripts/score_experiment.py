"""Score a Parquet file with a forest by scikit-learn and by bridge, and compare time, memory and answers.

    python scripts/score_experiment.py [--rows 1000000] [--models forest boosting] [--folder FOLDER]

"scikit-learn" is a loop over the same chunks: read a batch, to pandas, `predict`, write; its forest has n_jobs of all
cores, its boosting OpenMP's threads. "bridge" is `bridge.stream.score` of the file exported for the CPU, with
`strategy="forest"` where the package of custom_ops/ is installed. Reading, predicting and writing alone are the parts
of bridge's loop, for as many rows: predicting and writing go round a few chunks in memory. Each runs in a process of
its own; its memory is the most that was resident, imports and the model included; its time is without them. CPU is the
time of all threads: where others use the cores too, it says more.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BLOCK = 500_000
"""Rows that are made at once."""
CHUNK = 65_536
"""Rows of a chunk, for all."""
ROUND = 8
"""Chunks in memory that predicting and writing alone go round."""
FEATURES = [f"x{i}" for i in range(10)]
MOST_TRAINED = 50_000
MODELS = ("forest", "boosting")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """Make the file and the models, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--folder", type=Path, help="keep the files here")
    parser.add_argument("--measure", nargs=4, metavar=("WAY", "MODEL", "FOLDER", "ROWS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        way, model, folder, rows = options.measure
        print(json.dumps(measure(way, Path(folder) / model, Path(folder) / f"rows_{rows}.parquet", int(rows))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        _compare(options.folder or Path(temporary), options.rows, options.models)


def make_block(number: int, rows: int) -> tuple[Any, Any]:
    """Return features, (rows, 10), and labels that hang on some of them."""
    rng = np.random.default_rng(number)
    x = rng.standard_normal((rows, len(FEATURES)))
    return x, np.where(x[:, 0] + x[:, 1] * x[:, 2] + 0.5 * rng.standard_normal(rows) > 0, "yes", "no")


def write_parquet(file: Path, rows: int) -> None:
    """Write the features, and an id, beside the file's name, and rename it."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = pa.schema([("id", pa.int64()), *((name, pa.float64()) for name in FEATURES)])
    beside = file.with_suffix(".part")
    with ParquetWriter(beside, schema, use_dictionary=False) as writer:
        for number, start in enumerate(range(0, rows, BLOCK)):
            x, _ = make_block(number, min(BLOCK, rows - start))
            columns = [pa.array(np.arange(start, start + len(x))), *(pa.array(x[:, i]) for i in range(x.shape[1]))]
            writer.write_table(pa.table(columns, schema=schema))
    beside.replace(file)


def make_model(name: str, file: Path, rows: int) -> None:
    """Write the estimator fitted on so many rows, and beside it the ONNX file."""
    import joblib
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

    import bridge

    x, y = make_block(2**32 - 1, rows)
    table = pd.DataFrame(x, columns=FEATURES)
    estimators = {
        "forest": RandomForestClassifier(100, max_depth=8, random_state=0, n_jobs=CORES),
        "boosting": HistGradientBoostingClassifier(random_state=0),
    }
    fitted = estimators[name].fit(table, y)
    joblib.dump(fitted, file.with_suffix(".joblib"))
    bridge.export(fitted, table[:1000], file.with_suffix(".onnx"), target="cpu", strategy=_strategy())


def measure(way: str, model: Path, file: Path, rows: int) -> dict[str, Any]:
    """Return the seconds, CPU seconds and MiB of one way, measured in this process."""
    run = WAYS[way](model, file, rows)
    start, cpu = time.perf_counter(), time.process_time()
    run()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {"seconds": seconds, "cpu": cpu, "memory": _peak()}


def _peak() -> float:
    """Return the most MiB that this process had resident; getrusage would count what its parent had before it."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _by_sklearn(model: Path, file: Path, _rows: int) -> Callable[[], None]:
    import joblib
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile, ParquetWriter

    fitted = joblib.load(model.with_suffix(".joblib"))
    schema = pa.schema([("id", pa.int64()), ("predict", pa.string())])

    def run() -> None:
        sink = model.with_suffix(".sklearn.parquet")
        with ParquetFile(file, pre_buffer=False) as parquet, ParquetWriter(sink, schema) as writer:
            for batch in parquet.iter_batches(CHUNK):
                answers = fitted.predict(batch.select(FEATURES).to_pandas())
                writer.write_table(pa.table([batch["id"], pa.array(answers)], schema=schema))

    return run


def _by_bridge(model: Path, file: Path, _rows: int) -> Callable[[], Any]:
    return partial(_prepare(model, file).run, progress=False)


def _reading(model: Path, file: Path, _rows: int) -> Callable[[], None]:
    chunks = _chunks(model, file)

    def run() -> None:
        for _ in chunks:
            pass

    return run


def _predicting(model: Path, file: Path, rows: int) -> Callable[[], None]:
    ask = _prepare(model, file).plan.asker
    tables = [chunk.table for chunk in islice(_chunks(model, file), ROUND)]
    ask(tables[0])

    def run() -> None:
        for table in _round(tables, rows):
            ask(table)

    return run


def _writing(model: Path, file: Path, rows: int) -> Callable[[], None]:
    from bridge.data.sinks import open_sink

    ask = _prepare(model, file).plan.asker
    tables = [ask(chunk.table) for chunk in islice(_chunks(model, file), ROUND)]

    def run() -> None:
        with open_sink(model.with_suffix(".written.parquet"), ask.schema) as write:
            for table in _round(tables, rows):
                write(table)

    return run


WAYS = {
    "scikit-learn": _by_sklearn,
    "bridge": _by_bridge,
    "reading": _reading,
    "predicting": _predicting,
    "writing": _writing,
}


def _round(tables: list[Any], rows: int) -> Iterable[Any]:
    """Yield the tables over and over, until they are so many rows."""
    for table in cycle(tables):
        if rows <= 0:
            return
        yield table.slice(0, rows)
        rows -= len(table)


def _prepare(model: Path, file: Path) -> Any:
    from bridge.stream.score import prepare

    sink = model.with_suffix(".bridge.parquet")
    return prepare(model.with_suffix(".onnx"), file, sink, columns=["id"], chunk_rows=CHUNK, threads=CORES)


def _chunks(model: Path, file: Path) -> Any:
    from bridge.data.placed import placed_chunks

    scoring = _prepare(model, file)
    return placed_chunks(scoring.source, scoring.plan.types, CHUNK)


def _strategy() -> str:
    return "forest" if importlib.util.find_spec("bridge_custom_ops") else "auto"


def _compare(folder: Path, rows: int, models: Iterable[str]) -> None:
    import pyarrow.parquet as pq

    file = folder / f"rows_{rows}.parquet"
    if not file.exists():
        write_parquet(file, rows)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{rows:,} rows of {len(FEATURES)} float64, {file.stat().st_size / 1e6:,.0f} MB of Parquet; chunks of {CHUNK:,}"
    )
    print(f'{CORES} threads; strategy "{_strategy()}"; load of the machine before: {load:.1f}')
    for model in models:
        make_model(model, folder / model, min(rows, MOST_TRAINED))
        print(f"\n{model:14}{'time':>10}{'CPU time':>11}{'rows/s':>13}{'memory':>10}", flush=True)
        found = {}
        for way in WAYS:
            command = [sys.executable, "-W", "ignore", __file__, "--measure", way, model, str(folder), str(rows)]
            found[way] = one = json.loads(subprocess.check_output(command, text=True))  # noqa: S603
            speed = rows / one["seconds"]
            print(
                f"{way:14}{one['seconds']:8.2f} s{one['cpu']:9.2f} s{speed:13,.0f}{one['memory']:7.0f} MB", flush=True
            )
        theirs, ours = found["scikit-learn"], found["bridge"]
        slowest = {what: max(found[part][what] for part in ("reading", "predicting", "writing")) for what in ours}
        both = (pq.read_table((folder / model).with_suffix(f".{way}.parquet")) for way in ("sklearn", "bridge"))
        first, second = both
        print(
            f"bridge: {theirs['seconds'] / ours['seconds']:.1f}x in time, {theirs['cpu'] / ours['cpu']:.1f}x in CPU "
            f"time; {ours['seconds'] / slowest['seconds']:.2f} of the slowest part alone; "
            f"answers {'equal' if first.equals(second) else 'NOT equal'}"
        )


if __name__ == "__main__":
    main()
