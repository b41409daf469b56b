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
