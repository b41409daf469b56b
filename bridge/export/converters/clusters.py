"""Clusterers that predict: the nearest of a few points, or a way down a tree of such choices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.cluster import AffinityPropagation, Birch, BisectingKMeans, KMeans, MeanShift, MiniBatchKMeans

from bridge.export.builder import dtype_of
from bridge.export.converters.distances import argmin
from bridge.export.dense import to_dense
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(KMeans, MiniBatchKMeans)
def convert_k_means(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    apart, scores = _scores(b, x, model.cluster_centers_)
    return {"predict": argmin(b, scores), "transform": _distances(b, x, apart, scores, model.cluster_centers_)}


@converts(BisectingKMeans)
def convert_bisecting_k_means(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Choose at every fork of the tree, and take the leaf all of whose choices were met."""
    apart, scores = _scores(b, x, model.cluster_centers_)
    distances = _distances(b, x, apart, scores, model.cluster_centers_)
    forks, paths = _forks_and_paths(model)
    if not forks:
        return {"predict": b.flatten_column(b.repeat_row([0], x.matrix())), "transform": distances}
    _, sides = _scores(b, x, np.concatenate([np.array(side) for side in zip(*forks, strict=True)]))
    count = len(forks)
    left, right = (b.take_columns(sides, np.arange(count) + start) for start in (0, count))
    turns = b.cast(b.op("Less", right, left), np.float64)
    # +1 for a turn to the right and -1 for one to the left: only its own leaf reaches the number of right turns.
    met = b.sub(b.project(turns, paths.T), b.constant((paths > 0).sum(axis=1, dtype=np.float64).reshape(1, -1)))
    return {"predict": b.argmax(met), "transform": distances}


@converts(AffinityPropagation, MeanShift)
def convert_nearest_center(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    centers = to_dense(model.cluster_centers_)
    if not len(centers):  # AffinityPropagation that did not converge
        return {"predict": b.flatten_column(b.repeat_row([-1], x.matrix()))}
    return {"predict": argmin(b, _scores(b, x, centers)[1])}


@converts(Birch)
def convert_birch(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    centers = model.subcluster_centers_
    apart, scores = _scores(b, x, centers)
    labels = b.op("Gather", b.constant(model.subcluster_labels_, np.int64), argmin(b, scores), axis=0)
    return {"predict": labels, "transform": _distances(b, x, apart, scores, centers)}


def _scores(b: Builder, x: Block, points: NDArray[np.floating]) -> tuple[ir.Value, ir.Value]:
    """Return x from a common origin, and |p|^2 - 2 x.p for every point: the squared distance but for |x|^2.

    This is what scikit-learn compares, so that the first of two points at the same distance is the nearest here too.
    The origin near the points saves digits in float32. It is a multiple of a power of two of the points' spread, so
    that to move by it rounds nothing in data of few digits, where ties are exact. float32 is compared in float64.
    """
    origin = _origin(points)
    apart = b.combine("Sub", x.matrix(np.float64), origin.reshape(1, -1))
    moved = points.astype(np.float64) - origin
    # The factor -2 goes into the constant: a power of two rounds nothing.
    return apart, b.combine("Add", b.project(apart, -2 * moved.T), (moved**2).sum(axis=1).reshape(1, -1))


def _origin(points: NDArray[np.floating]) -> NDArray[np.float64]:
    mean = points.mean(axis=0, dtype=np.float64)
    spread = np.ptp(points, axis=0).astype(np.float64)
    step = np.exp2(np.floor(np.log2(np.where(spread > 0, spread, 1.0))))
    return np.asarray(np.round(mean / step) * step)


def _distances(b: Builder, x: Block, apart: ir.Value, scores: ir.Value, points: NDArray[np.floating]) -> Block:
    """Return the distances; scikit-learn squares in float64 and takes the root in the dtype of the data."""
    squares = b.add(scores, b.sum(b.mul(apart, apart), keepdims=True))
    squares = b.op("Max", squares, b.like(0, squares))
    dtype = np.result_type(dtype_of(x.floats()), points.dtype)
    return replace(x.of(b.op("Sqrt", b.cast(squares, dtype)), len(points)), roots=True)


def _forks_and_paths(model: Any) -> tuple[list[tuple[Any, Any]], NDArray[np.float64]]:
    """Return the two centers of every fork, and for each label the turns of its path: +1 right, -1 left, else 0."""
    shift = getattr(model, "_X_mean", 0.0)
    forks: list[tuple[Any, Any]] = []
    paths: dict[int, list[tuple[int, int]]] = {}
    waiting: list[tuple[Any, list[tuple[int, int]]]] = [(model._bisecting_tree, [])]
    while waiting:
        node, path = waiting.pop()
        if node.left is None:
            paths[node.label] = path
            continue
        fork = len(forks)
        forks.append((node.left.center + shift, node.right.center + shift))
        waiting += [(node.left, [*path, (fork, -1)]), (node.right, [*path, (fork, 1)])]
    turns = np.zeros((len(paths), len(forks)))
    for label, path in paths.items():
        for fork, turn in path:
            turns[label, fork] = turn
    return forks, turns
