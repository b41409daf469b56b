"""The functions that ai.onnx.ml operators put their scores through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.lowering.values import columns, largest_of_row, less_or_equal, like, sum_of_row, where

if TYPE_CHECKING:
    import onnx_ir as ir

    from bridge.passes.rule import RuleTape

POST_TRANSFORMS = ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT")

NEARLY_ZERO = 1e-7
"""SOFTMAX_ZERO keeps scores up to this as they are (onnxruntime's constant)."""


def transform_scores(tape: RuleTape, scores: ir.Value, transform: str) -> ir.Value:
    """Return float (rows, two or more) scores after `transform`."""
    if transform == "NONE":
        return scores
    if transform == "LOGISTIC":
        return tape.op("Sigmoid", scores, dtype=scores.dtype)
    if transform == "SOFTMAX":
        return tape.op("Softmax", scores, axis=1, dtype=scores.dtype)
    if transform == "SOFTMAX_ZERO":
        return _softmax_zero(tape, scores)
    return probit(tape, scores)


def two_classes(tape: RuleTape, score: ir.Value, transform: str, *, complement: bool) -> ir.Value:
    """Return (rows, 2) from the score (rows, 1) of the second class.

    The first column is 1 - score where `complement`, else -score. LOGISTIC takes sigmoid(-score) and sigmoid(score);
    the other transforms change nothing, whatever ONNX's text says: onnxruntime applies them to two or more scores.
    """
    if transform == "PROBIT":
        raise DeclinedError("post_transform PROBIT of one score for two classes leaves the second one undefined")
    negated = tape.op("Neg", score, dtype=score.dtype)
    if transform == "LOGISTIC":
        return tape.op("Sigmoid", columns(tape, negated, score), dtype=score.dtype)
    first = tape.op("Sub", like(tape, 1, score), score, dtype=score.dtype) if complement else negated
    return columns(tape, first, score)


def one_score(tape: RuleTape, scores: ir.Value, transform: str) -> ir.Value:
    """Return (rows, 1) scores after `transform`; onnxruntime applies only PROBIT to a lone score."""
    return probit(tape, scores) if transform == "PROBIT" else scores


def probit(tape: RuleTape, x: ir.Value) -> ir.Value:
    """Return sqrt(2) times Winitzki's approximation of erfinv(2 x - 1), with onnxruntime's constant 0.147."""

    def number(value: float) -> ir.Value:
        return like(tape, value, x)

    def op(name: str, *inputs: ir.Value) -> ir.Value:
        return tape.op(name, *inputs, dtype=x.dtype)

    a = 0.147
    z = op("Sub", op("Mul", number(2), x), number(1))
    log = op("Log", op("Mul", op("Sub", number(1), z), op("Add", number(1), z)))
    v = op("Add", number(2 / (np.pi * a)), op("Mul", number(0.5), log))
    inner = op("Sub", op("Mul", v, v), op("Mul", number(1 / a), log))
    size = op("Sqrt", op("Sub", op("Sqrt", inner), v))
    signed = where(tape, less_or_equal(tape, number(0), z), size, op("Neg", size))
    return op("Mul", number(np.sqrt(2)), signed)


def _softmax_zero(tape: RuleTape, scores: ir.Value) -> ir.Value:
    """Return softmax over the scores that are not nearly 0; the others are scaled like them but not counted."""
    largest = largest_of_row(tape, scores)
    shifted = tape.op("Exp", tape.op("Sub", scores, largest, dtype=scores.dtype), dtype=scores.dtype)
    scale = tape.op("Exp", tape.op("Neg", largest, dtype=scores.dtype), dtype=scores.dtype)
    near = less_or_equal(tape, tape.op("Abs", scores, dtype=scores.dtype), like(tape, NEARLY_ZERO, scores))
    total = sum_of_row(tape, where(tape, near, like(tape, 0, scores), shifted))
    kept = where(tape, near, tape.op("Mul", scores, scale, dtype=scores.dtype), shifted)
    return tape.op("Div", kept, total, dtype=scores.dtype)
