"""One estimator for each target, side by side or in a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain

from bridge.export.block import Part
from bridge.export.converters.delegates import ask, column, numbers, response, side_by_side
from bridge.export.registry import Answer, Labels, convert, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(MultiOutputRegressor)
def convert_multi_output_regressor(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return {"predict": side_by_side(b, [column(b, ask(b, e, x, "predict")) for e in model.estimators_])}


@converts(MultiOutputClassifier)
def convert_multi_output_classifier(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    members = [convert(b, e, x) for e in model.estimators_]
    labels = [answers["predict"] for answers in members]
    result: dict[str, Answer] = {}
    if len(labels) == 1 and isinstance(labels[0], Labels):
        result["predict"] = Labels(column(b, labels[0].index), labels[0].classes)
    else:
        result["predict"] = [label for label in labels if isinstance(label, Labels)]
    if hasattr(model, "predict_proba"):
        pairs = zip(model.estimators_, members, strict=True)
        result["predict_proba"] = [numbers(b, e, "predict_proba", answers["predict_proba"]) for e, answers in pairs]
    return result


@converts(RegressorChain)
def convert_regressor_chain(b: Builder, chain: Any, x: Block) -> Mapping[str, Answer]:
    return {"predict": _ordered(b, chain, _walk(b, chain, x, "predict"), "predict")}


@converts(ClassifierChain)
def convert_classifier_chain(b: Builder, chain: Any, x: Block) -> Mapping[str, Answer]:
    links = _walk(b, chain, x, chain.chain_method_)
    methods = [m for m in ("predict", "predict_proba", "decision_function") if hasattr(chain, m)]
    return {method: _ordered(b, chain, links, method) for method in methods}


def _walk(b: Builder, chain: Any, x: Block, method: str) -> list[Mapping[str, Answer]]:
    """Return the answers of each estimator; each sees the columns and what those before it answered by `method`."""
    values = x.matrix()
    block = x.of(b.cast(values, np.float64), x.width)
    links = []
    for estimator in chain.estimators_:
        answers = convert(b, estimator, block)
        links.append(answers)
        previous = b.cast(_response(b, estimator, answers, method), np.float64)
        block = block.joined(Part(previous, 1))
    return links


def _ordered(b: Builder, chain: Any, links: list[Mapping[str, Answer]], method: str) -> ir.Value:
    """Return float64 (rows, targets), in the order of the targets."""
    pairs = zip(chain.estimators_, links, strict=True)
    responses = [b.cast(_response(b, e, answers, method), np.float64) for e, answers in pairs]
    return b.take_columns(b.concat(responses), np.argsort(chain.order_))


def _response(b: Builder, estimator: Any, answers: Mapping[str, Answer], method: str) -> ir.Value:
    """Return (rows, 1), of two probabilities the second."""
    if method in ("predict_proba", "predict_log_proba"):
        return b.take_columns(response(b, estimator, answers, method), [1])
    return column(b, numbers(b, estimator, method, answers[method]))
