"""What must hold for any file at all: `bridge.lower` refuses it by a `BridgeError`, or its result agrees with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

import bridge
from bridge.errors import BridgeError
from bridge.opset import ML_DOMAIN
from bridge.passes.text_inputs import LABELS_KEY
from tests.passes.answers import as_arrays, encode, metadata
from tests.passes.judge import edge_rows

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.targets import Target

MOST_ELEMENTS = 4096
"""Inputs that ask for more are not run."""
ROWS = 5
WORDS = ("a", "b", "", "é", "zzz")
BOUND = 1e-4
"""Between float32 sums of a few numbers, and those in float64; in units of the largest number of a column."""


def lower_file(path: Path, target: Target) -> onnx.ModelProto | None:
    """Return the lowered model, None where it is refused as it should be; all other exceptions are findings."""
    try:
        return bridge.lower(path, target=target)
    except BridgeError as error:
        if not str(error).strip():
            raise AssertionError("the error says nothing") from error
        return None


def disagreement(original: bytes, lowered: bytes) -> str | None:
    """Return how the lowered model differs from the original, None where it does not or nothing can be compared.

    Nothing can be where onnxruntime does not run the original.
    """
    new = onnx.ModelProto.FromString(lowered)
    try:
        ours = _session(lowered)
    except Exception as error:  # noqa: BLE001 - onnxruntime's own errors derive from Exception alone
        return None if _keeps_what_fails(new, original) else f"onnxruntime does not load the lowered model: {error}"
    old = onnx.ModelProto.FromString(original)
    feeds = _feeds(old)
    if feeds is None:
        return None
    try:
        theirs = _session(original)
        expected = theirs.run(None, feeds)
    except Exception:  # noqa: BLE001
        return None
    found = ours.run(None, encode(new, feeds))
    return _difference(new, [o.name for o in theirs.get_outputs()], found, expected)


def _keeps_what_fails(new: onnx.ModelProto, original: bytes) -> bool:
    """Return whether the fault may be one that target "cpu" leaves: an operator of ai.onnx.ml as it was found."""
    if all(node.domain != ML_DOMAIN for node in new.graph.node):
        return False
    try:
        _session(original)
    except Exception:  # noqa: BLE001
        return True
    return False


def _difference(lowered: onnx.ModelProto, names: list[str], found: list[Any], expected: list[Any]) -> str | None:
    codes = metadata(lowered, LABELS_KEY)
    for name, ours, theirs in zip(names, found, as_arrays(lowered, names, expected), strict=True):
        if ours.shape != theirs.shape or (ours.dtype != theirs.dtype and name not in codes):
            return f"{name}: {ours.dtype}{ours.shape}, expected {theirs.dtype}{theirs.shape}"
        if name in codes:  # the code of no text stands for whatever default the original gives
            texts = [codes[name][c] if c >= 0 else t for c, t in zip(ours.flat, theirs.flat, strict=True)]
            ours = np.array(texts, object).reshape(theirs.shape)  # noqa: PLW2901
        wrong = ours != theirs if ours.dtype.kind != "f" else _apart(ours, theirs)
        if wrong.any():
            return f"{name}: {ours[wrong][:3]}, expected {theirs[wrong][:3]}"
    return None


def _apart(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.maximum(np.abs(np.where(np.isfinite(theirs), theirs, 0)).max(initial=0), 1)
        near = np.abs(ours - theirs) <= BOUND * size
    return ~(near | (ours == theirs) | (np.isnan(ours) & np.isnan(theirs)))


def _session(model: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model, options, providers=["CPUExecutionProvider"], disabled_optimizers=["MatMulScaleFusion"]
    )


def _feeds(model: onnx.ModelProto) -> dict[str, Any] | None:
    """Return inputs for `model`, None where it asks for ones that are too large or of types that no rule knows."""
    constants = {t.name for t in model.graph.initializer}
    feeds: dict[str, Any] = {}
    for value in model.graph.input:
        if value.name in constants:
            continue
        kind = value.type
        if kind.HasField("map_type"):
            feeds[value.name] = _map(kind.map_type)
            continue
        dims = [d.dim_value if d.HasField("dim_value") else ROWS for d in kind.tensor_type.shape.dim]
        if any(d < 0 for d in dims) or np.prod([float(d) for d in dims]) > MOST_ELEMENTS:
            return None
        x = _rows(dims, kind.tensor_type.elem_type)
        if x is None:
            return None
        feeds[value.name] = x
    return feeds


def _rows(dims: list[int], element: int) -> np.ndarray | None:
    if element == TensorProto.STRING:
        return np.resize(np.array(WORDS, object), dims)
    try:
        dtype = helper.tensor_dtype_to_np_dtype(element)
    except KeyError:
        return None
    count = int(np.prod(dims, dtype=np.int64))
    if dtype.kind not in "fiub":
        return None
    if dtype.kind in "ub":
        return np.resize(np.arange(5), dims).astype(dtype)
    return edge_rows(1, dtype, rows=max(count, 1))[:count].reshape(dims)


def _map(kind: onnx.TypeProto.Map) -> dict[Any, Any]:
    keys = ["a", "b", "zzz"] if kind.key_type == TensorProto.STRING else [1, 0, 7]
    text = kind.value_type.tensor_type.elem_type == TensorProto.STRING
    whole = kind.value_type.tensor_type.elem_type == TensorProto.INT64
    return {k: WORDS[i] if text else i + 1 if whole else i + 1.5 for i, k in enumerate(keys)}
