"""Run one case in one runtime and say how its answers compare with onnxruntime's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from bridge.verify.tolerance import bounds_for, scaled_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.conformance.cases import Case
    from tests.conformance.runtimes import Runtime

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 300
Verdict = Literal["agrees", "differs", "fails", "does not load"]


@dataclass(frozen=True)
class Result:
    """What one runtime made of one batch; `detail` is the first line of its error, or by how much it is off."""

    runtime: str
    case: str
    batch: str
    verdict: Verdict
    detail: str = ""


def measure(runtime: Runtime, case: Case, command: list[str], arguments: list[str], folder: Path) -> list[Result]:
    """Return one result for each batch of the case; a runtime that dies leaves its reason in them."""
    folder.mkdir(parents=True, exist_ok=True)
    job = _write_job(runtime, case, folder)
    environment = (
        os.environ | runtime.variables | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT) if runtime.is_cheap else ""}
    )
    try:
        died = _run([*command, str(folder / "job.json"), *arguments], environment, folder)
    except subprocess.TimeoutExpired:
        died = f"took over {RUN_SECONDS} s"
    outcome_file = Path(job["outcome"])
    outcome = json.loads(outcome_file.read_text()) if outcome_file.exists() else {}
    results = []
    for batch in job["batches"]:
        found = outcome.get(batch["name"], {"stage": "run" if outcome else "load", "error": died})
        results.append(_judge(runtime, case, batch, found))
    return results


def _run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """Run an adapter, and return how it ended; what it started ends with it."""
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment,
        cwd=folder,
        start_new_session=True,
    ) as process:
        try:
            _, errors = process.communicate(timeout=RUN_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return f"exit code {process.returncode}: {_last_line(errors)}"


def _write_job(runtime: Runtime, case: Case, folder: Path) -> dict:
    batches = []
    for name, feeds in case.feeds.items():
        paths = [str(folder / f"{name}_in_{i}.npy") for i in range(len(feeds))]
        for path, feed in zip(paths, feeds, strict=True):
            np.save(path, np.ascontiguousarray(feed))
        # A converter may write beside the file, or into it: each runtime has its own copy.
        source = case.fixed[name] if runtime.fixed_batch else case.model
        model = folder / source.name
        model.write_bytes(source.read_bytes())
        answers = [str(folder / f"{name}_out_{i}.npy") for i in range(len(case.outputs))]
        batches.append({"name": name, "model": str(model), "feeds": paths, "answers": answers})
    outcome = folder / "outcome.json"
    outcome.unlink(missing_ok=True)
    job = {"inputs": case.inputs, "outputs": case.outputs, "outcome": str(outcome), "batches": batches}
    (folder / "job.json").write_text(json.dumps(job))
    return job


def _judge(runtime: Runtime, case: Case, batch: dict, found: dict) -> Result:
    def result(verdict: Verdict, detail: str = "") -> Result:
        return Result(runtime.name, case.name, batch["name"], verdict, detail)

    if found["stage"] != "done":
        detail = next((line for line in found["error"].splitlines() if line.strip()), "")
        return result("does not load" if found["stage"] == "load" else "fails", detail[:300])
    for name, path, expected in zip(case.outputs, batch["answers"], case.answers[batch["name"]], strict=True):
        if problem := _difference(np.load(path), expected):
            return result("differs", f"{name}: {problem}")
    return result("agrees")


def _difference(actual: NDArray, expected: NDArray) -> str:
    if actual.shape != expected.shape:
        return f"shape {actual.shape}, expected {expected.shape}"
    if expected.dtype.kind != "f":
        wrong = int((actual != expected).sum())
        return f"{wrong} of {expected.size} differ" if wrong else ""
    worst = float(scaled_error(actual, expected).max(initial=0.0))
    return f"off by {worst:.1g}" if worst > bounds_for("float32").scaled else ""


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"
