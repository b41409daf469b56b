"""Embeddings that place new rows by their neighbours: Isomap and LocallyLinearEmbedding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.manifold import Isomap, LocallyLinearEmbedding

from bridge.errors import UnsupportedError
from bridge.export.builder import Rounding, dtype_of, set_rounding
from bridge.export.converters.kernel_models import centered, scaled_vectors
from bridge.export.converters.neighbour_search import Search, search_of
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder

MOST_POINTS = 2000
"""With a radius every fitted row may be a neighbour: a step is unrolled for each, 3 nodes and a row of the table."""


@converts(Isomap)
def convert_isomap(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Take the shortest way to every fitted row over the neighbours, and project it as the kernel PCA does."""
    search = search_of(model.nbrs_, x)
    shortest = (
        _over_neighbours(b, model, search, x) if model.n_neighbors is not None else _in_radius(b, model, search, x)
    )
    kernel = b.cast(shortest, np.float32) if x.dtype == np.float32 else shortest
    kernel = b.mul(b.mul(kernel, kernel), b.like(-0.5, kernel))
    vectors = scaled_vectors(model.kernel_pca_)
    placed = b.project(centered(b, model.kernel_pca_._centerer, kernel), vectors)
    return {"transform": x.of(set_rounding(placed, _rounding(model, dtype_of(kernel))), vectors.shape[1])}


def _rounding(model: Any, dtype: np.dtype[Any]) -> Rounding:
    """Return what a rounding of every number adds up to in the place of a fitted row.

    Centering takes off means from the kernel, -d^2 / 2 for ways of length d: each number is rounded in proportion to
    what it is a difference of.
    """
    centerer = model.kernel_pca_._centerer
    kernel = 0.5 * np.square(np.asarray(model.dist_matrix_, np.float64))
    sizes = kernel + kernel.mean(axis=1, keepdims=True) + np.abs(centerer.K_fit_rows_) + abs(centerer.K_fit_all_)
    error = np.finfo(dtype).epsneg * (sizes @ np.abs(scaled_vectors(model.kernel_pca_))).max()
    return Rounding(float(error), float(np.abs(model.embedding_).max()))


def _over_neighbours(b: Builder, model: Any, search: Search, x: Block) -> ir.Value:
    distance, place = search.nearest(b, x, model.n_neighbors)
    if search.metric.name == "nan_euclidean":
        farthest = b.take_columns(distance, [model.n_neighbors - 1])
        reason = "an Isomap takes no row that shares no column with as many fitted rows as it has neighbours"
        b.refuse(b.op("IsNaN", farthest), reason)
    table = b.constant(np.asarray(model.dist_matrix_)[search.order], np.float64)
    shortest: ir.Value | None = None
    for i in range(model.n_neighbors):
        onward = b.op("Gather", table, b.flatten_column(b.take_columns(place, [i])), axis=0)
        way = b.add(onward, b.take_columns(distance, [i]))
        shortest = way if shortest is None else b.op("Min", shortest, way)
    if shortest is None:
        raise UnsupportedError("an Isomap of no neighbours places no row")
    return shortest


def _in_radius(b: Builder, model: Any, search: Search, x: Block) -> ir.Value:
    if len(search.order) > MOST_POINTS:
        raise UnsupportedError(
            f"Isomap with a radius looks through all pairs of its {len(search.order)} fitted rows for each new one.\n"
            f"Fit with n_neighbors, or with up to {MOST_POINTS} rows."
        )
    distance, inside = search.within(b, x, float(model.radius))
    count = b.sum(b.cast(inside, np.float64), keepdims=True)
    b.refuse(b.op("Equal", count, b.constant(0.0)), "an Isomap takes no row without fitted rows within its radius")
    near = b.where(inside, distance, b.like(np.inf, distance))
    table = np.asarray(model.dist_matrix_, np.float64)[search.order]
    shortest: ir.Value | None = None
    for i, onward in enumerate(table):
        way = b.add(b.take_columns(near, [i]), b.constant(onward[None]))
        shortest = way if shortest is None else b.op("Min", shortest, way)
    if shortest is None:
        raise UnsupportedError("an Isomap of no rows places no row")
    return shortest


@converts(LocallyLinearEmbedding)
def convert_locally_linear_embedding(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Write a row as a sum of its neighbours, with weights that add up to 1, and add up their places so."""
    k = int(model.n_neighbors)
    search = search_of(model.nbrs_, x, with_distances=False)
    _, place = search.nearest(b, x, k)
    points = model.nbrs_._fit_X[search.order]
    dtype = np.result_type(x.float_dtype, points.dtype)
    value = b.reshape(x.matrix(dtype), [-1, 1, x.width])
    apart = b.sub(b.op("Gather", b.constant(points, dtype), place, axis=0), value)
    gram = b.matmul(apart, b.op("Transpose", apart, perm=[0, 2, 1]))
    trace = b.reshape(b.sum(b.sum(b.mul(apart, apart), axis=2), keepdims=True), [-1, 1, 1])
    reg = b.like(model.reg, trace)
    ridge = b.where(b.op("Greater", trace, b.like(0, trace)), b.mul(reg, trace), reg)
    weights = _solve_ones(b, b.add(gram, b.mul(b.like(np.eye(k)[None], gram), ridge)), k)
    shares = b.cast(b.cast(b.div(weights, b.sum(weights, keepdims=True)), x.float_dtype), np.float64)
    places = b.op("Gather", b.constant(model.embedding_[search.order], np.float64), place, axis=0)
    embedded = b.sum(b.mul(places, b.reshape(shares, [-1, k, 1])))
    return {"transform": x.of(embedded, model.embedding_.shape[1])}


def _solve_ones(b: Builder, matrix: ir.Value, k: int) -> ir.Value:
    """Return (rows, k), the solution of `matrix @ w = 1` for symmetric positive matrices (rows, k, k).

    By Gauss's elimination without pivots, which such matrices do not need (Golub and Van Loan 2013, section 4.2), on
    the matrix with the ones as a last column; what is left of the first columns is not used again.
    """
    first = b.op("Slice", matrix, *[b.constant([v], np.int64) for v in (0, 1, 2)])
    ones = b.where(b.op("Equal", first, first), b.like(1, first), b.like(1, first))
    table = b.concat([matrix, ones], axis=2)
    for step in range(k):
        row = b.op("Gather", table, b.constant([step], np.int64), axis=1)
        pivot = b.op("Gather", row, b.constant([step], np.int64), axis=2)
        scaled = b.div(row, pivot)
        column = b.op("Gather", table, b.constant([step], np.int64), axis=2)
        others = b.mul(column, b.constant((np.arange(k) != step).reshape(1, -1, 1), dtype_of(column)))
        here = b.constant((np.arange(k) == step).reshape(1, -1, 1), dtype_of(column))
        kept = b.mul(table, b.constant((np.arange(k) != step).reshape(1, -1, 1), dtype_of(column)))
        table = b.sub(b.add(kept, b.mul(here, scaled)), b.mul(others, scaled))
    return b.reshape(b.op("Gather", table, b.constant([k], np.int64), axis=2), [-1, k])
