"""NMF and MiniBatchNMF: the weights of fixed components, found by the same iterations as in scikit-learn.

Both stop by a sum over all rows, so that a row's answer hangs on the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import NMF, MiniBatchNMF
from sklearn.decomposition._nmf import EPSILON

from bridge.errors import UnsupportedError
from bridge.export.builder import dtype_of
from bridge.export.held import hold_positive
from bridge.export.loop import repeat
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

CHECK_EVERY = 10
"""Multiplicative updates of NMF between two looks at the error."""


@converts(NMF)
def convert_nmf(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    name = f"NMF(beta_loss={model.beta_loss!r})"
    value = hold_positive(b, x.floats(), reason=f"{name} takes no negative numbers")
    if model._beta_loss <= 0:
        b.refuse(b.op("Equal", value, b.like(0, value)), f"{name} takes no zeros")
    task = _Task.of(b, model, value)
    weights = _descend(b, task, model) if model.solver == "cd" else _multiply(b, task, model)
    return {"transform": x.of(weights, len(model.components_))}


@converts(MiniBatchNMF)
def convert_mini_batch_nmf(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Update until the weights move by no more than `tol` of their norm (`MiniBatchNMF._solve_W`)."""
    task = _Task.of(b, model, x.floats())

    def step(_: ir.Value, state: list[ir.Value]) -> tuple[ir.Value | None, list[ir.Value]]:
        updated = task.update(state[0], None)[0]
        if model.tol <= 0:
            return None, [updated]
        moved = b.sub(updated, state[0])
        share = b.div(*(b.op("Sqrt", total(b, b.mul(v, v))) for v in (moved, updated)))
        return b.op("Not", b.op("LessOrEqual", share, b.like(model.tol, share))), [updated]

    (weights,) = repeat(b, step, [task.even_start()], model._transform_max_iter)
    # Of negative rows, whose start is the root of their mean, linalg.norm raises for NaN.
    b.refuse(b.op("IsNaN", b.sub(weights, weights)), "MiniBatchNMF finds no weights for negative numbers")
    return {"transform": x.of(weights, len(model.components_))}


def total(b: Builder, x: ir.Value) -> ir.Value:
    """Return the sum of all elements, a scalar."""
    return b.op("ReduceSum", x, keepdims=0)


def _descend(b: Builder, task: _Task, model: Any) -> ir.Value:
    """Return the weights by coordinate descent, until the projected gradients are `tol` of those of the first turn."""
    components = task.components
    count = len(components)
    products = components @ components.T
    products.flat[:: count + 1] += task.l2
    target = b.sub(task.product(components.T), b.like(task.l1, task.x)) if task.l1 else task.product(components.T)
    order = _orders(model, count)
    columns = b.like(products, target)
    # A component that is all 0 is left alone.
    curvature = b.like(np.where(np.diag(products) == 0, np.inf, np.diag(products)).reshape(1, -1), target)
    zero = b.like(0, target)

    def turn(number: ir.Value, state: list[ir.Value]) -> tuple[ir.Value | None, list[ir.Value]]:
        weights, first = state

        def coordinate(place: ir.Value, inner: list[ir.Value]) -> tuple[ir.Value | None, list[ir.Value]]:
            weights, violation = inner
            chosen = b.reshape(place, [1])
            if order is not None:
                row = b.op("Gather", b.constant(order), number, axis=0)
                chosen = b.op("Gather", row, chosen, axis=0)
            column, own, wanted, divisor = (
                b.op("Gather", table, chosen, axis=1) for table in (columns, weights, target, curvature)
            )
            gradient = b.sub(b.matmul(weights, column), wanted)
            projected = b.where(b.op("Equal", own, zero), b.op("Min", gradient, zero), gradient)
            moved = b.op("Max", b.sub(own, b.div(gradient, divisor)), zero)
            is_chosen = b.op("Equal", b.constant(np.arange(count)[np.newaxis]), chosen)
            return None, [b.where(is_chosen, moved, weights), b.add(violation, total(b, b.op("Abs", projected)))]

        weights, violation = repeat(b, coordinate, [weights, zero], count)
        first = b.where(b.op("Equal", number, b.constant(0, np.int64)), violation, first)
        is_small = b.op("LessOrEqual", b.div(violation, first), b.like(model.tol, violation))
        return b.op("Not", b.op("Or", is_small, b.op("Equal", first, zero))), [weights, first]

    start = b.repeat_row(np.zeros(count, components.dtype), task.x)
    return repeat(b, turn, [start, zero], model.max_iter)[0]


def _orders(model: Any, count: int) -> NDArray[np.int64] | None:
    """Return the order of the components at each turn, or None where it is the natural one."""
    if not model.shuffle:
        return None
    if not isinstance(model.random_state, (int, np.integer)):
        raise UnsupportedError(
            "NMF with shuffle=True and without a number as random_state answers otherwise at every call.\n"
            "Set random_state to a number, or shuffle=False."
        )
    random = np.random.RandomState(model.random_state)
    return np.array([random.permutation(count) for _ in range(model.max_iter)], np.int64)


def _multiply(b: Builder, task: _Task, model: Any) -> ir.Value:
    """Return the weights by multiplicative updates, until ten lower the error by less than `tol` of the first one."""
    start = task.even_start()

    def update(_: ir.Value, state: list[ir.Value]) -> tuple[ir.Value | None, list[ir.Value]]:
        weights, sums = task.update(state[0], state[1] if len(state) > 1 else None)
        if task.beta < 1:  # necessary for stability, says scikit-learn
            weights = b.where(b.op("Less", weights, b.like(np.finfo(np.float64).eps, weights)), task.zero, weights)
        return None, [weights, *([sums] if sums is not None else [])]

    carried = [start, *task.carried_sums()]
    if model.tol <= 0:
        return repeat(b, update, carried, model.max_iter)[0]
    first = task.error(start)
    whole, rest = divmod(model.max_iter, CHECK_EVERY)

    def ten(number: ir.Value, state: list[ir.Value]) -> tuple[ir.Value | None, list[ir.Value]]:
        *values, previous = state
        turns: int | ir.Value = CHECK_EVERY
        if rest:
            is_whole = b.op("Less", number, b.constant(whole, np.int64))
            turns = b.where(is_whole, b.constant(CHECK_EVERY, np.int64), b.constant(rest, np.int64))
        values = repeat(b, update, values, turns)
        error = task.error(values[0])
        gain = b.div(b.sub(previous, error), first)
        return b.op("Not", b.op("Less", gain, b.like(model.tol, gain))), [*values, error]

    return repeat(b, ten, [*carried, first], whole + bool(rest))[0]


@dataclass(frozen=True)
class _Task:
    """Find W >= 0 so that W @ components is near x, by a beta divergence with penalties l1 and l2."""

    b: Builder
    x: ir.Value
    components: NDArray[Any]
    beta: float
    l1: float
    l2: float
    keeps_sums: bool

    @staticmethod
    def of(b: Builder, model: Any, x: ir.Value) -> _Task:
        l1, _, l2, _ = model._compute_regularization(np.empty((1, model.n_features_in_)))
        components = model.components_
        if components.dtype != dtype_of(x):
            raise UnsupportedError(
                f"{type(model).__name__} was fitted on {components.dtype} and refuses {dtype_of(x)}.\n"
                "Export with a sample in the dtype of the data that it was fitted on."
            )
        return _Task(b, x, components, float(model._beta_loss), l1, l2, isinstance(model, NMF))

    @property
    def zero(self) -> ir.Value:
        return self.b.like(0, self.x)

    def product(self, matrix: NDArray[Any]) -> ir.Value:
        return self.b.matmul(self.x, self.b.like(matrix, self.x))

    def even_start(self) -> ir.Value:
        """Return sqrt(mean of x / components) everywhere."""
        b, count = self.b, len(self.components)
        number = total(b, b.cast(b.op("Equal", self.x, self.x), self.components.dtype))
        mean = b.div(total(b, self.x), number)
        ones = b.repeat_row(np.ones(count, self.components.dtype), self.x)
        return b.mul(ones, b.op("Sqrt", b.div(mean, b.like(count, mean))))

    def carried_sums(self) -> list[ir.Value]:
        """Return what `NMF` keeps between updates with beta 1, and changes: its sums of components."""
        return [self.b.like(self.components.sum(axis=1)[np.newaxis], self.x)] if self._changes_sums else []

    @property
    def _changes_sums(self) -> bool:
        # _multiplicative_update_w (scikit-learn 1.9) adds l1 to the sums in place, again at every update.
        return self.keeps_sums and self.beta == 1 and self.l1 > 0

    def update(self, weights: ir.Value, sums: ir.Value | None) -> tuple[ir.Value, ir.Value | None]:
        """Return the weights after one multiplicative update, and the sums that are carried, if they are."""
        b = self.b
        above, below = self._fraction(weights, sums)
        if self.l1 > 0:
            below = b.add(below, b.like(self.l1, below))
        carried = below if sums is not None else None
        if self.l2 > 0:
            below = b.add(below, b.mul(weights, b.like(self.l2, weights)))
        below = b.where(b.op("Equal", below, self.zero), b.like(EPSILON, below), below)
        factor = b.div(above, below)
        gamma = 1 / (2 - self.beta) if self.beta < 1 else 1 / (self.beta - 1) if self.beta > 2 else 1.0
        if gamma != 1:
            factor = b.op("Pow", factor, b.like(gamma, factor))
        return b.mul(weights, factor), carried

    def _fraction(self, weights: ir.Value, sums: ir.Value | None) -> tuple[ir.Value, ir.Value]:
        """Return the numerator and the denominator of an update (Fevotte and Idier 2011)."""
        b, components = self.b, self.components
        back = b.like(components.T, self.x)
        if self.beta == 2:
            return b.matmul(self.x, back), b.matmul(weights, b.like(components @ components.T, self.x))
        fitted = b.matmul(weights, b.like(components, self.x))
        safe = self._not_tiny(fitted) if self.beta < 2 else fitted
        if self.beta == 1:
            below = b.like(components.sum(axis=1)[np.newaxis], self.x) if sums is None else sums
            return b.matmul(b.div(self.x, safe), back), below
        wanted = b.mul(self._power(safe, self.beta - 2), self.x)
        grown = self._power(self._not_tiny(fitted) if self.beta < 1 else fitted, self.beta - 1)
        return b.matmul(wanted, back), b.matmul(grown, back)

    def _not_tiny(self, x: ir.Value) -> ir.Value:
        return self.b.where(self.b.op("Less", x, self.b.like(EPSILON, x)), self.b.like(EPSILON, x), x)

    def _power(self, x: ir.Value, exponent: float) -> ir.Value:
        return self.b.op("Pow", x, self.b.like(exponent, x))

    def error(self, weights: ir.Value) -> ir.Value:
        """Return the root of twice the divergence of x from weights @ components (`_beta_divergence`)."""
        b, x, beta = self.b, self.x, self.beta
        fitted = b.matmul(weights, b.like(self.components, x))
        if beta == 2:
            rest = b.sub(x, fitted)
            return b.op("Sqrt", total(b, b.mul(rest, rest)))
        counts = b.op("Greater", x, b.like(EPSILON, x))

        def summed(values: ir.Value) -> ir.Value:
            return total(b, b.where(counts, values, self.zero))

        safe = self._not_tiny(fitted)
        ratio = b.where(counts, b.div(x, safe), b.like(1, x))
        if beta == 1:
            columns = b.sum(weights, axis=0, keepdims=True)
            whole = total(b, b.mul(columns, b.like(self.components.sum(axis=1)[np.newaxis], x)))
            result = b.add(summed(b.mul(x, b.op("Log", ratio))), b.sub(whole, summed(x)))
        elif beta == 0:
            number = total(b, b.cast(b.op("Equal", x, x), self.components.dtype))
            result = b.sub(b.sub(summed(ratio), number), summed(b.op("Log", ratio)))
        else:
            crossed = b.mul(summed(b.mul(x, self._power(safe, beta - 1))), b.like(beta, x))
            result = b.sub(summed(self._power(x, beta)), crossed)
            grown = b.mul(total(b, self._power(fitted, beta)), b.like(beta - 1, x))
            result = b.div(b.add(result, grown), b.like(beta * (beta - 1), x))
        return b.op("Sqrt", b.mul(b.op("Max", result, self.zero), b.like(2, x)))
