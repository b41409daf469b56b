"""What gradient boosting starts from: zero, a constant, or the answer of another estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn._loss.link import HalfLogitLink, MultinomialLogit
from sklearn.base import is_classifier
from sklearn.dummy import DummyClassifier, DummyRegressor

from bridge.export.converters.delegates import ask, column

if TYPE_CHECKING:
    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


def starting_scores(b: Builder, boosting: Any, x: Block) -> ir.Value:
    """Return float64 (rows or 1, k), as `sklearn.ensemble._gb._init_raw_predictions`; the estimator sees float32."""
    init = boosting.init_
    if isinstance(init, str) and init == "zero":
        return b.constant(np.zeros((1, boosting.estimators_.shape[1])))
    if isinstance(init, (DummyClassifier, DummyRegressor)):
        # What a dummy says does not depend on the row: ask the estimator once.
        return b.constant(boosting._raw_predict_init(np.zeros((1, boosting.n_features_in_), np.float32))[:1])
    rows = x.of(x.matrix(np.float32), x.width)
    if not is_classifier(boosting):
        return column(b, b.cast(ask(b, init, rows, "predict"), np.float64))
    loss = boosting._loss
    probabilities = b.cast(ask(b, init, rows, "predict_proba"), np.float64)
    if not loss.is_multiclass:
        probabilities = b.take_columns(probabilities, [1])
    eps = np.finfo(np.float64).eps
    return _link(b, loss.link, b.clip(probabilities, eps, 1 - eps), len(boosting.classes_))


def _link(b: Builder, link: Any, p: ir.Value, classes: int) -> ir.Value:
    """Return the raw scores whose probabilities are p, inside of 0 to 1."""
    if isinstance(link, MultinomialLogit):
        logs = b.op("Log", p)
        mean = b.div(b.sum(logs, keepdims=True), b.like(classes, logs))
        return b.sub(logs, mean)
    odds = b.op("Log", b.div(p, b.sub(b.like(1, p), p)))
    return b.mul(b.like(0.5, odds), odds) if isinstance(link, HalfLogitLink) else odds
