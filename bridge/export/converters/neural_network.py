"""Multi-layer perceptrons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from bridge.export.converters.links import binary_columns, sigmoid, softmax
from bridge.export.registry import Answer, Labels, converts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder

_ACTIVATIONS: dict[str, Callable[[Builder, ir.Value], ir.Value]] = {
    "identity": lambda _b, x: x,
    "exp": lambda b, x: b.op("Exp", x),
    "tanh": lambda b, x: b.op("Tanh", x),
    "logistic": sigmoid,
    "relu": lambda b, x: b.op("Relu", x),
    "softmax": softmax,
}


def _forward(b: Builder, model: Any, x: Block) -> ir.Value:
    """Return the outputs of the last layer, (rows, outputs)."""
    value = x.matrix()
    for i, (coef, intercept) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        value = b.in_place("Add", b.project(value, coef), np.asarray(intercept).reshape(1, -1))
        is_last = i == len(model.coefs_) - 1
        value = _ACTIVATIONS[model.out_activation_ if is_last else model.activation](b, value)
    return value


@converts(MLPRegressor)
def convert_mlp_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    values = _forward(b, model, x)
    return {"predict": b.flatten_column(values) if model.n_outputs_ == 1 else values}


@converts(MLPClassifier)
def convert_mlp_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    scores = _forward(b, model, x)
    above = b.cast(b.op("Greater", scores, b.like(0.5, scores)), np.int64)
    if model._label_binarizer.y_type_.startswith("multilabel"):
        return {"predict": above, "predict_proba": scores}
    if model.n_outputs_ == 1:
        return {
            "predict": Labels(b.flatten_column(above), model.classes_),
            "predict_proba": binary_columns(b, scores),
        }
    return {"predict": Labels(b.argmax(scores), model.classes_), "predict_proba": scores}
