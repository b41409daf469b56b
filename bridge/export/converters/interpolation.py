"""Piecewise linear functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.export.builder import dtype_of

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder


def interpolate(b: Builder, x: ir.Value, points: NDArray[Any], values: NDArray[Any]) -> ir.Value:
    """Return `numpy.interp(x, points, values)` for x of shape (rows, 1): outside, the value of the nearest end."""
    steps = np.diff(points)
    slopes = np.append(np.diff(values) / np.where(steps > 0, steps, 1.0), 0.0)
    held = b.clip(x, points[0], points[-1])
    reached = b.op("GreaterOrEqual", held, b.like(points[1:].reshape(1, -1), x))
    place = b.sum(b.cast(reached, np.int32), keepdims=True)
    base, value, slope = (
        b.op("Gather", b.constant(np.asarray(table, dtype_of(x))), place, axis=0) for table in (points, values, slopes)
    )
    return b.add(b.mul(slope, b.sub(held, base)), value)


def last_reached(b: Builder, x: ir.Value, points: NDArray[np.float64]) -> tuple[ir.Value, int]:
    """Find, for each column of x, the last of its points that is not above the value; the first where all are.

    `points` is (columns, n), rising. Halves the range instead of comparing with every point: 10 steps for 1000 points.
    Returns int64 (rows, columns) places in tables of (columns, size) laid out flat, and that size.
    """
    columns, count = points.shape
    size = 1 << (count - 1).bit_length()
    # No value reaches NaN, so it fills up the rows.
    table = b.constant(np.pad(points, ((0, 0), (0, size - count)), constant_values=np.nan).ravel())
    place = b.constant(size * np.arange(columns, dtype=np.int64)[np.newaxis])
    step = size // 2
    while step:
        further = b.add(place, b.constant(step, np.int64))
        is_reached = b.op("LessOrEqual", b.op("Gather", table, further, axis=0), x)
        place = b.where(is_reached, further, place)
        step //= 2
    return place, size
