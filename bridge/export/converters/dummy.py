"""Estimators that do not look at the data: one answer, once for every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

from bridge.errors import UnsupportedError
from bridge.export.registry import Answer, Labels, converts
from bridge.method import PREDICT_STD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(DummyRegressor)
def convert_dummy_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    values = b.repeat_row(model.constant_.ravel(), x.parts[0].value)
    spread = b.repeat_row(np.zeros(model.n_outputs_), x.parts[0].value)
    if model.n_outputs_ == 1:
        return {"predict": b.flatten_column(values), PREDICT_STD: b.flatten_column(spread)}
    return {"predict": values, PREDICT_STD: spread}


@converts(DummyClassifier)
def convert_dummy_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    if model._strategy in ("stratified", "uniform"):
        raise UnsupportedError(
            f"DummyClassifier(strategy={model._strategy!r}) draws its answers at random, which a graph does not.\n"
            "Use strategy='prior', 'most_frequent' or 'constant'."
        )
    with np.errstate(divide="ignore"):
        row = model.predict_proba(np.zeros((1, getattr(model, "n_features_in_", 1))))
    rows = [row] if model.n_outputs_ == 1 else row
    classes = [model.classes_] if model.n_outputs_ == 1 else model.classes_
    likely = [b.repeat_row([p[0].argmax()], x.parts[0].value) for p in rows]
    labels = [Labels(b.flatten_column(index), c) for index, c in zip(likely, classes, strict=True)]
    probabilities = [b.repeat_row(p[0], x.parts[0].value) for p in rows]
    if model.n_outputs_ == 1:
        return {"predict": labels[0], "predict_proba": probabilities[0]}
    return {"predict": labels, "predict_proba": probabilities}
