"""LatentDirichletAllocation: the topics of each document, iterated to the tolerance, document by document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import LatentDirichletAllocation

from bridge.export.builder import dtype_of
from bridge.export.held import hold_positive
from bridge.export.loop import repeat
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder

EULER = 0.57721566490153286


@converts(LatentDirichletAllocation)
def convert_lda(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Update the topics of all documents together; those that have converged stay (`_update_doc_distribution`)."""
    b.fine = True  # each document stops by a difference between turns
    words = model.exp_dirichlet_component_
    count, dtype = len(words), model.components_.dtype
    reason = "LatentDirichletAllocation takes no negative counts"
    counts = hold_positive(b, x.matrix(dtype), reason=reason)
    shares, back = b.constant(words, dtype), b.constant(words.T, dtype)

    def step(_: ir.Value, state: list[ir.Value]) -> tuple[ir.Value | None, list[ir.Value]]:
        topics, weights, is_open = state
        norm = b.add(b.matmul(weights, shares), b.like(np.finfo(dtype).eps, weights))
        updated = b.mul(weights, b.matmul(b.div(counts, norm), back))
        updated = b.add(updated, b.like(model.doc_topic_prior_, updated))
        change = b.sum(b.cast(b.op("Abs", b.sub(topics, updated)), np.float64), keepdims=True)
        is_still = b.op("Less", b.div(change, b.like(count, change)), b.like(model.mean_change_tol, change))
        topics = b.where(is_open, updated, topics)
        weights = b.where(is_open, _expected_weights(b, updated, count), weights)
        is_open = b.op("And", is_open, b.op("Not", is_still))
        left = b.op("ReduceSum", b.cast(is_open, np.int64), keepdims=0)
        return b.op("Greater", left, b.constant(0, np.int64)), [topics, weights, is_open]

    start = b.repeat_row(np.ones(count, dtype), counts)
    first = b.take_columns(start, [0])
    state = [start, _expected_weights(b, start, count), b.op("Equal", first, first)]
    topics = repeat(b, step, state, model.max_doc_update_iter)[0]
    return {"transform": x.of(b.div(topics, b.sum(topics, keepdims=True)), count)}


def _expected_weights(b: Builder, topics: ir.Value, count: int) -> ir.Value:
    """Return exp(E[log(theta)]) for theta ~ Dirichlet(topics)."""
    logs = _digamma(b, b.concat([topics, b.sum(topics, keepdims=True)]))
    each = b.sub(b.take_columns(logs, np.arange(count)), b.take_columns(logs, [count]))
    return b.cast(b.op("Exp", b.cast(each, np.float64)), dtype_of(topics))


def _digamma(b: Builder, x: ir.Value) -> ir.Value:
    """Return the digamma function of positive numbers, with scikit-learn's error of 1e-9.

    Bernardo 1976, algorithm AS 103, with the bounds that scikit-learn gives it: 1e-6 and 6. Terms are float64, and
    every variable has the dtype of `x`, as in C, where 1.0 / x is float64 for a float32 x.
    """
    dtype = dtype_of(x)

    def assigned(value: ir.Value) -> ir.Value:
        return b.cast(value, dtype)

    def wide(value: ir.Value) -> ir.Value:
        return b.cast(value, np.float64)

    six, unit, one, nothing = b.like(6, x), b.like(1, x), b.constant(1.0), b.constant(0.0)
    shifted, result = x, b.like(0, x)
    for _ in range(6):
        is_small = b.op("Less", shifted, six)
        term = b.where(is_small, b.div(one, wide(shifted)), nothing)
        result = assigned(b.sub(wide(result), term))
        shifted = b.where(is_small, b.add(shifted, unit), shifted)
    r = assigned(b.div(one, wide(shifted)))
    logarithm = b.sub(b.op("Log", wide(shifted)), b.mul(b.constant(0.5), wide(r)))
    result = assigned(b.add(wide(result), logarithm))
    r = wide(b.mul(r, r))
    series = b.sub(b.constant(1 / 12), b.mul(r, b.sub(b.constant(1 / 120), b.mul(r, b.constant(1 / 252)))))
    result = assigned(b.sub(wide(result), b.mul(r, series)))
    tiny = assigned(b.sub(b.constant(-EULER), b.div(one, wide(x))))
    return b.where(b.op("LessOrEqual", x, b.like(1e-6, x)), tiny, result)
