"""Models that ask the k nearest rows: NearestNeighbors, KNeighborsClassifier, Regressor and Transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, KNeighborsTransformer, NearestNeighbors

from bridge.errors import UnsupportedError
from bridge.export.converters.neighbour_search import inverse_weights, search_of
from bridge.export.registry import Answer, Labels, Neighbours, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(KNeighborsClassifier)
def convert_k_neighbors_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Add up votes, by class; the first of the classes with most wins."""
    weighted = is_weighted(model)
    search = search_of(model, x, with_distances=weighted)
    distance, place = search.nearest(b, x, model.n_neighbors)
    weights = inverse_weights(b, distance) if weighted else None
    is_list = bool(model.outputs_2d_)
    all_classes = model.classes_ if is_list else [model.classes_]
    targets = model._y.reshape(len(model._y), -1)[search.order]
    labels, probabilities = [], []
    for classes, target in zip(all_classes, targets.T, strict=True):
        label = b.op("Gather", b.constant(target, np.int64), place, axis=0)
        votes = _votes(b, label, weights, len(classes), model.n_neighbors)
        labels.append(Labels(b.argmax(votes), classes))
        probabilities.append(b.div(votes, b.sum(votes, keepdims=True)))
    return {
        "predict": labels if is_list else labels[0],
        "predict_proba": probabilities if is_list else probabilities[0],
        "kneighbors": Neighbours(distance, search.given(b, place), rounding=search.rounding),
    }


@converts(KNeighborsRegressor)
def convert_k_neighbors_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    weighted = is_weighted(model)
    search = search_of(model, x, with_distances=weighted)
    distance, place = search.nearest(b, x, model.n_neighbors)
    values = neighbour_values(b, model._y[search.order], place, model.n_neighbors)
    if weighted:
        weights = b.reshape(inverse_weights(b, distance), [-1, model.n_neighbors, 1])
        total = b.sum(b.mul(b.cast(values, np.float64), weights))
        mean = b.div(total, b.sum(weights))
    else:
        mean = b.div(b.sum(values), b.like(model.n_neighbors, values))
    return {
        "predict": b.flatten_column(mean) if model._y.ndim == 1 else mean,
        "kneighbors": Neighbours(distance, search.given(b, place), rounding=search.rounding),
    }


@converts(NearestNeighbors)
def convert_nearest_neighbors(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    search = search_of(model, x)
    answers: dict[str, Answer] = {}
    if model.n_neighbors is not None:
        distance, place = search.nearest(b, x, model.n_neighbors)
        answers["kneighbors"] = Neighbours(distance, search.given(b, place), rounding=search.rounding)
    if model.radius is not None:
        distance, inside = search.within(b, x, float(model.radius))
        answers["radius_neighbors"] = search.neighbours(b, distance, inside)
    return answers


@converts(KNeighborsTransformer)
def convert_k_neighbors_transformer(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Return a matrix with the distances, or ones, of the nearest; one more than asked for beside distances.

    scikit-learn's is sparse, and holds a distance of 0 as a stored number; here it is like all that is not stored.
    """
    is_distance = model.mode == "distance"
    k = model.n_neighbors + is_distance
    search = search_of(model, x)
    distance, place = search.nearest(b, x, k)
    index = search.given(b, place)
    width = len(search.order)
    first = b.take_columns(distance, [0])
    nothing = b.where(b.op("Equal", first, first), b.constant(np.zeros((1, width))), b.constant(np.zeros((1, width))))
    values = distance if is_distance else b.where(b.op("Equal", distance, distance), b.like(1, distance), distance)
    matrix = b.op("ScatterElements", nothing, index, values, axis=1)
    answers: dict[str, Answer] = {"transform": search.as_matrix(x, matrix, holds_distances=is_distance)}
    plain = distance, index
    if is_distance:
        columns = range(model.n_neighbors)
        plain = b.take_columns(distance, columns), b.take_columns(index, columns)
    answers["kneighbors"] = Neighbours(*plain, rounding=search.rounding)
    return answers


def is_weighted(model: Any) -> bool:
    """Return whether neighbours count by 1 / distance."""
    if callable(model.weights):
        raise UnsupportedError(
            f"{type(model).__name__} with weights that are a function cannot be exported: it is the user's code.\n"
            "Use weights='uniform' or weights='distance'."
        )
    return bool(model.weights == "distance")


def neighbour_values(b: Builder, target: NDArray[Any], place: ir.Value, k: int) -> ir.Value:
    """Return (rows, k, outputs), the targets of the neighbours in the dtype in which NumPy takes their mean."""
    columns = target.reshape(len(target), -1)
    dtype = columns.dtype if columns.dtype == np.float32 else np.float64
    return b.reshape(b.op("Gather", b.constant(columns, dtype), place, axis=0), [-1, k, columns.shape[1]])


def _votes(b: Builder, target: ir.Value, weights: ir.Value | None, classes: int, k: int) -> ir.Value:
    """Return (rows, classes), how many neighbours, or how much weight of them, each class has."""
    is_class = b.op("Equal", b.reshape(target, [-1, k, 1]), b.constant(np.arange(classes).reshape(1, 1, -1)))
    ballots = b.cast(is_class, np.float64)
    return b.sum(ballots if weights is None else b.mul(ballots, b.reshape(weights, [-1, k, 1])))
