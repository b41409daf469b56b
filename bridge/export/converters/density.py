"""Models of how densely rows lie: KernelDensity and LocalOutlierFactor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.neighbors._ball_tree import kernel_norm

from bridge.errors import UnsupportedError
from bridge.export.converters.metrics import metric_of
from bridge.export.converters.neighbour_search import search_of
from bridge.export.converters.neighbour_ties import Tree
from bridge.export.converters.tree_pruning import WITHOUT_TRIANGLES, distances_met_by_density, distances_to_centers
from bridge.export.registry import Answer, Neighbours, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder

ENDLESS = frozenset({"gaussian", "exponential"})
"""Kernels that are above 0 at any distance; the others end at the bandwidth."""


@converts(KernelDensity)
def convert_kernel_density(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Return log(sum(weight * kernel(distance))) + the logarithm of what makes it a density."""
    if model.atol or model.rtol:
        # The tree then stops where its bounds are near enough, at a number of its own.
        raise UnsupportedError(
            f"KernelDensity with atol={model.atol!r} and rtol={model.rtol!r} answers with an approximation that hangs "
            "on its tree.\nFit with atol=0 and rtol=0, the default."
        )
    metric = metric_of(model.metric, model.metric_params)
    given, order, _, _ = model.tree_.get_arrays()
    points = np.asarray(given)[order]
    distances = metric.root(b, metric.reduced(b, x.matrix(np.float64), points))
    undefined = metric.undefined(b, x.matrix(np.float64), points, has_tree=True)
    if undefined is not None:
        b.refuse(undefined, f"by {metric.name} a row of zeros is 0 / 0 away from fitted rows of zeros")
    width = float(model.bandwidth_)
    tree = Tree.of(model.tree_)
    if tree.is_ball and metric.name in WITHOUT_TRIANGLES and model.kernel not in ENDLESS:
        centers = distances_to_centers(b, x.matrix(np.float64), tree, metric)
        distances = distances_met_by_density(b, distances, centers, tree, width, model.kernel)
    logs = _log_kernel(b, distances, width, model.kernel)
    weights = model.tree_.sample_weight
    if weights is not None:
        with np.errstate(divide="ignore"):
            logs = b.add(logs, b.constant(np.log(np.asarray(weights)[order])[None]))
    total = float(model.tree_.sum_weight) if weights is not None else len(points)
    norm = kernel_norm(model.bandwidth_, points.shape[1], model.kernel, return_log=True) - np.log(total)
    return {"score_samples": b.combine("Add", b.flatten_column(_log_sum(b, logs)), np.asarray(norm))}


def _log_kernel(b: Builder, distance: ir.Value, width: float, kernel: str) -> ir.Value:
    if kernel == "gaussian":
        return b.div(b.mul(b.mul(b.like(-0.5, distance), distance), distance), b.like(width * width, distance))
    share = b.div(distance, b.like(width, distance))
    if kernel == "exponential":
        return b.op("Neg", share)
    inside = b.op("Less", distance, b.like(width, distance))
    near = b.where(inside, share, b.like(0, share))
    one = b.like(1, near)
    values = {
        "tophat": lambda: b.where(inside, one, one),
        "epanechnikov": lambda: b.sub(one, b.div(b.mul(distance, distance), b.like(width * width, distance))),
        "linear": lambda: b.sub(one, near),
        "cosine": lambda: b.op("Cos", b.mul(b.like(0.5 * np.pi, near), near)),
    }[kernel]()
    return b.where(inside, b.op("Log", b.where(inside, values, one)), b.like(-np.inf, distance))


def _log_sum(b: Builder, logs: ir.Value) -> ir.Value:
    """Return log(sum(exp)) of each row, (rows, 1); -inf for a row without anything but -inf."""
    largest = b.row_max(logs)
    empty = b.op("IsInf", largest)
    shift = b.where(empty, b.like(0, largest), largest)
    return b.add(shift, b.op("Log", b.sum(b.op("Exp", b.sub(logs, shift)), keepdims=True)))


@converts(LocalOutlierFactor)
def convert_local_outlier_factor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Compare the density around a row with the densities around its neighbours."""
    if not model.novelty:
        raise UnsupportedError(
            "a LocalOutlierFactor says something of new rows only where it is fitted with novelty=True"
        )
    k = int(model.n_neighbors_)
    search = search_of(model, x)
    distance, place = search.nearest(b, x, k)
    if x.dtype == np.float32:
        distance = b.cast(distance, np.float32)
    reach_of = model._distances_fit_X_[search.order, k - 1]
    reach = b.op("Gather", b.constant(reach_of), place, axis=0)
    wide = np.result_type(np.float32 if x.dtype == np.float32 else np.float64, reach_of.dtype)
    reach = b.op("Max", b.cast(distance, wide), b.cast(reach, wide))
    mean = b.div(b.sum(reach, keepdims=True), b.like(k, reach))
    density = b.div(b.like(1, mean), b.add(mean, b.like(1e-10, mean)))
    others = b.op("Gather", b.constant(model._lrd[search.order]), place, axis=0)
    common = np.result_type(wide, model._lrd.dtype)
    ratios = b.div(b.cast(others, common), b.cast(density, common))
    scores = b.flatten_column(b.op("Neg", b.div(b.sum(ratios, keepdims=True), b.like(k, ratios))))
    decision = b.combine("Sub", scores, np.asarray(model.offset_))
    outside = b.op("Less", decision, b.like(0, decision))
    return {
        "predict": b.where(outside, b.constant(-1, np.int64), b.constant(1, np.int64)),
        "decision_function": decision,
        "score_samples": scores,
        "kneighbors": Neighbours(distance, search.given(b, place), rounding=search.rounding),
    }
