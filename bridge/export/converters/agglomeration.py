"""FeatureAgglomeration: columns pooled cluster by cluster, by NumPy's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.cluster import FeatureAgglomeration

from bridge.errors import UnsupportedError
from bridge.export.builder import dtype_of
from bridge.export.registry import Answer, converts, find_converter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

    Pool = Callable[[Builder, ir.Value, NDArray[np.int64]], ir.Value]


@converts(FeatureAgglomeration)
def convert_feature_agglomeration(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    func = model.pooling_func
    if build := find_converter(func):
        return build(b, model, x)
    if func not in POOLS:
        raise UnsupportedError(
            f"the pooling function {getattr(func, '__qualname__', repr(func))} has no counterpart that bridge knows.\n"
            f"Use one of {', '.join(f'numpy.{f.__name__}' for f in POOLS)}, or register one with "
            "bridge.register_converter."
        )
    value = x.matrix()
    with np.errstate(all="ignore"):
        result = (
            np.dtype(np.float64) if func is np.mean else np.asarray(func(np.ones((1, 1), dtype_of(value)), 1)).dtype
        )
    pooled = POOLS[func](b, b.cast(value, result), np.unique(model.labels_, return_inverse=True)[1])
    return {"transform": x.of(pooled, int(model.labels_.max()) + 1)}


def _sum(b: Builder, x: ir.Value, labels: NDArray[np.int64]) -> ir.Value:
    """Return (rows, clusters) sums; whole numbers are added in float64, which a matrix product has kernels for."""
    members = np.eye(labels.max() + 1)[labels]
    floats = x if dtype_of(x).kind == "f" else b.cast(x, np.float64)
    return b.cast(b.matmul(floats, b.like(members, floats)), dtype_of(x))


def _mean(b: Builder, x: ir.Value, labels: NDArray[np.int64]) -> ir.Value:
    return b.div(_sum(b, x, labels), b.like(np.bincount(labels), x))


def _variance(b: Builder, x: ir.Value, labels: NDArray[np.int64]) -> ir.Value:
    centered = b.sub(x, b.take_columns(_mean(b, x, labels), labels))
    return _mean(b, b.mul(centered, centered), labels)


def _deviation(b: Builder, x: ir.Value, labels: NDArray[np.int64]) -> ir.Value:
    return b.op("Sqrt", _variance(b, x, labels))


def _extreme(op_type: str) -> Pool:
    def pool(b: Builder, x: ir.Value, labels: NDArray[np.int64]) -> ir.Value:
        """Compare the first members of all clusters with the second ones, and so on; a smaller cluster's repeat."""
        members = _members(labels)
        turns = (np.array([m[min(i, len(m) - 1)] for m in members]) for i in range(max(map(len, members))))
        taken = [b.take_columns(x, turn) for turn in turns]
        return taken[0] if len(taken) == 1 else b.op(op_type, *taken)

    return pool


def _median(b: Builder, x: ir.Value, labels: NDArray[np.int64]) -> ir.Value:
    medians = []
    for members in _members(labels):
        values = b.take_columns(x, members)
        if len(members) > 1:
            values, _ = b.sorted_rows(values, len(members))
        low, high = (b.take_columns(values, [place]) for place in ((len(members) - 1) // 2, len(members) // 2))
        medians.append(low if len(members) % 2 else b.div(b.add(low, high), b.like(2, x)))
    return b.concat(medians)


def _members(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]


POOLS: dict[Any, Pool] = {
    np.mean: _mean,
    np.median: _median,
    np.max: _extreme("Max"),
    np.min: _extreme("Min"),
    np.sum: _sum,
    np.std: _deviation,
    np.var: _variance,
}
"""NumPy's functions of an axis that bridge can compute."""
