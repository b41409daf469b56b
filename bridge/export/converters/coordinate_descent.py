"""The lasso of every row on the same columns, by coordinate descent as scikit-learn has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.export.loop import repeat

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder

TOLERANCE = 1e-8
"""Of the duality gap against the row's square, and of the weights' last move: what `sparse_encode` asks for."""


def lasso(b: Builder, x: ir.Value, dictionary: NDArray[Any], alpha: float, *, positive: bool, most: int) -> ir.Value:
    """Return the weights w (rows, atoms) of least |x - w @ dictionary|^2 / 2 + alpha * |w|_1, row by row.

    The turns, stops and screened atoms are those of `enet_coordinate_descent_gram` (Ndiaye and others 2017, gap safe
    rules), so that a row ends where it ends in scikit-learn.
    """
    b.fine = True  # each row stops by a duality gap of 1e-8 of its square
    task = _Task.of(b, x, dictionary, alpha, positive=positive)
    zeros = b.mul(task.products, task.zero)
    gap, correlations, norm = task.gap(zeros, zeros)
    is_done = b.op("And", b.op("GreaterOrEqual", gap, task.zero), b.op("LessOrEqual", gap, task.bound))
    has_length = b.constant(np.diag(task.gram)[np.newaxis] != 0)
    kept = b.op("And", b.op("Equal", zeros, zeros), has_length)
    if alpha:
        kept = b.op("And", kept, task.kept(gap, correlations, norm))

    def turn(number: ir.Value, state: list[ir.Value]) -> tuple[ir.Value | None, list[ir.Value]]:
        weights, fitted, kept, is_open = state
        new, new_fitted, largest, move = task.sweep(weights, fitted, kept)
        is_small = b.op("LessOrEqual", b.div(move, largest), b.like(TOLERANCE, move))
        is_last = b.op("Equal", number, b.constant(most - 1, np.int64))
        is_checked = b.op("Or", b.op("Or", b.op("Equal", largest, task.zero), is_small), is_last)
        gap, correlations, norm = task.gap(new, new_fitted)
        is_done = b.op("And", is_checked, b.op("LessOrEqual", gap, task.bound))
        if alpha:
            is_screened = b.op("And", is_checked, b.op("Not", is_done))
            stays = b.op("And", kept, b.op("Or", task.kept(gap, correlations, norm), b.op("Not", is_screened)))
            dropped = b.where(stays, task.zero, new)
            new = b.where(stays, new, task.zero)
            new_fitted = b.sub(new_fitted, b.matmul(dropped, b.like(task.gram, dropped)))
            kept = b.op("And", kept, b.op("Or", stays, b.op("Not", is_open)))
        state = [b.where(is_open, new, weights), b.where(is_open, new_fitted, fitted), kept]
        is_open = b.op("And", is_open, b.op("Not", is_done))
        left = b.op("ReduceSum", b.cast(is_open, np.int64), keepdims=0)
        return b.op("Greater", left, b.constant(0, np.int64)), [*state, is_open]

    return repeat(b, turn, [zeros, zeros, kept, b.op("Not", is_done)], most)[0]


@dataclass(frozen=True)
class _Task:
    """The problems of all rows.

    Attributes
    ----------
    gram
        (atoms, atoms), the atoms' products with one another.
    products
        (rows, atoms), the rows' products with the atoms.
    squares, bound
        (rows, 1), each row's product with itself, and the duality gap that is small enough for it.
    """

    b: Builder
    gram: NDArray[Any]
    products: ir.Value
    squares: ir.Value
    bound: ir.Value
    alpha: float
    positive: bool

    @staticmethod
    def of(b: Builder, x: ir.Value, dictionary: NDArray[Any], alpha: float, *, positive: bool) -> _Task:
        squares = b.sum(b.mul(x, x), keepdims=True)
        bound = b.mul(squares, b.like(TOLERANCE, x))
        return _Task(b, dictionary @ dictionary.T, b.project(x, dictionary.T), squares, bound, alpha, positive)

    @property
    def zero(self) -> ir.Value:
        return self.b.like(0, self.products)

    def gap(self, weights: ir.Value, fitted: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
        """Return the duality gap, what is left of the products, and its largest value (`gap_enet_gram`)."""
        b = self.b
        left = b.sub(self.products, fitted)
        if not self.alpha:
            gap = b.sum(b.mul(left, left), keepdims=True)
            return gap, left, gap
        explained = b.sum(b.mul(weights, self.products), keepdims=True)
        own = b.sum(b.mul(weights, fitted), keepdims=True)
        rest = b.sub(b.add(self.squares, own), b.mul(b.like(2, own), explained))
        norm = b.row_max(left if self.positive else b.op("Abs", left))
        alpha = b.like(self.alpha, norm)
        size = b.sum(b.op("Abs", weights), keepdims=True)
        half = b.mul(b.like(0.5, rest), rest)
        scale = b.where(b.op("Greater", norm, alpha), b.div(alpha, norm), b.like(1, norm))
        dual = b.sub(b.mul(scale, b.sub(self.squares, explained)), b.mul(b.mul(scale, scale), half))
        return b.sub(b.add(half, b.mul(alpha, size)), dual), left, norm

    def kept(self, gap: ir.Value, left: ir.Value, norm: ir.Value) -> ir.Value:
        """Return which atoms may still have a weight other than 0."""
        b = self.b
        alpha = b.like(self.alpha, norm)
        radius = b.div(b.op("Sqrt", b.mul(b.like(2, gap), b.op("Abs", gap))), alpha)
        share = b.op("Abs", b.div(left, b.op("Max", norm, alpha)))
        lengths = np.sqrt(np.diag(self.gram))[np.newaxis]
        distance = b.div(b.sub(b.like(1, share), share), b.like(np.where(lengths > 0, lengths, 1), share))
        return b.op("LessOrEqual", distance, radius)

    def sweep(
        self, weights: ir.Value, fitted: ir.Value, kept: ir.Value
    ) -> tuple[ir.Value, ir.Value, ir.Value, ir.Value]:
        """Return the weights and their fit after one turn, the largest of these and the farthest move."""
        b, count = self.b, len(self.gram)
        gram, zero = b.like(self.gram, weights), self.zero
        lengths = b.like(np.where(np.diag(self.gram) != 0, np.diag(self.gram), 1)[np.newaxis], weights)
        nothing = b.sub(self.squares, self.squares)

        def coordinate(number: ir.Value, state: list[ir.Value]) -> tuple[ir.Value | None, list[ir.Value]]:
            weights, fitted, largest, farthest = state
            place = b.reshape(number, [1])
            product, fit, weight, length, is_kept = (
                b.op("Gather", table, place, axis=1) for table in (self.products, fitted, weights, lengths, kept)
            )
            wanted = b.add(b.sub(product, fit), b.mul(weight, length))
            size = b.op("Max", b.sub(b.op("Abs", wanted), b.like(self.alpha, wanted)), zero)
            is_negative = b.op("Less", wanted, zero)
            new = b.div(b.where(is_negative, zero if self.positive else b.op("Neg", size), size), length)
            new = b.where(is_kept, new, weight)
            move = b.sub(new, weight)
            fitted = b.add(fitted, b.mul(move, b.op("Gather", gram, place, axis=0)))
            is_place = b.op("Equal", b.constant(np.arange(count)[np.newaxis]), place)
            largest, farthest = (
                b.op("Max", top, b.op("Abs", value)) for top, value in ((largest, new), (farthest, move))
            )
            return None, [b.where(is_place, new, weights), fitted, largest, farthest]

        weights, fitted, largest, farthest = repeat(b, coordinate, [weights, fitted, nothing, nothing], count)
        return weights, fitted, largest, farthest
