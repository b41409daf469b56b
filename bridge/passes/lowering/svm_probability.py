"""Class probabilities from pairs of classes (Wu, Lin and Weng 2004), as libsvm and onnxruntime iterate them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.lowering.values import column_of, columns, less_or_equal, like, sum_of_row, where

if TYPE_CHECKING:
    import onnx_ir as ir

    from bridge.passes.rule import RuleTape

ROUNDS = 6
"""onnxruntime stops at 100 rounds, or when no error is above 0.005 / classes. 10,000 random tables of 2 to 20 classes,
among them ones of 1e-7 and 1 - 1e-7 only, stopped after at most 4."""

MOST_CLASSES = 20
"""Each round is 16 nodes a class: refuse graphs of more than some 2,000."""

LEAST = 1e-7


def couple(tape: RuleTape, first_wins: ir.Value, classes: int) -> ir.Value:
    """Return (rows, classes) from the probability that the first class of each pair wins, (rows, pairs).

    Pairs stand in the order (0, 1), (0, 2), ..., (1, 2), .... A row's last round may be another one than in
    onnxruntime where its error lies on the bound to the last bit: its probabilities then differ by up to that bound.
    """
    if classes > MOST_CLASSES:
        raise DeclinedError(f"probabilities of {classes} classes need more than {MOST_CLASSES * 16 * ROUNDS} nodes")
    rows = _quadratic_form(tape, first_wins, classes)
    diagonal = [column_of(tape, row, i) for i, row in enumerate(rows)]
    one = column_of(tape, first_wins, 0)
    one = where(tape, less_or_equal(tape, one, one), like(tape, 1 / classes, one), like(tape, 1 / classes, one))
    p = columns(tape, *[one] * classes)
    for _ in range(ROUNDS if classes > 2 else ROUNDS // 2):
        p = _round(tape, p, rows, diagonal)
    return p


def _quadratic_form(tape: RuleTape, first_wins: ir.Value, classes: int) -> list[ir.Value]:
    """Return the rows of Q: Q[i, i] is the sum of r[j, i]^2, and Q[i, j] = -r[j, i] r[i, j]."""

    def op(name: str, *inputs: ir.Value) -> ir.Value:
        return tape.op(name, *inputs, dtype=first_wins.dtype)

    second_wins = op("Sub", like(tape, 1, first_wins), first_wins)
    pairs = list(combinations(range(classes), 2))
    place = {pair: k for k, pair in enumerate(pairs)}
    squares = columns(tape, op("Mul", first_wins, first_wins), op("Mul", second_wins, second_wins))
    loses = np.zeros((2 * len(pairs), classes))
    for (i, j), k in place.items():
        loses[k, j] = loses[len(pairs) + k, i] = 1
    diagonal = op("MatMul", squares, like(tape, loses, first_wins))
    entries = columns(tape, op("Neg", op("Mul", first_wins, second_wins)), diagonal)

    def entry(i: int, j: int) -> int:
        return len(pairs) + i if i == j else place[min(i, j), max(i, j)]

    index = [[entry(i, j) for j in range(classes)] for i in range(classes)]
    return [tape.op("Gather", entries, tape.constant(row, np.int64), axis=1, dtype=entries.dtype) for row in index]


def _round(tape: RuleTape, p: ir.Value, rows: list[ir.Value], diagonal: list[ir.Value]) -> ir.Value:
    """Return p after one round over all classes, in the rows where it has not come to rest."""

    def op(name: str, *inputs: ir.Value) -> ir.Value:
        return tape.op(name, *inputs, dtype=p.dtype)

    classes = len(rows)
    one, two = like(tape, 1, p), like(tape, 2, p)
    product = columns(tape, *[sum_of_row(tape, op("Mul", row, p)) for row in rows])
    total = sum_of_row(tape, op("Mul", p, product))
    error = op("Abs", op("Sub", product, total))
    above = less_or_equal(tape, like(tape, np.float32(0.005) / np.float32(classes), p), error)
    at_rest = less_or_equal(tape, sum_of_row(tape, tape.cast(above, np.float32)), tape.constant(np.float32(0.5)))
    q = p
    for i, row in enumerate(rows):
        own = column_of(tape, product, i)
        step = op("Div", op("Sub", total, own), diagonal[i])
        scale = op("Add", step, one)
        q = op("Add", q, op("Mul", step, like(tape, np.eye(classes)[i : i + 1], p)))
        gain = op("Mul", step, op("Add", op("Mul", step, diagonal[i]), op("Mul", two, own)))
        total = op("Div", op("Div", op("Add", total, gain), scale), scale)
        product = op("Div", op("Add", product, op("Mul", step, row)), scale)
        q = op("Div", q, scale)
    return where(tape, at_rest, p, q)
