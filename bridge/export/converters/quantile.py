"""QuantileTransformer: both ways of `numpy.interp` in one search, and the normal distribution's inverse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats
from sklearn.preprocessing import QuantileTransformer
from sklearn.preprocessing._data import BOUNDS_THRESHOLD

from bridge.export.builder import dtype_of
from bridge.export.converters.interpolation import last_reached
from bridge.export.converters.normal import inverse_normal
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(QuantileTransformer)
def convert_quantile_transformer(b: Builder, transformer: Any, x: Block) -> Mapping[str, Answer]:
    """Interpolate in float64, whatever the data's dtype, into which every step's result is rounded."""
    floats = x.floats()
    points = np.ascontiguousarray(np.asarray(transformer.quantiles_, np.float64).T)
    is_normal = transformer.output_distribution == "normal"
    below, above = _bounds(b, floats, points, is_normal=is_normal)
    share = _shares(b, b.cast(floats, np.float64), points, np.asarray(transformer.references_, np.float64))
    share = b.cast(share, dtype_of(floats))
    share = b.where(below, b.like(0, share), b.where(above, b.like(1, share), share))
    value = b.where(b.op("IsNaN", floats), floats, _normal(b, share) if is_normal else share)
    if x.sparse:  # scikit-learn leaves what is not stored in the matrix at 0
        value = b.where(b.op("Equal", floats, b.like(0, floats)), b.like(0, floats), value)
    return {"transform": replace(x.of(value, x.width), sparse=x.sparse)}


def _bounds(b: Builder, x: ir.Value, points: NDArray[np.float64], *, is_normal: bool) -> tuple[ir.Value, ir.Value]:
    """Return where a value counts as the lowest quantile, and where as the highest."""
    lowest, highest = b.constant(points[np.newaxis, :, 0]), b.constant(points[np.newaxis, :, -1])
    if not is_normal:
        wide = b.cast(x, np.float64)
        return b.op("Equal", wide, lowest), b.op("Equal", wide, highest)
    below, above = (_last_beyond(points, dtype_of(x), sign)[np.newaxis] for sign in (-1, 1))
    return b.op("LessOrEqual", x, b.constant(below)), b.op("GreaterOrEqual", x, b.constant(above))


def _last_beyond(points: NDArray[np.float64], dtype: np.dtype[Any], sign: int) -> NDArray[Any]:
    """Return the last number that scikit-learn holds to be the lowest (sign -1) or the highest quantile, or beyond.

    It asks whether x - 1e-7 < lowest in the dtype of x. The graph compares x itself, so that in a float32 graph, where
    the step vanishes beside x, the lowest value of the data still is the lowest.
    """
    ends = points[:, 0] if sign < 0 else points[:, -1]
    outward = dtype.type(sign * np.inf)

    def is_beyond(x: NDArray[Any]) -> NDArray[np.bool_]:
        moved = (x + dtype.type(sign * BOUNDS_THRESHOLD)).astype(np.float64)
        return np.asarray(moved < ends if sign < 0 else moved > ends)

    # The last such number is at most a few roundings from the end moved by the step.
    last: NDArray[Any] = (ends - sign * BOUNDS_THRESHOLD).astype(dtype)
    for _ in range(4):
        last = np.nextafter(last, -outward)
    while not is_beyond(last).all():
        last = np.where(is_beyond(last), last, np.nextafter(last, outward))
    return last


def _shares(b: Builder, x: ir.Value, points: NDArray[np.float64], shares: NDArray[np.float64]) -> ir.Value:
    """Return the mean of interpolating upwards and downwards: they differ where quantiles are equal.

    Between two quantiles both take the same slope from one end each. On a quantile, one gives the share of the last and
    the other that of the first of those that equal it.
    """
    columns, count = points.shape
    place, size = last_reached(b, x, points)
    steps = np.diff(points, axis=1)
    slopes = np.diff(shares) / np.where(steps > 0, steps, 1.0)
    firsts = np.array([np.searchsorted(row, row, side="left") for row in points])
    each = np.tile(shares, (columns, 1))

    def found(table: NDArray[np.float64]) -> ir.Value:
        padded = np.pad(table, ((0, 0), (0, size - table.shape[1])), mode="edge")
        return b.op("Gather", b.constant(padded.ravel()), place, axis=0)

    at = found(points)
    # 0.5 * (upwards - downwards) in NumPy's order, downwards being what np.interp gives for the negated tables.
    result = found(0.5 * (each + shares[firsts]))
    if count > 1:
        slope = found(slopes)
        upwards = b.add(b.mul(slope, b.sub(x, at)), found(each))
        downwards = b.sub(b.mul(slope, b.sub(found(points[:, 1:]), x)), found(each[:, 1:]))
        between = b.mul(b.sub(upwards, downwards), b.like(0.5, x))
        result = b.where(b.op("Equal", x, at), result, between)
    lowest, highest = b.constant(points[np.newaxis, :, 0]), b.constant(points[np.newaxis, :, -1])
    held = b.where(b.op("Less", x, lowest), b.constant(shares[0]), result)
    return b.where(b.op("Greater", x, highest), b.constant(shares[-1]), held)


def _normal(b: Builder, share: ir.Value) -> ir.Value:
    """Return the normal variable of each share, held where scikit-learn holds it."""
    lowest = BOUNDS_THRESHOLD - np.spacing(1)
    ends = float(stats.norm.ppf(lowest)), float(stats.norm.ppf(1 - lowest))
    wide = b.cast(share, np.float64)
    value = inverse_normal(b, b.clip(wide, lowest, 1 - lowest))
    # Not a clip of the value: in float32, the highest share below 1 - lowest gives less than the upper end.
    value = b.where(b.op("Greater", wide, b.constant(1 - lowest)), b.constant(ends[1]), value)
    value = b.where(b.op("Less", wide, b.constant(lowest)), b.constant(ends[0]), value)
    return b.cast(value, dtype_of(share))
