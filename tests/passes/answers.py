"""What a host does around a lowered model: text to codes, maps to rows, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from bridge.passes.map_types import COLUMNS_KEY, MAP_INPUTS_KEY
from bridge.passes.text_inputs import LABELS_KEY, TEXT_INPUTS_KEY
from bridge.passes.text_nodes import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def metadata(model: onnx.ModelProto, key: str) -> dict[str, Any]:
    return json.loads({p.key: p.value for p in model.metadata_props}.get(key, "{}"))


def encode(lowered: onnx.ModelProto, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of the unlowered model as the lowered one takes them."""
    texts, maps = metadata(lowered, TEXT_INPUTS_KEY), metadata(lowered, MAP_INPUTS_KEY)
    types = {v.name: v.type.tensor_type.elem_type for v in lowered.graph.input}
    encoded: dict[str, Any] = {}
    for name, given in feeds.items():
        if name not in types:
            continue
        x = given
        if name in maps:
            is_text = name in texts or types[name] == TensorProto.STRING
            x = _row(x, maps[name], object if is_text else helper.tensor_dtype_to_np_dtype(types[name]))
        if name in texts:
            known = {text: code for code, text in enumerate(texts[name])}
            x = np.array([known.get(text, UNKNOWN) for text in x.flat], np.int64).reshape(x.shape)
        encoded[name] = x
    return encoded


def _row(given: Mapping[Any, Any], keys: Sequence[Any] | None, dtype: Any) -> np.ndarray:
    absent = "" if dtype is object else 0
    return np.array(
        [[given[k] for k in sorted(given)] if keys is None else [given.get(k, absent) for k in keys]], dtype
    )


def decode(
    lowered: onnx.ModelProto, names: Sequence[str], found: Sequence[np.ndarray], default: str
) -> list[np.ndarray]:
    """Return the outputs of the lowered model with text in place of codes; `default` for the code of no text."""
    labels = metadata(lowered, LABELS_KEY)
    return [
        np.array([labels[name][c] if c >= 0 else default for c in codes.flat], object).reshape(codes.shape)
        if name in labels
        else codes
        for name, codes in zip(names, found, strict=True)
    ]


def as_arrays(lowered: onnx.ModelProto, names: Sequence[str], expected: Sequence[Any]) -> list[np.ndarray]:
    """Return the outputs of the unlowered model with a matrix in place of a list of maps."""
    columns = metadata(lowered, COLUMNS_KEY)
    return [
        np.array([[row[k] for k in columns[name]] for row in found], np.float32).reshape(-1, len(columns[name]))
        if name in columns
        else found
        for name, found in zip(names, expected, strict=True)
    ]
