"""From raw scores to probabilities, in forms that neither overflow nor lose the tails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

    from bridge.export.builder import Builder


def sigmoid(b: Builder, x: ir.Value) -> ir.Value:
    """Return 1 / (1 + exp(-x)), scipy's `expit`.

    The Sigmoid of onnxruntime loses the lower tail: 0 at -43 in float64, where 2e-19 is due, and thrice the value at
    -17.7 in float32, which shows in every log-probability (1.31.1).
    """
    return b.op("Reciprocal", b.add(b.op("Exp", b.op("Neg", x)), b.like(1, x)))


def softmax(b: Builder, x: ir.Value) -> ir.Value:
    """Return exp(x - max) / sum(exp(x - max)) along the last axis."""
    return b.op("Softmax", x, axis=-1)


def difference(b: Builder, scores: ir.Value) -> ir.Value:
    """Return (rows,), what the second of two scores exceeds the first by."""
    return b.flatten_column(b.sub(b.take_columns(scores, [1]), b.take_columns(scores, [0])))


def binary_columns(b: Builder, positive: ir.Value) -> ir.Value:
    """Return (rows, 2), the probabilities [1 - p, p], for p of shape (rows, 1)."""
    return b.concat([b.sub(b.like(1, positive), positive), positive])
