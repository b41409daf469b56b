"""KNNImputer: missing numbers from the rows that are nearest in the columns that both have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.impute import KNNImputer

from bridge.errors import UnsupportedError
from bridge.export.block import Part
from bridge.export.builder import dtype_of
from bridge.export.converters.imputation import mark_missing
from bridge.export.converters.metrics import metric_of
from bridge.export.converters.neighbour_search import inverse_weights, note_ties
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(KNNImputer)
def convert_knn_imputer(b: Builder, imputer: Any, x: Block) -> Mapping[str, Answer]:
    """Fill each column from those of its donors, the rows that have it, that are nearest."""
    if callable(imputer.weights) or callable(imputer.metric):
        raise UnsupportedError(
            "KNNImputer with weights or a metric that are functions cannot be exported: they are the user's code.\n"
            "Use weights='uniform' or 'distance', and metric='nan_euclidean'."
        )
    whole = x.floats()
    missing = mark_missing(b, imputer.missing_values, whole)
    value = b.cast(whole, np.result_type(x.float_dtype, imputer._fit_X.dtype))
    holes = b.where(missing, b.like(np.nan, value), value)
    fitted = np.where(imputer._mask_fit_X, np.nan, imputer._fit_X).astype(dtype_of(value))
    metric = metric_of(imputer.metric, None)
    distances = metric.root(b, metric.reduced(b, holes, fitted))
    kept = np.flatnonzero(imputer._valid_mask | imputer.keep_empty_features)
    columns = []
    for j in kept.tolist():
        column = b.take_columns(value, [j])
        if imputer._valid_mask[j]:
            filled = _from_donors(b, imputer, distances, fitted[:, j])
            columns.append(b.where(b.take_columns(missing, [j]), filled, column))
        else:
            columns.append(_zeros(b, column))
    parts = [Part(b.cast(b.concat(columns), x.float_dtype), len(kept))] if len(kept) else []
    if imputer.add_indicator:
        features = imputer.indicator_.features_
        parts.append(Part(b.cast(b.take_columns(missing, features), x.float_dtype), len(features)))
    return {"transform": replace(x, parts=tuple(p for p in parts if p.width))}


def _from_donors(b: Builder, imputer: Any, distances: ir.Value, known: NDArray[Any]) -> ir.Value:
    """Return (rows, 1), the mean of the nearest rows that have the column; of all where none shares a column."""
    donors = np.flatnonzero(~np.isnan(known))
    k = min(int(imputer.n_neighbors), len(donors))
    near, place = b.sorted_rows(b.take_columns(distances, donors), k)
    note_ties(place)
    values = b.op("Gather", b.constant(known[donors]), place, axis=0)
    nowhere = b.op("IsInf", near)
    ones = b.where(nowhere, b.like(0, near), b.like(1, near))
    weights = ones if imputer.weights == "uniform" else inverse_weights(b, near)
    total = b.sum(weights, keepdims=True)
    alone = b.op("Equal", b.sum(ones, keepdims=True), b.like(0, total))
    mean = b.div(b.sum(b.mul(values, weights), keepdims=True), b.where(alone, b.like(1, total), total))
    return b.where(alone, b.like(known[donors].mean(), mean), mean)


def _zeros(b: Builder, column: ir.Value) -> ir.Value:
    return b.where(b.op("Equal", column, column), b.like(0, column), b.like(0, column))
