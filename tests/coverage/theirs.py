"""What skl2onnx makes of a case: a process that reads paths of pickles and answers with lines of JSON.

It is judged as kindly as can be: on ordinary rows alone, with float64 inputs or else with float32 ones, within
bridge's bounds for float32, by the methods that its graphs have, in any shape that holds as many values; the best of
several ways to ask counts.
"""

from __future__ import annotations

import json
import pickle
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType

from bridge.verify.compare import ask
from bridge.verify.tolerance import bounds_for, scaled_error

BOUNDS = bounds_for("float32")
TENSORS = {
    object: StringTensorType,
    np.int64: Int64TensorType,
    np.float64: DoubleTensorType,
    np.float32: FloatTensorType,
}
KINDS = {"O": (object,), "U": (object,), "i": (np.int64, np.float64, np.float32)}
"""The types that an array is given to skl2onnx in, by the kind of its dtype; float64 and float32 for other kinds."""
OPSET = {"": 18, "ai.onnx.ml": 3}
LONGEST = 120
ORDER = ("ok", "wrong", "refused")
SECOND = ("predict_proba", "decision_function", "transform", "score_samples")


def judge(estimator: Any, sample: Any, unseen: Any) -> tuple[str, str]:
    """Return "ok", "wrong", "refused" or "not asked", and what was found."""
    if not isinstance(sample, np.ndarray) or sample.ndim > 2:
        return "not asked", "asked about arrays of numbers and of text alone"
    kinds = KINDS.get(sample.dtype.kind, (np.float64, np.float32))
    # Few classes know one of the options, and some want to be told the version of ai.onnx.ml.
    options = [{id(estimator): option} for option in ({"zipmap": False}, {"locale": "C.UTF-8"})]
    ways = [(kind, option, opset) for opset in (None, OPSET) for kind in kinds for option in (*options, None)]
    best = "refused", ""
    for way in ways:
        found = _judge_as(estimator, sample, unseen, *way)
        if ORDER.index(found[0]) <= ORDER.index(best[0]):
            best = found
        if found[0] == "ok":
            break
    return best


def _judge_as(estimator: Any, sample: Any, unseen: Any, dtype: Any, options: Any, opset: Any) -> tuple[str, str]:
    wide = sample.reshape(len(sample), -1)
    try:
        types = [("X", TENSORS[dtype]([None, wide.shape[1]]))]
        model = to_onnx(estimator, initial_types=types, options=options, target_opset=opset)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        answers = session.run(None, {"X": unseen.reshape(len(unseen), -1).astype(dtype)})
    except Exception as error:  # noqa: BLE001 - it raises what its converters happen to raise
        return "refused", f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
    problems = [_problem(estimator, unseen, answers[0], ("predict", "transform"))]
    if len(answers) > 1:
        problems.append(_problem(estimator, unseen, answers[1], SECOND))
    bad = [p for p in problems if p]
    return ("wrong", "; ".join(bad)) if bad else ("ok", "")


def _problem(estimator: Any, rows: Any, answer: Any, methods: tuple[str, ...]) -> str:
    """Return how the answer differs from that of each of these methods, or an empty text where one agrees."""
    said = []
    for method in methods:
        if not hasattr(estimator, method):
            continue
        try:
            expected = ask(estimator, method, rows)
        except Exception:  # noqa: BLE001 - some have the method and raise
            continue
        different = _difference(expected, answer, rows, estimator)
        if not different:
            return ""
        said.append(f"{method}: {different}")
    return said[0] if said else "an answer to no method"


def _difference(expected: Any, answer: Any, rows: Any, estimator: Any) -> str:
    if isinstance(expected, list):
        if len(answer) != len(expected):
            return f"{len(answer)} answers instead of {len(expected)}"
        return next(
            filter(None, (_difference(e, a, rows, estimator) for e, a in zip(expected, answer, strict=True))), ""
        )
    expected = np.asarray(expected.toarray() if hasattr(expected, "toarray") else expected)
    if isinstance(answer, list) and isinstance(answer[0], dict):
        answer = [list(row.values()) for row in answer]
    answer = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    if answer.ndim == 2 and expected.ndim == 1 and answer.shape[1] == 2:
        answer = answer[:, 1]  # the score of the second of two classes
    if answer.size != expected.size:
        return f"shape {answer.shape} instead of {expected.shape}"
    answer = answer.reshape(expected.shape)
    if expected.dtype.kind != "f":
        differ = (answer.astype(expected.dtype) != expected).reshape(len(expected), -1).any(axis=1)
        differ &= ~_tied(estimator, rows, len(expected))
        return f"{differ.sum()} of {len(differ)} labels" if differ.any() else ""
    error = scaled_error(answer, expected).max(initial=0.0)
    return f"scaled error {error:.2g}" if error > BOUNDS.scaled else ""


def _tied(estimator: Any, rows: Any, count: int) -> Any:
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            scores = ask(estimator, method, rows)
            if isinstance(scores, list):
                break
            best = np.sort(scores if np.ndim(scores) == 2 else np.column_stack([scores, -scores]), axis=1)[:, -2:]
            return best[:, 1] - best[:, 0] <= BOUNDS.margin * np.abs(best[:, 1])
    return np.zeros(count, bool)


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print
    for line in sys.stdin:
        signal.alarm(LONGEST)  # ends the process where it hangs and nobody is left to end it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                verdict = judge(*pickle.loads(Path(line.rstrip("\n")).read_bytes()))
            except Exception as error:  # noqa: BLE001
                verdict = "refused", f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
        answers.write(f"{json.dumps(verdict)}\n")
        answers.flush()


if __name__ == "__main__":
    main()
