"""Run cases for every target, and the default ones through skl2onnx, each class after the other."""

from __future__ import annotations

import json
import os
import pickle
import select
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.coverage.case import DEFAULT
from tests.coverage.classes import estimator_classes
from tests.coverage.judge import Outcome, judge
from tests.coverage.results import row_of
from tests.coverage.subject import Subject
from tests.placement.placer import needing_cudnn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx

    from tests.coverage.case import Case
    from tests.coverage.results import Row
    from tests.placement.placer import Placer

HERE = Path(__file__).parent
THEIR_TIME_LIMIT = 20
CUDA = "CUDAExecutionProvider"


def outcomes_of(
    case: Case, targets: Sequence[str], hosted: Callable[[onnx.ModelProto], tuple[str, ...]]
) -> dict[str, Outcome]:
    """Return what became of a case, by target."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            subject = Subject(case)
        except Exception as error:  # noqa: BLE001 - estimators refuse with whatever their code happens to raise
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:120]
            return {target: Outcome(case.name, target, "no fit", reason) for target in targets}
    return {target: judge(subject, target, hosted) for target in targets}


def host_operators(place: Placer, model: onnx.ModelProto) -> tuple[str, ...]:
    """Return the operators that onnxruntime-gpu would run on the CPU, or not without cuDNN, each once."""
    try:
        on_host = {node.op_type for node in place(model) if node.provider != CUDA}
        return tuple(sorted(on_host | {f"{op_type} by cuDNN" for op_type in needing_cudnn(model)}))
    except RuntimeError as error:
        return (f"does not load: {str(error)[:80]}",)


class Theirs:
    """A process that asks skl2onnx; started again where it hangs."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "case.pickle"
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, estimator: Any, sample: Any, unseen: Any) -> tuple[str, str]:
        """Return "ok", "wrong", "refused" or "hangs", and what was found."""
        try:
            self._path.write_bytes(pickle.dumps((estimator, sample, unseen)))
        except Exception as error:  # noqa: BLE001 - a lambda
            return "refused", f"cannot be pickled for the process that asks: {error}"
        process = self._started()
        process.stdin.write(f"{self._path}\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], THEIR_TIME_LIMIT)[0]:
            self.close()
            return "hangs", f"no answer in {THEIR_TIME_LIMIT} s"
        line = process.stdout.readline()
        if not line:
            self.close()
            return "wrong", "the process ended"
        status, detail = json.loads(line)
        return status, detail

    def _started(self) -> Any:
        if self._process is None:
            environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
            self._process = subprocess.Popen(
                [sys.executable, HERE / "theirs.py"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
        return self._process

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def row_for(
    case: Case, targets: Sequence[str], hosted: Callable[[onnx.ModelProto], tuple[str, ...]], theirs: Theirs
) -> Row:
    """Return the row of one case; skl2onnx is asked about default cases and those that were once wrong."""
    outcomes = outcomes_of(case, targets, hosted)
    asked = (case.variant == DEFAULT or case.issue) and case.cls.__name__ in estimator_classes()
    if not asked or outcomes["cpu"].status in {"no fit", "no inference"}:
        return row_of(outcomes)
    data = case.data()
    status, detail = theirs(case.fitted(), data.sample, data.unseen)
    return row_of(outcomes, f"{status}: {detail}" if detail else status)
