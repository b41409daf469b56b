"""SplineTransformer: B-splines by the recursion of Cox and de Boor, and what lies beyond the knots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import SplineTransformer

from bridge.export.held import hold_between
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(SplineTransformer)
def convert_spline_transformer(b: Builder, transformer: Any, x: Block) -> Mapping[str, Answer]:
    """Compute in float64, as scipy's BSpline does, and answer in the data's dtype.

    With `extrapolation="error"` a value beyond the knots, for which the estimator raises, is refused, and becomes NaN.
    """
    knots = np.array([spline.t for spline in transformer.bsplines_])
    degree, mode = transformer.degree, transformer.extrapolation
    count = transformer.bsplines_[0].c.shape[1]
    given = x.matrix(np.float64)
    if mode == "error":
        low, high = knots[np.newaxis, :, degree], knots[np.newaxis, :, -degree - 1]
        reason = "SplineTransformer(extrapolation='error') takes no value beyond its knots"
        given = hold_between(b, given, low, high, reason=reason)
    value = b.op("Unsqueeze", given, b.constant([2], np.int64))
    basis = _basis(b, _into_period(b, value, knots, degree) if mode == "periodic" else value, knots, degree)
    if mode == "periodic":  # the last splines are the first ones again
        folded = b.add(_part(b, basis, 0, degree), _part(b, basis, count, count + degree))
        basis = b.concat([folded, _part(b, basis, degree, count)], axis=2) if count > degree else folded
    elif mode != "continue":
        basis = _beyond(b, value, basis, transformer)
    basis = b.where(b.op("IsNaN", value), b.constant(0.0), basis)
    kept = count if transformer.include_bias else count - 1
    width = x.width * kept
    flat = b.reshape(_part(b, basis, 0, kept) if kept < count else basis, [-1, width])
    return {"transform": replace(x.of(b.cast(flat, x.float_dtype), width), sparse=transformer.sparse_output)}


def _basis(b: Builder, x: ir.Value, knots: NDArray[np.float64], degree: int) -> ir.Value:
    """Return (rows, columns, splines), the splines at x (rows, columns, 1); beyond the knots, their continuation.

    The interval of a value is the last one that starts at or below it, of the base intervals (scipy's find_interval).
    """
    first, last = degree, knots.shape[1] - degree - 2
    starts, stops = knots[:, :-1].copy(), knots[:, 1:].copy()
    starts[:, first], stops[:, last] = -np.inf, np.inf
    stops[:, :first] = stops[:, last + 1 :] = -np.inf
    reached = b.op("GreaterOrEqual", x, b.constant(starts[np.newaxis]))
    basis = b.cast(b.op("And", reached, b.op("Less", x, b.constant(stops[np.newaxis]))), np.float64)
    for order in range(1, degree + 1):
        lengths = knots[:, order:] - knots[:, :-order]
        # A spline over no length counts for nothing.
        share = b.div(basis, b.constant(np.where(lengths > 0, lengths, np.inf)[np.newaxis]))
        size = lengths.shape[1] - 1
        rising = b.mul(_part(b, share, 0, size), b.sub(x, b.constant(knots[np.newaxis, :, :size])))
        falling = b.mul(_part(b, share, 1, size + 1), b.sub(b.constant(knots[np.newaxis, :, order + 1 :]), x))
        basis = b.add(rising, falling)
    return basis


def _into_period(b: Builder, x: ir.Value, knots: NDArray[np.float64], degree: int) -> ir.Value:
    """Return start + (x - start) % period, the remainder as NumPy has it: never negative."""
    start, stop = knots[:, degree], knots[:, -degree - 1]
    period = stop - start
    moved = b.sub(x, _by_column(b, start))
    length = _by_column(b, np.where(period > 0, period, 1.0))
    remainder = b.op("Mod", moved, length, fmod=1)
    remainder = b.where(b.op("Less", remainder, b.constant(0.0)), b.add(remainder, length), remainder)
    result = b.add(remainder, _by_column(b, start))
    if (period > 0).all():
        return result
    return b.where(_by_column(b, period > 0), result, b.mul(x, b.constant(0.0)))


@dataclass(frozen=True)
class _End:
    """What holds beyond one end of the knots: `value + slope * (x - knot)` in the splines that are `continued`, else 0.

    The knot is (columns,), the others are (columns, splines).
    """

    knot: NDArray[np.float64]
    value: NDArray[np.float64]
    slope: NDArray[np.float64]
    continued: NDArray[np.bool_]


def _ends(transformer: Any) -> tuple[_End, _End]:
    """Return the lower and the upper end as `SplineTransformer.transform` (scikit-learn 1.9) has them.

    Its loop over columns included: continuing linearly, that raises a degree below 2 by one at every column, and takes
    the next column's ends by the raised degree.
    """
    degree, mode = transformer.degree, transformer.extrapolation
    count = transformer.bsplines_[0].c.shape[1]
    rows: tuple[list[Any], list[Any]] = ([], [])
    for spline in transformer.bsplines_:
        knots = spline.t[degree], spline.t[-degree - 1]
        degree += mode == "linear" and degree <= 1
        near = np.arange(count) < degree, np.arange(count) >= count - degree
        if transformer.sparse_output and mode == "constant" and not degree:
            near[1][:] = True  # [-0:] is all of them
        for row, knot, continued in zip(rows, knots, near, strict=True):
            value = np.where(continued, spline(knot), 0.0) if mode != "error" else np.full(count, np.nan)
            row.append((knot, value, spline(knot, nu=1), continued))
    lower, upper = (_End(*(np.array(part) for part in zip(*row, strict=True))) for row in rows)
    return lower, upper


def _beyond(b: Builder, x: ir.Value, basis: ir.Value, transformer: Any) -> ir.Value:
    """Return the splines with what holds beyond the knots."""
    for op_type, end in zip(("Less", "Greater"), _ends(transformer), strict=True):
        knot = _by_column(b, end.knot)
        outside = b.constant(end.value[np.newaxis])
        if transformer.extrapolation == "linear":
            rise = b.mul(b.sub(x, knot), b.constant(end.slope[np.newaxis]))
            # Not a slope of 0 for the others: infinity times 0 is NaN.
            outside = b.where(b.constant(end.continued[np.newaxis]), b.add(outside, rise), b.constant(0.0))
        basis = b.where(b.op(op_type, x, knot), outside, basis)
    return basis


def _part(b: Builder, x: ir.Value, start: int, stop: int) -> ir.Value:
    """Return x[:, :, start:stop]."""
    bounds = (b.constant([number], np.int64) for number in (start, stop, 2))
    return b.op("Slice", x, *bounds)


def _by_column(b: Builder, values: NDArray[Any]) -> ir.Value:
    """Return a constant (1, columns, 1)."""
    return b.constant(values[np.newaxis, :, np.newaxis])
