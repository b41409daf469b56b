"""Time the forms of tree ensembles side by side on a CPU, with scikit-learn, skl2onnx's graph and Hummingbird.

    python scripts/bench_trees.py [--depths 3 6 8 12 0] [--trees 100 500] [--rows 1 100 10000] [--threads 1]
                                  [--hummingbird PYTHON] [--json bench_trees.json]

Depth 0 is unlimited. All of it takes an hour, `--depths 3 --trees 100` a minute. Two tables come last, of milliseconds
by the clock and of CPU time, which other work on the machine disturbs less; then how the picked form compares with the
best of all. `trn`, `trav` and `gemm` are the three forms in a file for target cuda, `cuda` is what it picks itself,
`cpu` what a file for target cpu picks. Bridge's files run in batches as its predictor cuts them, the others whole.
Hummingbird has an environment of its own:

    python -m venv .venv-hummingbird
    .venv-hummingbird/bin/pip install torch scikit-learn==1.9.1 psutil dill packaging onnxconverter-common
    .venv-hummingbird/bin/pip install --no-deps hummingbird-ml==0.4.12
    python scripts/bench_trees.py --hummingbird .venv-hummingbird/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

import bridge
from bridge.artifact import get_metadata
from bridge.bench.measure import Times, measure_together, on_new_rows
from bridge.errors import LoweringError
from bridge.runtime.blocks import Blocks
from bridge.runtime.predictor import CACHE_BYTES
from bridge.runtime.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx
    from numpy.typing import NDArray

FEATURES, FITTED_ROWS = 28, 5_000
FORMS = {
    "trn": ("cuda", "tournament"),
    "trav": ("cuda", "traverse"),
    "gemm": ("cuda", "gemm"),
    "cuda": ("cuda", "auto"),
    "portable": ("portable", "auto"),
    "cpu": ("cpu", "auto"),
}
STRATEGIES = ("trn", "trav", "gemm")
OTHERS = ("sklearn", "skl2onnx", "hummingb")
MOST_NODES = 1_000_000
"""Larger ensembles are not converted by skl2onnx, which takes about 6 s a million nodes, and more for boosting."""
NEAR = 1e-5
WITHIN = 1.3


@dataclass
class Cell:
    """The times of one ensemble for one number of rows, by runner; absent where that was left out."""

    kind: str
    depth: int
    trees: int
    rows: int
    times: dict[str, Times] = field(default_factory=dict)

    def ratio(self, name: str, others: Sequence[str], clock: str) -> float | None:
        """Return how many times the best of `others` a runner takes."""
        found = [getattr(self.times[o], clock) for o in others if o in self.times]
        return getattr(self.times[name], clock) / min(found) if found and name in self.times else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=MAKERS, default=[*MAKERS])
    parser.add_argument("--depths", nargs="+", type=int, default=[3, 6, 8, 12, 0])
    parser.add_argument("--trees", nargs="+", type=int, default=[100, 500])
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 100, 10_000])
    parser.add_argument("--threads", type=int, default=1, help="of onnxruntime, scikit-learn and torch")
    parser.add_argument("--hummingbird", help="the Python that has it")
    parser.add_argument("--json", type=Path, default=Path("bench_trees.json"))
    options = parser.parse_args()
    cells: list[Cell] = []
    conversions: dict[str, float] = {}
    for kind, depth, trees in product(options.kinds, options.depths, options.trees):
        print(f"{kind}, depth {depth or 'unlimited'}, {trees} trees ...", file=sys.stderr, flush=True)
        made, seconds = _ensemble(kind, depth, trees, options)
        cells += made
        conversions |= {f"{kind} {depth} {trees} {name}": s for name, s in seconds.items()}
        about = {"threads": options.threads, "load": os.getloadavg()[0], "conversion_seconds": conversions}
        options.json.write_text(json.dumps(about | {"cells": [asdict(c) for c in cells]}, indent=1))
    print(f"{options.threads} threads, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    for clock, title in (("wall", "by the clock"), ("cpu", "CPU time")):
        print(f"\nMilliseconds, {title}")
        _print_table(cells, clock)
    return 0


def _fit_forest(depth: int, trees: int, threads: int) -> Any:
    return RandomForestClassifier(trees, max_depth=depth or None, random_state=0, n_jobs=threads)


def _fit_boosting(depth: int, trees: int, _threads: int) -> Any:
    return HistGradientBoostingClassifier(
        max_iter=trees, max_depth=depth or None, max_leaf_nodes=None, early_stopping=False, random_state=0
    )


MAKERS: dict[str, Callable[[int, int, int], Any]] = {"forest": _fit_forest, "boosting": _fit_boosting}


def _ensemble(kind: str, depth: int, trees: int, options: argparse.Namespace) -> tuple[list[Cell], dict[str, float]]:
    """Return the cells of one ensemble, and the seconds that each conversion took."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(max(FITTED_ROWS, *options.rows), FEATURES)).astype(np.float32)
    labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] + rng.normal(size=len(rows)) > 0).astype(np.int64)
    estimator = MAKERS[kind](depth, trees, options.threads).fit(rows[:FITTED_ROWS], labels[:FITTED_ROWS])
    conversions: dict[str, float] = {}
    graphs: dict[str, onnx.ModelProto] = {}
    for name, convert in _conversions(estimator, rows).items():
        started = time.process_time()
        try:
            graphs[name] = convert()
        except Exception as reason:  # skl2onnx fails in whatever its code happens to raise
            if name in FORMS and not isinstance(reason, LoweringError):
                raise
            print(f"  without {name}: {' '.join(str(reason).split())[:160]}", file=sys.stderr)
            continue
        conversions[name] = time.process_time() - started
    runs = {name: _runner(graph, options.threads) for name, graph in graphs.items()}
    cells = [Cell(kind, depth, trees, size) for size in options.rows]
    for cell in cells:
        batch = rows[: cell.rows]
        expected = estimator.predict_proba(batch)
        calls: dict[str, Callable[[], object]] = {"sklearn": on_new_rows(estimator.predict_proba, rows, cell.rows)}
        for name, run in runs.items():
            difference = np.abs(run(batch) - expected).max()
            if difference > NEAR:
                print(f"  {name} differs by {difference:.1e} from scikit-learn", file=sys.stderr)
            calls[name] = on_new_rows(run, rows, cell.rows)
        cell.times = measure_together(calls)
    if options.hummingbird:
        for cell, times in zip(cells, _hummingbird(estimator, rows, options), strict=True):
            cell.times |= times
    return cells, conversions


def _conversions(estimator: Any, rows: NDArray[np.float32]) -> dict[str, Callable[[], onnx.ModelProto]]:
    found: dict[str, Callable[[], onnx.ModelProto]] = {}
    for name, (target, strategy) in FORMS.items():
        found[name] = partial(
            bridge.export, estimator, rows[:2], target=target, strategy=strategy, methods=["predict_proba"], check=False
        )
    if _node_count(estimator) <= MOST_NODES:
        from skl2onnx import to_onnx

        found["skl2onnx"] = partial(to_onnx, estimator, rows[:1], options={"zipmap": False})
    return found


def _node_count(estimator: Any) -> int:
    if hasattr(estimator, "estimators_"):
        return sum(tree.tree_.node_count for tree in estimator.estimators_)
    return sum(len(predictor.nodes) for stage in estimator._predictors for predictor in stage)  # noqa: SLF001


def _runner(model: onnx.ModelProto, threads: int) -> Callable[[NDArray[np.float32]], NDArray[Any]]:
    session = open_session(model.SerializeToString(), device="cpu", threads=threads)
    (name,) = session.inputs
    output = session.outputs[-1]  # skl2onnx answers labels first
    needed = _row_bytes(model)
    blocks = Blocks(max(1, CACHE_BYTES // needed) if needed else None)
    return lambda batch: blocks.run(partial(session.run, [output]), {name: batch}, len(batch))[0]


def _row_bytes(model: onnx.ModelProto) -> int:
    metadata = get_metadata(model)
    return metadata.row_bytes if metadata is not None else 0


def _hummingbird(estimator: Any, rows: NDArray[np.float32], options: argparse.Namespace) -> list[dict[str, Times]]:
    """Return Hummingbird's times for each number of rows, where it has some."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "estimator.joblib"
        joblib.dump((estimator, rows), saved)
        script = Path(__file__).with_name("bench_hummingbird.py")
        command = [options.hummingbird, str(script), str(saved), str(options.threads), *map(str, options.rows)]
        # It has no bridge, but needs this one module of it.
        environment = os.environ | {"PYTHONPATH": str(Path(bridge.bench.measure.__file__).parent)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    if done.returncode:
        print(f"  without Hummingbird: {done.stderr[-300:]}", file=sys.stderr)
        return [{} for _ in options.rows]
    results = json.loads(done.stdout.splitlines()[-1])
    found = [results.get(str(size)) for size in options.rows]
    return [{} if r is None else {"hummingb": Times(r["wall"], r["cpu"])} for r in found]


def _print_table(cells: list[Cell], clock: str) -> None:
    columns = [*OTHERS, *FORMS]
    print("kind     depth trees  rows " + " ".join(f"{c:>8s}" for c in columns) + "  picked")
    for cell in cells:
        row = [f"{cell.kind:8s} {cell.depth or 'none':>5} {cell.trees:5d} {cell.rows:5d}"]
        for column in columns:
            times = cell.times.get(column)
            row.append("       -" if times is None else f"{1000 * getattr(times, clock):8.3g}")
        print(" ".join([*row, f"{cell.ratio('cpu', columns, clock) or 0:7.2f}"]))
    comparisons = (
        ("cpu", columns, "the best of all"),
        ("cpu", ("hummingb",), "Hummingbird"),
        ("cuda", (*STRATEGIES, "cuda"), "the best of its forms"),
    )
    for name, others, words in comparisons:
        ratios = [r for cell in cells if (r := cell.ratio(name, others, clock)) is not None]
        if ratios:
            print(
                f"{name} takes at most {max(ratios):.2f} times as long as {words}; over {WITHIN} in "
                f"{sum(r > WITHIN for r in ratios)}, over 1 in {sum(r > 1 for r in ratios)} of {len(ratios)} cells"
            )


if __name__ == "__main__":
    sys.exit(main())
