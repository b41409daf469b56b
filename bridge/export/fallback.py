"""Estimators without a converter of ours: skl2onnx converts the one step, and its nodes join our graph."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

from bridge.errors import UnsupportedError
from bridge.export.registry import Answer, Labels
from bridge.opset import MAIN_DOMAIN, MAIN_OPSET, ML_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from bridge.export.block import Block
    from bridge.export.builder import Builder

SKL2ONNX_ML_OPSET = 3
"""The version of ai.onnx.ml that skl2onnx 1.20 writes."""


def skl2onnx_knows(cls: type) -> bool:
    """Return whether skl2onnx has a converter for this class."""
    from skl2onnx._supported_operators import sklearn_operator_name_map

    return cls in sklearn_operator_name_map


def convert_with_skl2onnx(b: Builder, estimator: Any, x: Block) -> Mapping[str, Answer]:
    """Return the answers that skl2onnx's graph gives; `export` compares them with the estimator like any others."""
    outputs = _inline(b, _convert(estimator, x), x)
    if is_classifier(estimator):
        label, scores = outputs[:2]
        answers: dict[str, Answer] = {"predict": Labels(b.flatten_column(label), estimator.classes_)}
        if hasattr(estimator, "predict_proba"):
            answers["predict_proba"] = scores
        if hasattr(estimator, "decision_function"):
            answers["decision_function"] = _raw_scores(b, estimator, x)
        return answers
    if is_regressor(estimator):
        width = outputs[0].shape[1] if outputs[0].shape is not None and len(outputs[0].shape) == 2 else None
        return {"predict": b.flatten_column(outputs[0]) if width == 1 else outputs[0]}
    if is_outlier_detector(estimator):
        return {"predict": b.flatten_column(outputs[0]), "decision_function": b.flatten_column(outputs[1])}
    if is_clusterer(estimator) or hasattr(estimator, "predict"):
        second = "transform" if hasattr(estimator, "transform") else "predict_proba"
        answers = {"predict": b.flatten_column(outputs[0])}
        if len(outputs) > 1:
            answers[second] = outputs[1]
        return answers
    return {"transform": x.of(outputs[0], _transformed_width(estimator, outputs[0], x))}


def _convert(estimator: Any, x: Block, **options: Any) -> onnx.ModelProto:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    tensor_type = FloatTensorType if x.float_dtype == np.float32 else DoubleTensorType
    if is_classifier(estimator):
        estimator = _with_positions_as_labels(estimator)
        options = {"zipmap": False, **options}
    try:
        model: onnx.ModelProto = convert_sklearn(
            estimator,
            initial_types=[("X", tensor_type([None, x.width]))],
            target_opset={MAIN_DOMAIN: MAIN_OPSET, ML_DOMAIN: SKL2ONNX_ML_OPSET},
            options={id(estimator): options} if options else None,
        )
    except Exception as error:  # skl2onnx raises what its converters happen to raise
        cls = type(estimator)
        raise UnsupportedError(
            f"skl2onnx cannot convert {cls.__name__} as it is configured: {error}\n"
            f"Register a converter with bridge.register_converter({cls.__name__}, build)."
        ) from error
    return model


def _with_positions_as_labels(estimator: Any) -> Any:
    """Return a copy whose classes are 0, 1, 2, ..., so that the graph gives positions whatever the labels are."""
    copied = copy.copy(estimator)
    try:
        copied.classes_ = np.arange(len(estimator.classes_))
    except AttributeError as error:  # classes_ is a property of some meta-estimators
        if np.array_equal(estimator.classes_, np.arange(len(estimator.classes_))):
            return estimator
        raise UnsupportedError(
            f"{type(estimator).__name__} with labels other than 0, 1, 2, ... has no converter yet"
        ) from error
    return copied


def _raw_scores(b: Builder, estimator: Any, x: Block) -> ir.Value:
    scores = _inline(b, _convert(estimator, x, raw_scores=True), x)[1]
    if len(estimator.classes_) > 2:
        return scores
    # skl2onnx gives [-score, score], or one column, where scikit-learn gives the score of the second class.
    return b.flatten_column(b.take_columns(scores, [-1]))


def _inline(b: Builder, proto: onnx.ModelProto, x: Block) -> list[ir.Value]:
    """Move the nodes of a graph into the builder, fed with `x`; return its outputs in order."""
    model = ir.from_proto(_with_imports_once(proto))
    common.InlinePass()(model)
    common.ShapeInferencePass()(model)
    graph = model.graph
    (source,) = graph.inputs
    ir.convenience.replace_all_uses_with(source, x.floats())
    prefix = f"skl2onnx_{len(b.nodes)}_"
    initializers = list(graph.initializers.values())
    outputs = list(graph.outputs)
    graph.outputs.clear()
    nodes = list(graph)
    graph.remove(nodes)
    graph.initializers.clear()
    for node in nodes:
        node.name = None
        for value in node.outputs:
            value.name = prefix + str(value.name)
    for value in initializers:
        value.name = prefix + str(value.name)
    b.append(nodes, initializers)
    return outputs


def _with_imports_once(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the second import of a domain, which two in five of skl2onnx's graphs have; the higher version stays."""
    versions: dict[str, int] = {}
    for entry in proto.opset_import:
        versions[entry.domain] = max(entry.version, versions.get(entry.domain, 0))
    del proto.opset_import[:]
    for domain, number in versions.items():
        proto.opset_import.add(domain=domain, version=number)
    return proto


def _transformed_width(estimator: Any, output: ir.Value, x: Block) -> int:
    if output.shape is not None and len(output.shape) == 2 and isinstance(output.shape[1], int):
        return output.shape[1]
    try:
        return len(estimator.get_feature_names_out([f"x{i}" for i in range(x.width)]))
    except (AttributeError, ValueError) as error:
        raise UnsupportedError(f"the number of columns that {type(estimator).__name__} makes is not known") from error
