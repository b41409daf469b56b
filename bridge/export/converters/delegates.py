"""What meta-estimators ask their estimators for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from sklearn.base import is_regressor

from bridge.errors import UnsupportedError
from bridge.export.builder import dtype_of
from bridge.export.registry import Answer, Labels, convert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


def ask(b: Builder, estimator: Any, x: Block, method: str) -> ir.Value:
    """Return one answer of `estimator` as numbers; predicted classes as their own values."""
    return response(b, estimator, convert(b, estimator, x), method)


def response(b: Builder, estimator: Any, answers: Mapping[str, Answer], method: str) -> ir.Value:
    """Return one of the answers as numbers; logarithms of probabilities that a converter leaves to its caller too."""
    if method == "predict_log_proba" and method not in answers:
        return b.op("Log", numbers(b, estimator, "predict_proba", answers.get("predict_proba")))
    return numbers(b, estimator, method, answers.get(method))


def numbers(b: Builder, estimator: Any, method: str, answer: Answer | None) -> ir.Value:
    """Return an answer as numbers; raises `UnsupportedError` where it is missing, text, or a list."""
    if isinstance(answer, ir.Value):
        return answer
    if isinstance(answer, Labels) and answer.classes.dtype.kind in "iufb":
        table = answer.classes.astype(np.float64 if answer.classes.dtype.kind == "f" else np.int64)
        return answer.index if _counts_up(table) else b.op("Gather", b.constant(table), answer.index, axis=0)
    raise UnsupportedError(f"{type(estimator).__name__}.{method} does not give numbers that a graph can pass on")


def positions(b: Builder, estimator: Any, x: Block, classes: NDArray[Any]) -> ir.Value:
    """Return int64 (rows,), the position in `classes` of what a classifier predicts."""
    answer = convert(b, estimator, x).get("predict")
    if not isinstance(answer, Labels):
        raise UnsupportedError(f"{type(estimator).__name__}.predict gives no labels that a graph can pass on")
    table = np.array([int(np.flatnonzero(classes == c)[0]) for c in answer.classes], np.int64)
    return answer.index if _counts_up(table) else b.op("Gather", b.constant(table), answer.index, axis=0)


def binary_score(b: Builder, estimator: Any, x: Block) -> ir.Value:
    """Return (rows, 1), as `sklearn.multiclass._predict_binary`: a regressor's answer, a decision, or a probability."""
    answers = convert(b, estimator, x)
    if is_regressor(estimator):
        return column(b, numbers(b, estimator, "predict", answers.get("predict")))
    return binary_response(b, estimator, answers)


def binary_response(b: Builder, estimator: Any, answers: Mapping[str, Answer]) -> ir.Value:
    """Return (rows, 1), the decision of a classifier of two classes, or else the probability of the second."""
    if hasattr(estimator, "decision_function"):
        return column(b, numbers(b, estimator, "decision_function", answers.get("decision_function")))
    return b.take_columns(numbers(b, estimator, "predict_proba", answers.get("predict_proba")), [1])


def column(b: Builder, value: ir.Value) -> ir.Value:
    """Return (rows,) or (rows, 1) as (rows, 1)."""
    return b.reshape(value, [-1, 1])


def side_by_side(b: Builder, values: Sequence[ir.Value]) -> ir.Value:
    """Return (rows, k) values next to each other, in the dtype that NumPy gives them together."""
    dtype = np.result_type(*[dtype_of(v) for v in values])
    return b.concat([b.cast(v, dtype) for v in values])


def total(b: Builder, values: Sequence[ir.Value]) -> ir.Value:
    """Return the sum of values of one shape, from left to right, in the widest of their dtypes."""
    dtype = np.result_type(*[dtype_of(v) for v in values])
    result = b.cast(values[0], dtype)
    for value in values[1:]:
        result = b.add(result, b.cast(value, dtype))
    return result


def divided(b: Builder, value: ir.Value, by: float) -> ir.Value:
    return b.div(value, b.like(by, value))


def _counts_up(table: NDArray[Any]) -> bool:
    return bool(np.array_equal(table, np.arange(len(table))))
