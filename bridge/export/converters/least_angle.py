"""Least angle regression of every row on the same columns: atoms enter, and for the lasso leave, one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.export.builder import dtype_of
from bridge.export.loop import repeat

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder

NEAR = float(np.finfo(np.float32).eps)
TINY = float(np.finfo(np.float32).tiny)
SHORTEST = 1e-7
"""An atom with less than this beside the others counts as made of them (`_lars_path_solver`)."""


@dataclass(frozen=True)
class Path:
    """What a path is followed for.

    Attributes
    ----------
    alpha
        Where it ends, if not before.
    most
        The number of steps.
    is_lasso
        Whether an atom leaves when its weight becomes 0.
    positive
        Whether weights are held above 0.
    """

    alpha: float
    most: int
    is_lasso: bool
    positive: bool = False


def follow(b: Builder, x: ir.Value, dictionary: NDArray[Any], path: Path) -> ir.Value:
    """Return the weights (rows, atoms) at the end of each row's path (Efron and others 2004).

    The steps and stops are those of `_lars_path_solver` with a Gram matrix; the inverse of the entered atoms' part of
    it is kept by sweeps (Goodnight 1979) instead of a triangular factor.
    """
    gram = (dictionary @ dictionary.T).astype(dtype_of(x))
    start = _State.of(b, b.project(x, dictionary.T), gram)
    walker = _Walker(b, gram, start.left, dictionary.shape[1], path)

    def step(_: ir.Value, values: list[ir.Value]) -> tuple[ir.Value | None, list[ir.Value]]:
        state = walker.step(_State(*values))
        open_rows = b.op("ReduceSum", b.cast(state.is_open, np.int64), keepdims=0)
        return b.op("Greater", open_rows, b.constant(0, np.int64)), state.values()

    return repeat(b, step, start.values(), path.most + len(gram) + 1)[0]


@dataclass(frozen=True)
class _State:
    """How far each row is; matrices are (rows, atoms), numbers (rows, 1), `swept` is (rows, atoms, atoms)."""

    weights: ir.Value
    earlier: ir.Value
    earlier_alpha: ir.Value
    left: ir.Value
    is_in: ir.Value
    sign: ir.Value
    swept: ir.Value
    steps: ir.Value
    drops: ir.Value
    is_open: ir.Value

    @staticmethod
    def of(b: Builder, products: ir.Value, gram: NDArray[Any]) -> _State:
        zeros = b.mul(products, b.like(0, products))
        zero = b.take_columns(zeros, [0])
        nowhere = b.op("Less", zeros, zeros)
        swept = b.add(b.op("Unsqueeze", zero, b.constant([2], np.int64)), b.like(gram[np.newaxis], products))
        none = b.op("Less", zero, zero)
        return _State(zeros, zeros, zero, products, nowhere, zeros, swept, zero, none, b.op("Not", none))

    def values(self) -> list[ir.Value]:
        return [getattr(self, name) for name in self.__dataclass_fields__]


@dataclass(frozen=True)
class _Walker:
    b: Builder
    gram: NDArray[Any]
    products: ir.Value
    width: int
    path: Path

    def step(self, s: _State) -> _State:
        b, path = self.b, self.path
        zero, one = b.like(0, s.left), b.like(1, s.left)
        size = s.left if path.positive else b.op("Abs", s.left)
        candidates = b.where(s.is_in, b.like(-np.inf, size), size)
        entered = b.sum(b.cast(s.is_in, dtype_of(size)), keepdims=True)
        is_full = b.op("GreaterOrEqual", entered, b.like(len(self.gram), entered))
        largest = b.where(is_full, zero, b.row_max(candidates))
        alpha = b.div(largest, b.like(self.width, largest))
        # The end of the path: between the last two steps, if it lies there.
        ends = b.op("LessOrEqual", alpha, b.like(path.alpha + NEAR, alpha))
        beyond = b.op("Greater", b.op("Abs", b.sub(alpha, b.like(path.alpha, alpha))), b.like(NEAR, alpha))
        share = b.div(b.sub(s.earlier_alpha, b.like(path.alpha, alpha)), b.sub(s.earlier_alpha, alpha))
        between = b.add(s.earlier, b.mul(share, b.sub(s.weights, s.earlier)))
        is_between = self._all(s.is_open, ends, beyond, b.op("Greater", s.steps, zero))
        weights = b.where(is_between, between, s.weights)
        stops = self._any(ends, b.op("GreaterOrEqual", s.steps, b.like(path.most, s.steps)), is_full)
        goes_on = self._all(s.is_open, b.op("Not", stops))
        # Another atom enters, unless one has just left.
        enters = self._all(goes_on, b.op("Not", s.drops))
        chosen = self._first(b.op("Equal", candidates, largest), enters)
        pivot = b.sum(b.sum(b.where(self._square(chosen), s.swept, zero), axis=2), keepdims=True)
        is_short = self._all(enters, b.op("Less", b.op("Sqrt", b.op("Abs", pivot)), b.like(SHORTEST, pivot)))
        joins = b.op("And", chosen, b.op("Not", is_short))
        left = b.where(b.op("And", chosen, is_short), zero, s.left)
        swept = self._sweep(s.swept, joins, one)
        is_in = b.op("Or", s.is_in, joins)
        sign = b.where(joins, one if path.positive else b.op("Sign", s.left), s.sign)
        moves = self._all(goes_on, b.op("Not", is_short))
        if path.is_lasso:
            worse = self._all(b.op("Greater", s.steps, zero), b.op("Less", s.earlier_alpha, alpha))
            goes_on = self._all(goes_on, b.op("Not", self._all(moves, worse)))
            moves = self._all(moves, goes_on)
        moved = _State(weights, s.earlier, s.earlier_alpha, left, is_in, sign, swept, s.steps, s.drops, goes_on)
        return self._move(moved, moves, largest, alpha)

    def _move(self, s: _State, moves: ir.Value, largest: ir.Value, alpha: ir.Value) -> _State:
        """Go on in the direction that has equal angles with all atoms that are in, to where the next event is."""
        b, path = self.b, self.path
        zero = b.like(0, s.left)
        signs = b.where(s.is_in, s.sign, zero)
        solved = b.sum(b.mul(s.swept, b.op("Unsqueeze", signs, b.constant([1], np.int64))), axis=2)
        direction = b.where(s.is_in, b.op("Neg", solved), zero)
        angle = b.op("Reciprocal", b.op("Sqrt", b.sum(b.mul(direction, signs), keepdims=True)))
        direction = b.mul(direction, angle)
        turned = self._rounded(b.matmul(direction, b.like(self.gram, direction)))
        tiny = b.like(TINY, angle)
        nearest = [b.div(b.sub(largest, s.left), b.add(b.sub(angle, turned), tiny))]
        if not path.positive:
            nearest.append(b.div(b.add(largest, s.left), b.add(b.add(angle, turned), tiny)))
        out = b.op("Not", s.is_in)
        length = b.div(largest, angle)
        for values in nearest:
            length = b.op("Min", length, self._least_positive(values, out))
        crossings = b.div(b.op("Neg", s.weights), b.add(direction, tiny))
        crossing = self._least_positive(crossings, s.is_in)
        drops = self._all(moves, b.op("Less", crossing, length))
        leaving = self._all(drops, s.is_in, b.op("Equal", crossings, crossing))
        if path.is_lasso:
            length = b.where(drops, crossing, length)
        step = b.mul(length, direction)
        weights = b.where(b.op("And", moves, s.is_in), b.add(s.weights, step), s.weights)
        left = b.where(b.op("And", moves, out), b.sub(s.left, b.mul(length, turned)), s.left)
        sign, is_in, swept = b.where(leaving, b.op("Neg", s.sign), s.sign), s.is_in, s.swept
        if path.is_lasso:
            rest = b.sub(self.products, b.matmul(weights, b.like(self.gram, weights)))
            left = b.where(leaving, rest, left)
            swept = self._sweep(swept, leaving, b.like(-1, left))
            is_in = b.op("And", is_in, b.op("Not", leaving))
        return _State(
            # scikit-learn starts the weights anew at each step: what has left has weight 0 from the next one on.
            weights=b.where(b.op("And", moves, b.op("And", out, b.op("Not", leaving))), zero, weights),
            earlier=b.where(moves, s.weights, s.earlier),
            earlier_alpha=b.where(moves, alpha, s.earlier_alpha),
            left=left,
            is_in=is_in,
            sign=sign,
            swept=swept,
            steps=b.where(moves, b.add(s.steps, b.like(1, s.steps)), s.steps),
            drops=b.op("Or", drops, b.op("And", s.drops, b.op("Not", moves))),
            is_open=s.is_open,
        )

    def _sweep(self, swept: ir.Value, chosen: ir.Value, direction: ir.Value) -> ir.Value:
        """Return the matrices swept by the chosen atom of each row, where there is one; direction -1 sweeps back."""
        b = self.b
        zero = b.like(0, swept)
        across, down = (b.op("Unsqueeze", chosen, b.constant([axis], np.int64)) for axis in (1, 2))
        both, either = b.op("And", across, down), b.op("Or", across, down)
        column = b.sum(b.where(across, swept, zero), axis=2, keepdims=True)
        row = b.op("Transpose", column, perm=[0, 2, 1])
        pivot = b.sum(b.where(down, column, zero), axis=1, keepdims=True)
        is_any = b.op("Not", b.op("Equal", b.sum(b.cast(across, dtype_of(swept)), axis=2, keepdims=True), zero))
        safe = b.where(is_any, pivot, b.like(1, pivot))
        others = b.sub(swept, b.div(b.mul(column, row), safe))
        beside = b.mul(b.div(swept, safe), direction)
        result = b.where(both, b.op("Neg", b.op("Reciprocal", safe)), b.where(either, beside, others))
        return b.where(is_any, result, swept)

    def _square(self, chosen: ir.Value) -> ir.Value:
        b = self.b
        return b.op("And", *(b.op("Unsqueeze", chosen, b.constant([axis], np.int64)) for axis in (1, 2)))

    def _first(self, found: ir.Value, wanted: ir.Value) -> ir.Value:
        """Return the first of those found in a row, where it is wanted."""
        b = self.b
        order = np.arange(len(self.gram))[np.newaxis]
        first = b.reshape(b.argmax(b.cast(found, dtype_of(self.products))), [-1, 1])
        return self._all(found, wanted, b.op("Equal", b.constant(order), first))

    def _least_positive(self, values: ir.Value, where: ir.Value) -> ir.Value:
        b = self.b
        counts = b.op("And", where, b.op("Greater", values, b.like(0, values)))
        most = b.like(np.finfo(dtype_of(values)).max, values)
        return b.op("Neg", b.row_max(b.op("Neg", b.where(counts, values, most))))

    def _rounded(self, x: ir.Value) -> ir.Value:
        scale = self.b.like(10.0 ** np.finfo(dtype_of(x)).precision, x)
        return self.b.div(self.b.op("Round", self.b.mul(x, scale)), scale)

    def _all(self, first: ir.Value, *others: ir.Value) -> ir.Value:
        for other in others:
            first = self.b.op("And", first, other)
        return first

    def _any(self, first: ir.Value, *others: ir.Value) -> ir.Value:
        for other in others:
            first = self.b.op("Or", first, other)
        return first
