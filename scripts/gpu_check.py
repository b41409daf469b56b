"""Check on a machine with CUDA whether every cuda file runs whole on the GPU, right, and how fast.

    python scripts/gpu_check.py FOLDER [--json results.json] [--native LIBRARY] [--largest ROWS] [--on-cpu]

FOLDER is what scripts/gpu_prepare.py wrote. Needs onnxruntime-gpu and NumPy alone; scikit-learn's times join where it
and joblib are installed. Prints one table last and writes JSON beside it. Exits 2 without a usable GPU, 1 where a node
runs elsewhere or an answer differs. --on-cpu runs the same steps on the CPU, to test this script; it proves nothing.
bridge/bench/measure.py goes with it.

--native: with the library of bridge's custom operators, files of `bridge::Forest` are checked twice: as their function,
and by the library's kernel. For forests that were written with their node visits a row, the table ends with visits a
second: rows x trees x mean depth / seconds. One row is run from a CUDA graph, too: its time, or what went wrong, is
told below the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime as ort
from measure import measure

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
SIZES = (1, 1_000, 100_000, 1_000_000)
MOST_BYTES = 8 * 2**30
"""A batch whose inputs or widest step would need more device memory than this is skipped."""
FOREST = ".forest"
"""How the names of files end that hold `bridge::Forest`."""
BOUNDS = {"exact": (1e-6, 0.0), "float32": (6e-5, 1e-3), "float16": (2e-3, 1e-2)}
"""By precision: the largest error, and the share of labels that may differ, as two best scores may be as near."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path, default=Path("gpu_check.json"))
    parser.add_argument("--native", type=Path, metavar="LIBRARY")
    parser.add_argument("--largest", type=int, metavar="ROWS", default=SIZES[-1])
    parser.add_argument("--on-cpu", action="store_true")
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.onnx"))
    if not files:
        print(f"gpu_check: no .onnx files in {options.folder}; make them with scripts/gpu_prepare.py", file=sys.stderr)
        return 2
    if not options.on_cpu and (missing := _missing(files[0])):
        print(f"gpu_check: {missing}", file=sys.stderr)
        return 2
    if options.native is not None and not options.native.exists():
        print(f"gpu_check: there is no library {options.native}", file=sys.stderr)
        return 2
    rows = []
    for file in files:
        for library in (None, options.native) if options.native and file.stem.endswith(FOREST) else (None,):
            print(f"{file.stem} ...", file=sys.stderr, flush=True)
            rows.append(_check(file, on_cpu=options.on_cpu, library=library, largest=options.largest))
            options.json.write_text(json.dumps(rows, indent=1))
    print(f"onnxruntime {ort.__version__}, {'CPU' if options.on_cpu else 'CUDA'}, {len(os.sched_getaffinity(0))} cores")
    _print_table(rows)
    return 0 if all(row["ok"] for row in rows) else 1


def _missing(file: Path) -> str:
    """Return what keeps CUDA from being used for a model here, or an empty text."""
    if CUDA not in ort.get_available_providers():
        return f"onnxruntime {ort.__version__} is built without CUDA; install onnxruntime-gpu"
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls(cudnn=False)
    try:
        providers = _open(file, on_cpu=False).get_providers()
    except Exception as error:  # noqa: BLE001 onnxruntime's own errors derive from Exception alone
        return f"a CUDA session cannot be made: {error}"
    return "" if CUDA in providers else "onnxruntime fell back to the CPU: check nvidia-smi and the CUDA libraries"


def _open(file: Path, *, on_cpu: bool, library: Path | None = None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    if library is not None:
        options.register_custom_ops_library(str(library.resolve()))
    options.log_severity_level = 3
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    providers = [CPU] if on_cpu else [(CUDA, {"use_tf32": "0"}), CPU]
    return ort.InferenceSession(str(file), options, providers=providers, disabled_optimizers=["MatMulScaleFusion"])


def _check(file: Path, *, on_cpu: bool, library: Path | None, largest: int) -> dict[str, object]:
    session = _open(file, on_cpu=on_cpu, library=library)
    data = np.load(file.with_suffix(".npz"))
    feeds = {k.removeprefix("input:"): data[k] for k in data.files if k.startswith("input:")}
    expected = {k.removeprefix("output:"): data[k] for k in data.files if k.startswith("output:")}
    answers = dict(zip(expected, session.run(list(expected), feeds), strict=True))
    labels, error = _compare(answers, expected)
    placed = _placement(session)
    elsewhere = {p: ops for p, ops in placed.items() if p != (CPU if on_cpu else CUDA)}
    metadata = _metadata(file)
    bound, share = BOUNDS[metadata["precision"]]
    count = len(next(iter(feeds.values())))
    row: dict[str, object] = {
        "model": f"{file.stem} by its kernel" if library else file.stem,
        "nodes": sum(sum(ops.values()) for ops in placed.values()),
        "elsewhere": elsewhere,
        "labels_differing": labels,
        "worst_error": error,
        "ok": not elsewhere and labels <= share * count and error <= bound,
    }
    if library is not None and "Forest" not in placed.get(CPU if on_cpu else CUDA, {}):
        row["ok"] = False  # the function ran in the kernel's place
    if library is not None and not on_cpu:
        # Of one row: a replay spares the launches.
        row["graph_1"] = graph = _graph_seconds(file, library, max(expected, key=len), feeds)
        row["ok"] = row["ok"] and isinstance(graph, float)
    method = "predict" if "predict" in expected else next(iter(expected))
    for size in (s for s in SIZES if s <= largest):
        batch = _repeat(feeds, size)
        if sum(a.nbytes for a in batch.values()) > MOST_BYTES or size * int(metadata["row_bytes"]) > MOST_BYTES:
            continue
        row[f"host_{size}"] = measure(lambda batch=batch: session.run([method], batch)).wall
        if not on_cpu:
            row[f"device_{size}"] = _device_seconds(session, method, batch)
        row[f"sklearn_{size}"] = _sklearn_seconds(file, method, size)
        if "visits" in data.files:
            seconds = row[f"host_{size}"] if on_cpu else row[f"device_{size}"]
            row["visits_a_second"] = float(data["visits"]) * size / seconds  # of the largest batch, which comes last
    return row


def _metadata(file: Path) -> dict[str, object]:
    """Return what the file says of itself: its precision, the bytes that the widest step needs for one row, ..."""
    session = ort.InferenceSession(str(file), providers=[CPU])
    return dict(json.loads(session.get_modelmeta().custom_metadata_map["bridge"]))


def _compare(answers: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> tuple[int, float]:
    labels, worst = 0, 0.0
    for name, want in expected.items():
        got = answers[name]
        if want.dtype.kind in "iub":
            labels += int((got != want).sum())
            continue
        a, b = (np.exp(got), np.exp(want)) if name.startswith("predict_log_proba") else (got, want)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        error = np.where(same, 0.0, np.nan_to_num(np.abs(a - b) / np.maximum(1.0, np.abs(b)), nan=np.inf))
        worst = max(worst, float(error.max(initial=0.0)))
    return labels, worst


def _placement(session: ort.InferenceSession) -> dict[str, dict[str, int]]:
    """Return, for each provider, how many nodes of which operator it runs."""
    found: dict[str, Counter[str]] = {}
    for part in session.get_provider_graph_assignment_info():
        for node in part.get_nodes():
            found.setdefault(part.ep_name, Counter())[node.op_type] += 1
    return {provider: dict(ops) for provider, ops in found.items()}


def _repeat(feeds: dict[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    rows = len(next(iter(feeds.values())))
    pick = np.arange(size) % rows
    return {name: np.ascontiguousarray(array[pick]) for name, array in feeds.items()}


def _device_seconds(session: ort.InferenceSession, method: str, batch: dict[str, np.ndarray]) -> float:
    """Return the seconds of a run whose inputs and output stay on the GPU."""
    binding = session.io_binding()
    for name, array in batch.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(array, "cuda", 0))
    binding.bind_output(method, "cuda", 0)

    def run() -> None:
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()

    return measure(run).wall


def _graph_seconds(file: Path, library: Path, method: str, feeds: dict[str, np.ndarray]) -> float | str:
    """Return the seconds of a run that was captured in a CUDA graph, or what is wrong with it."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.register_custom_ops_library(str(library.resolve()))
    providers = [(CUDA, {"use_tf32": "0", "enable_cuda_graph": "1"}), CPU]
    first, second = ({n: np.ascontiguousarray(a[i : i + 1]) for n, a in feeds.items()} for i in (0, 1))
    plain = _open(file, on_cpu=False, library=library)
    (expected,) = plain.run([method], second)
    try:
        session = ort.InferenceSession(str(file), options, providers=providers)
        held = {name: ort.OrtValue.ortvalue_from_numpy(array, "cuda", 0) for name, array in first.items()}
        answer = ort.OrtValue.ortvalue_from_numpy(np.zeros_like(expected), "cuda", 0)
        binding = session.io_binding()
        for name, value in held.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_ortvalue_output(method, answer)

        def run() -> None:
            session.run_with_iobinding(binding)
            binding.synchronize_outputs()

        seconds = measure(run).wall
        for name, value in held.items():
            value.update_inplace(second[name])
        run()
    except Exception as error:  # noqa: BLE001 onnxruntime's own errors derive from Exception alone
        return f"{type(error).__name__}: {error}"
    return seconds if np.array_equal(answer.numpy(), expected) else "a replay gives another answer than a run"


def _sklearn_seconds(file: Path, method: str, size: int) -> float | None:
    """Return scikit-learn's own seconds, where it is installed and the estimator was carried."""
    saved = file.with_suffix(".joblib")
    if size > 100_000 or not saved.exists():
        return None
    try:
        import joblib

        estimator, rows = joblib.load(saved)
    except Exception as error:  # noqa: BLE001 another version of scikit-learn than the one that fitted it
        print(f"  no scikit-learn times: {error}", file=sys.stderr)
        return None
    pick = np.arange(size) % len(rows)
    batch = rows.iloc[pick] if hasattr(rows, "iloc") else rows[pick]
    return measure(lambda: getattr(estimator, method)(batch)).wall


def _print_table(rows: list[dict[str, object]]) -> None:
    sizes = [s for s in SIZES if any(f"host_{s}" in row for row in rows)]
    header = ["model", "nodes", "elsewhere", "labels", "error"]
    header += [f"{s:,} {kind}" for s in sizes for kind in ("host ms", "GPU ms", "sklearn ms")]
    measured = any("visits_a_second" in row for row in rows)
    lines = [header + ["visits/s"] * measured]
    for row in rows:
        elsewhere = sum(sum(ops.values()) for ops in row["elsewhere"].values())  # type: ignore[attr-defined]
        cells = [row["model"], row["nodes"], elsewhere, row["labels_differing"], f"{row['worst_error']:.1e}"]
        for s in sizes:
            for kind in ("host", "device", "sklearn"):
                value = row.get(f"{kind}_{s}")
                cells.append("-" if value is None else f"{1000 * value:.3g}")  # type: ignore[operator]
        if measured:
            cells.append(f"{row['visits_a_second']:.3g}" if "visits_a_second" in row else "-")
        lines.append([str(c) for c in cells])
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    for row in rows:
        if "graph_1" in row:
            graph = row["graph_1"]
            told = f"{1e6 * graph:.1f} us a row" if isinstance(graph, float) else graph
            print(f"{row['model']}, one row from a CUDA graph: {told}")


if __name__ == "__main__":
    sys.exit(main())
