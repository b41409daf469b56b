"""Models that ask all rows within a radius: RadiusNeighborsClassifier, Regressor and Transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics._pairwise_distances_reduction import RadiusNeighborsClassMode
from sklearn.neighbors import RadiusNeighborsClassifier, RadiusNeighborsRegressor, RadiusNeighborsTransformer
from sklearn.neighbors._classification import _adjusted_metric

from bridge.export.converters.neighbour_search import search_of
from bridge.export.converters.neighbours import is_weighted
from bridge.export.registry import Answer, Labels, Neighbours, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

WITHOUT_NEIGHBOURS = (
    "a RadiusNeighborsClassifier without an outlier_label takes no row without fitted rows within its radius"
)


@converts(RadiusNeighborsRegressor)
def convert_radius_neighbors_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Return the (weighted) mean of the targets within the radius; NaN where there is none."""
    weights, order, found = neighbour_weights(b, model, x)
    target = model._y[order].reshape(len(order), -1)
    means = b.div(b.project(weights, target.astype(np.float64)), b.sum(weights, keepdims=True))
    empty = b.op("Equal", b.sum(weights, keepdims=True), b.like(0, weights))
    means = b.where(empty, b.like(_missing(target), weights), means)
    dtype = target.dtype if target.dtype == np.float32 and model.weights != "distance" else np.float64
    values = b.cast(means, dtype)
    return {"predict": b.flatten_column(values) if model._y.ndim == 1 else values, "radius_neighbors": found}


def _missing(target: NDArray[Any]) -> float:
    """Return what scikit-learn puts for no neighbours: NaN, which integers hold as their lowest number."""
    with np.errstate(invalid="ignore"):
        return float(np.full_like(target[0], np.nan)[0])


@converts(RadiusNeighborsClassifier)
def convert_radius_neighbors_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Add up votes; a row without neighbours gets the label for outliers, which need not be a class."""
    weights, order, found = neighbour_weights(b, model, x)
    is_list = bool(model.outputs_2d_)
    all_classes = model.classes_ if is_list else [model.classes_]
    targets = model._y.reshape(len(model._y), -1)[order]
    labels, probabilities = [], []
    for k, (classes, target) in enumerate(zip(all_classes, targets.T, strict=True)):
        votes = b.project(weights, np.eye(len(classes))[target])
        total = b.sum(votes, keepdims=True)
        empty = b.op("Equal", total, b.like(0, total))
        share = b.div(votes, b.where(empty, b.like(1, total), total))
        outlier, shares, known = _outlier(model, x, k, classes)
        probabilities.append(b.where(empty, b.constant(shares[None]), share))
        index = b.argmax(votes)
        if outlier is None:
            b.refuse(empty, WITHOUT_NEIGHBOURS, besides=frozenset({"radius_neighbors"}))
        else:
            index = b.where(b.flatten_column(empty), b.constant(outlier, np.int64), index)
        labels.append(Labels(index, known))
    return {
        "predict": labels if is_list else labels[0],
        "predict_proba": probabilities if is_list else probabilities[0],
        "radius_neighbors": found,
    }


@converts(RadiusNeighborsTransformer)
def convert_radius_neighbors_transformer(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Return a matrix with the distances, or ones, of the rows within the radius, in the order given to `fit`."""
    is_distance = model.mode == "distance"
    search = search_of(model, x)
    distance, inside = search.within(b, x, float(model.radius))
    values = b.where(inside, distance, b.like(0, distance)) if is_distance else b.cast(inside, np.float64)
    matrix = b.take_columns(values, np.argsort(search.order))
    return {
        "transform": search.as_matrix(x, matrix, holds_distances=is_distance),
        "radius_neighbors": search.neighbours(b, distance, inside),
    }


def _outlier(
    model: Any, x: Block, output: int, classes: NDArray[Any]
) -> tuple[int | None, NDArray[np.float64], NDArray[Any]]:
    """Return the position of the label for outliers, their probabilities, and the labels with that one among them.

    Without such a label, None: scikit-learn then raises.
    """
    if model.outlier_label_ is None:
        return None, np.full(len(classes), np.nan), classes
    label = model.outlier_label_[output]
    shares = (classes == label).astype(np.float64)
    if _counts_classes(model, x):  # which takes the label for the position of a class
        shares = np.array([i == model.outlier_label for i in range(len(classes))], np.float64)
    if shares.any():
        return int(shares.argmax()), shares, classes
    known = classes if (classes == label).any() else np.append(classes, label)
    return int(np.flatnonzero(known == label)[0]), shares, known


def _counts_classes(model: Any, x: Block) -> bool:
    """Return whether scikit-learn takes its one-pass way of counting."""
    metric, _ = _adjusted_metric(metric=model.metric, metric_kwargs=dict(model.metric_params or {}), p=model.p)
    if model.weights != "uniform" or model._fit_method != "brute" or model.outputs_2d_:
        return False
    data = np.empty((1, x.width), x.dtype)
    return bool(RadiusNeighborsClassMode.is_usable_for(data, model._fit_X, metric))


def neighbour_weights(b: Builder, model: Any, x: Block) -> tuple[ir.Value, NDArray[np.int64], Neighbours]:
    """Return (rows, points): the weight of each point, 0 beyond the radius; the order of the points; and the search."""
    weighted = is_weighted(model)
    search = search_of(model, x)
    distance, inside = search.within(b, x, float(model.radius))
    found = search.neighbours(b, distance, inside)
    if not weighted:
        return b.cast(inside, np.float64), search.order, found
    nothing = b.like(0, distance)
    inverse = b.where(inside, b.div(b.like(1, distance), distance), nothing)
    at_zero = b.cast(b.op("And", inside, b.op("Equal", distance, nothing)), np.float64)
    has_zero = b.op("Greater", b.sum(at_zero, keepdims=True), nothing)
    return b.where(has_zero, at_zero, inverse), search.order, found
