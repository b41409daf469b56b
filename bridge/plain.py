"""Describe a model that bridge did not export: its inputs and outputs, by scikit-learn's names where they are known."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from bridge.artifact import Metadata
from bridge.data.schema import Column, Schema
from bridge.errors import ArtifactError
from bridge.method import METHODS, Classes, Method

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXT_INPUTS_KEY = "bridge.text_inputs"
"""Left by the lowering: for inputs that became codes, the text of each code."""
LABELS_KEY = "bridge.labels"
"""Left by the lowering: for outputs that became positions, the labels that they point into."""
COLUMNS_KEY = "bridge.columns"
"""Left by the lowering: for outputs that were lists of maps, the class of each column."""
COPIES_KEY = "bridge.text_copies"
"""Left by the lowering: for outputs that it took out, the text input that each repeated."""

KNOWN_OUTPUTS = {
    "label": "predict",
    "output_label": "predict",
    "variable": "predict",
    "predictions": "predict",
    "PredictedLabel.output": "predict",
    "probabilities": "predict_proba",
    "probability_tensor": "predict_proba",
    "output_probability": "predict_proba",
    **{name: name for name in METHODS},
}
"""The outputs of skl2onnx, onnxmltools, CatBoost and ML.NET, and the scikit-learn methods that they answer."""


def describe_plain(model: onnx.ModelProto, *, target: str = "unknown", precision: str = "as found") -> Metadata:
    """Return metadata for a model without any, from its inputs, its outputs and what the lowering left."""
    names = {i.name for i in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in names]
    vocabularies = _json_property(model, TEXT_INPUTS_KEY)
    labels = _json_property(model, LABELS_KEY)
    columns: list[Column] = []
    for value in inputs:
        start = sum(c.width for c in columns)
        columns.append(_column(value, start, vocabularies.get(value.name)))
    if len(columns) > 1:  # an input that does not say its width is one column among others
        columns = [replace(c, width=max(c.width, 1)) for c in columns]
    width = sum(c.width for c in columns)
    named = len(columns) > 1 and len(columns) == width
    methods = [m for o in model.graph.output if (m := _method(o, labels.get(o.name))) is not None]
    return Metadata(
        estimator=_origin(model),
        target=target,
        precision=precision,
        schema=Schema("frame", tuple(columns), width, tuple(c.name for c in columns), reorder=True)
        if named
        else Schema("array", tuple(columns), width),
        methods=tuple(methods),
        classes=_classes(model, methods),
    )


def _classes(model: onnx.ModelProto, methods: Sequence[Method]) -> tuple[Classes, ...]:
    """Return the classes: those that labels point into, or those of the columns that a list of maps became."""
    columns = _json_property(model, COLUMNS_KEY)
    for method in methods:
        if method.name == "predict" and method.labels:
            return method.labels
        if method.name == "predict_proba" and method.outputs[0] in columns:
            classes = columns[method.outputs[0]]
            return (Classes("int64" if isinstance(classes[0], int) else "object", tuple(classes)),)
    return ()


def text_copies(model: onnx.ModelProto) -> dict[str, str]:
    """Return the outputs that a model had before it was lowered, because they repeat text inputs; and which ones."""
    return _json_property(model, COPIES_KEY)


def other_outputs(model: onnx.ModelProto, metadata: Metadata) -> dict[str, str]:
    """Return the outputs that answer no method, each with its dtype and shape in words."""
    answered = {name for method in metadata.methods for name in method.outputs} | {metadata.refused}
    return {o.name: _in_words(o) for o in model.graph.output if o.name not in answered}


def _in_words(output: onnx.ValueInfoProto) -> str:
    if not output.type.HasField("tensor_type"):
        return "a list of maps" if output.type.HasField("sequence_type") else "no tensor"
    kind = output.type.tensor_type
    is_text = kind.elem_type == onnx.TensorProto.STRING
    dtype = "text" if is_text else np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)).name
    if not kind.HasField("shape"):
        return dtype
    lengths = [str(d.dim_value) if d.dim_value > 0 else "?" for d in kind.shape.dim[1:]]
    return f"{dtype} ({', '.join(['rows', *lengths])}{'' if lengths else ','})"


def _origin(model: onnx.ModelProto) -> str:
    """Return who wrote the model; the name of its graph is a random number in onnxmltools' files."""
    return f"a model of {model.producer_name}" if model.producer_name else model.graph.name or "unknown"


def _column(value: onnx.ValueInfoProto, index: int, vocabulary: Sequence[str] | None) -> Column:
    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        raise ArtifactError(f"input {value.name!r} is no tensor; bridge serves models that take tensors.")
    rank = len(kind.shape.dim) if kind.HasField("shape") else 2
    if rank != 2:
        raise ArtifactError(
            f"input {value.name!r} has {rank} dimensions; bridge serves models that take tables of rows and columns."
        )
    width = kind.shape.dim[1].dim_value if kind.HasField("shape") else 0
    if vocabulary is not None:
        return Column(value.name, "text", "int64", index=index, vocabulary=tuple(vocabulary))
    if kind.elem_type == onnx.TensorProto.STRING:
        return Column(value.name, "text", "str", index=index)
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)).name
    return Column(value.name, dtype, dtype, width=width, index=index)


def _method(output: onnx.ValueInfoProto, labels: Sequence[str] | None) -> Method | None:
    name = KNOWN_OUTPUTS.get(output.name)
    if name is None or not output.type.HasField("tensor_type"):
        return None
    kind = output.type.tensor_type
    shape = tuple(d.dim_value for d in kind.shape.dim[1:])
    if name == "predict" and shape == (1,):  # scikit-learn gives one answer a row in one dimension
        shape = ()
    if labels is not None:
        return Method(name, (output.name,), "object", shape, labels=(Classes("object", tuple(labels)),))
    if kind.elem_type == onnx.TensorProto.STRING:
        return Method(name, (output.name,), "object", shape)
    return Method(name, (output.name,), np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)).name, shape)


def _json_property(model: onnx.ModelProto, key: str) -> dict[str, Any]:
    text = next((p.value for p in model.metadata_props if p.key == key), "{}")
    found: dict[str, Any] = json.loads(text)
    return found
