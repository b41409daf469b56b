"""Time the export of a large forest against skl2onnx's conversion, and weigh the memory that it takes.

    python scripts/bench_export.py [--trees 500] [--saved forest.joblib] [--targets cuda cpu] [--without-skl2onnx]

The forest is a RandomForestClassifier of unlimited depth, 3.2 million nodes by default; --saved keeps it for the next
run. Each export has a process of its own, in which a small forest is exported first. Bridge reads, lowers and writes
the file (check=False); of skl2onnx the conversion alone is timed. `peak` is the resident memory that the export adds to
that of the process with the fitted forest (from /proc, so on Linux alone).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS, FEATURES = 13_000, 28
METHODS = ["predict", "predict_proba"]
"""What skl2onnx's graph answers."""
TARGETS = ("portable", "cuda", "cpu")
SKL2ONNX = "skl2onnx"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--saved", type=Path, help="a joblib file of (forest, rows), made where it is missing")
    parser.add_argument("--targets", nargs="*", choices=TARGETS, default=TARGETS)
    parser.add_argument("--without-skl2onnx", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("bench_export.json"))
    parser.add_argument("--measure", choices=[*TARGETS, SKL2ONNX], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(options.measure, options.saved)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        saved = options.saved or Path(folder) / "forest.joblib"
        if not saved.exists():
            _fit(saved, options.trees)
        names = [*options.targets, *([] if options.without_skl2onnx else [SKL2ONNX])]
        results = [_in_a_process(name, saved) for name in names]
    options.json.write_text(json.dumps(results, indent=1))
    _print_table(results)
    return 0


def _fit(saved: Path, trees: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    noisy = rows[:, 0] + rng.normal(size=ROWS) * 2 > 0  # noise and single features make large trees
    forest = RandomForestClassifier(trees, random_state=0, n_jobs=-1, max_features=1).fit(rows, noisy.astype(int))
    joblib.dump((forest, rows[:2000]), saved)


def _in_a_process(name: str, saved: Path) -> dict[str, Any]:
    print(f"{name} ...", file=sys.stderr, flush=True)
    command = [sys.executable, __file__, "--measure", name, "--saved", str(saved)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _measure(name: str, saved: Path) -> dict[str, Any]:
    """Return what one export takes, in this process."""
    forest, rows = joblib.load(saved)
    few = RandomForestClassifier(2, random_state=0).fit(rows, (rows[:, 0] > 0).astype(int))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "forest.onnx"
        export = _exporter(name, path)
        export(few, rows)  # imports what it needs
        before = _start_watching_memory()
        started, cpu = time.perf_counter(), time.process_time()
        export(forest, rows)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
        peak = _kilobytes("VmHWM") - before
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) if name != SKL2ONNX else None
    return {
        "exporter": name,
        "nodes": sum(tree.tree_.node_count for tree in forest.estimators_),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "peak_bytes": 1024 * peak,
        "file_bytes": size,
        "load": os.getloadavg()[0],
    }


def _exporter(name: str, path: Path) -> Callable[[Any, Any], object]:
    if name == SKL2ONNX:
        from skl2onnx import to_onnx

        return lambda forest, rows: to_onnx(forest, rows[:1], options={"zipmap": False})
    import bridge

    return lambda forest, rows: bridge.export(forest, rows, path, target=name, methods=METHODS, check=False)


def _start_watching_memory() -> int:
    """Return the kilobytes that this process holds, and let the peak be counted from here."""
    ctypes.CDLL(None).malloc_trim(0)  # what the allocator keeps could serve the export unseen
    Path("/proc/self/clear_refs").write_text("5")  # man 5 proc
    return _kilobytes("VmRSS")


def _kilobytes(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0])


def _print_table(results: list[dict[str, Any]]) -> None:
    slowest = next((r["cpu_seconds"] for r in results if r["exporter"] == SKL2ONNX), None)
    print(f"{results[0]['nodes']:,} nodes, {len(os.sched_getaffinity(0))} cores, load {results[0]['load']:.1f}")
    print("exporter       s   CPU s  times faster (CPU)  peak MB  file MB  peak / file")
    for r in results:
        faster = f"{slowest / r['cpu_seconds']:.0f}" if slowest else "-"
        size = r["file_bytes"]
        file_mb, ratio = ("-", "-") if size is None else (f"{size / 1e6:.0f}", f"{r['peak_bytes'] / size:.1f}")
        print(
            f"{r['exporter']:9s} {r['seconds']:7.2f} {r['cpu_seconds']:7.2f} {faster:>19s} "
            f"{r['peak_bytes'] / 1e6:8.0f} {file_mb:>8s} {ratio:>12s}"
        )


if __name__ == "__main__":
    sys.exit(main())
