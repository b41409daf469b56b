"""NearestCentroid: the class of the nearest of a few points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neighbors import NearestCentroid

from bridge.export.converters.distances import argmin, differences, squared_distances, squares_in_order
from bridge.export.converters.links import difference
from bridge.export.registry import Answer, Labels, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(NearestCentroid)
def convert_nearest_centroid(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    value = x.matrix(np.float64)
    spread = np.where(model.within_class_std_dev_ != 0, model.within_class_std_dev_, 1.0)
    scaled = b.combine("Div", value, spread.reshape(1, -1))
    centroids = model.centroids_ / spread
    distances = _distances(b, model.metric, scaled, centroids)
    if model.metric == "manhattan":
        distances = b.mul(distances, distances)
    else:
        roots = b.op("Sqrt", squares_in_order(b, scaled, centroids))
        distances = b.either(b.mul(roots, roots), distances)
    scores = b.sub(b.constant(2.0 * np.log(model.class_prior_).reshape(1, -1)), distances)
    is_uniform = np.isclose(model.class_prior_, 1 / len(model.classes_)).all()
    nearest = argmin(b, _distances(b, model.metric, value, model.centroids_)) if is_uniform else b.argmax(scores)
    answers: dict[str, Answer] = {"predict": Labels(nearest, model.classes_)}
    if hasattr(model, "decision_function"):
        log_proba = b.op("LogSoftmax", scores, axis=-1)
        answers["decision_function"] = difference(b, scores) if len(model.classes_) == 2 else scores
        answers["predict_log_proba"] = log_proba
        answers["predict_proba"] = b.op("Exp", log_proba)
    return answers


def _distances(b: Builder, metric: str, x: ir.Value, points: Any) -> ir.Value:
    """Return Manhattan distances, or the squares of Euclidean ones."""
    if metric == "euclidean":
        return squared_distances(b, x, points)
    return b.sum(b.op("Abs", differences(b, x, points)), axis=2)
