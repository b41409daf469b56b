"""Class probabilities from those of pairs (Wu, Lin and Weng 2004, second method), as libsvm iterates them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir

    from bridge.export.builder import Builder

ROUNDS = 6
"""libsvm stops after 100 rounds, or when no error is above 0.005 / classes: 540,000 random tables of 2 to 10 classes,
among them ones of the smallest and largest probabilities only, stopped after at most 4."""
LEAST = 1e-7
"""The smallest probability of a pair; the largest is 1 less this."""


def couple(b: Builder, first_wins: ir.Value, classes: int) -> ir.Value:
    """Return (rows, classes) from the probability that the first class of each pair wins, (rows, pairs).

    Pairs stand in the order (0, 1), (0, 2), ..., (1, 2), ....
    """
    quadratic = _quadratic_rows(b, b.clip(first_wins, LEAST, 1 - LEAST), classes)
    diagonal = [b.take_columns(row, [t]) for t, row in enumerate(quadratic)]
    p = b.repeat_row(np.full(classes, 1 / classes), first_wins)
    for _ in range(ROUNDS):
        p = _round(b, p, quadratic, diagonal)
    return p


def _quadratic_rows(b: Builder, first_wins: ir.Value, classes: int) -> list[ir.Value]:
    """Return for every class t the row (rows, classes) of Q: -r[j, t] * r[t, j], and the sum of r[j, t]^2 at t."""
    pairs = [(i, j) for i in range(classes) for j in range(i + 1, classes)]
    both = b.concat([first_wins, b.sub(b.like(1, first_wins), first_wins)])
    place = {pair: k for k, pair in enumerate(pairs)} | {(j, i): k + len(pairs) for k, (i, j) in enumerate(pairs)}
    rows = []
    for t in range(classes):
        others = [j for j in range(classes) if j != t]
        theirs = b.take_columns(both, [place[j, t] for j in others])
        ours = b.take_columns(both, [place[t, j] for j in others])
        own = b.sum(b.mul(theirs, theirs), keepdims=True)
        parts = b.concat([b.op("Neg", b.mul(theirs, ours)), own])
        rows.append(b.take_columns(parts, [others.index(j) if j != t else len(others) for j in range(classes)]))
    return rows


def _round(b: Builder, p: ir.Value, quadratic: list[ir.Value], diagonal: list[ir.Value]) -> ir.Value:
    """Return p after one round over the classes, in the rows that still err by more than the bound."""
    classes = len(quadratic)
    q_p = b.concat([b.sum(b.mul(row, p), keepdims=True) for row in quadratic])
    p_q_p = b.sum(b.mul(p, q_p), keepdims=True)
    error = b.row_max(b.op("Abs", b.sub(q_p, p_q_p)))
    is_done = b.op("Less", error, b.like(0.005 / classes, error))
    one, two = b.like(1, p), b.like(2, p)
    moved = p
    for t in range(classes):
        q_t = b.take_columns(q_p, [t])
        step = b.div(b.sub(p_q_p, q_t), diagonal[t])
        scale = b.add(step, one)
        gain = b.mul(step, b.add(b.mul(step, diagonal[t]), b.mul(q_t, two)))
        p_q_p = b.div(b.div(b.add(p_q_p, gain), scale), scale)
        q_p = b.div(b.add(q_p, b.mul(step, quadratic[t])), scale)
        moved = b.div(b.add(moved, b.mul(step, b.like(np.eye(classes)[t : t + 1], p))), scale)
    return b.where(is_done, p, moved)
