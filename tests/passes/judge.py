"""One-node models, onnxruntime's CPU kernels as their judge, and the lowering of a protobuf."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import helper

from bridge.errors import LoweringError
from bridge.passes.map_types import COLUMNS_KEY
from bridge.passes.pipeline import run_pipeline
from bridge.passes.read import read_model
from bridge.passes.rule import Options
from bridge.passes.text_inputs import LABELS_KEY, TEXT_INPUTS_KEY
from bridge.passes.text_nodes import UNKNOWN
from bridge.targets import TARGET_SPECS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.targets import Precision, Strategy, Target

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.0, 3.0, np.nan, np.inf, -np.inf, 1e-40, -1e-45, 1e30, -1e30, 64.5]
"""Values that every rule is tried on: ties with the constants used in tests, not-a-numbers, denormals."""


def element(array: np.ndarray) -> int:
    return onnx.TensorProto.STRING if array.dtype.kind in "OUS" else helper.np_dtype_to_tensor_dtype(array.dtype)


def edge_rows(columns: int, dtype: Any = np.float32, *, seed: int = 0, rows: int = 40) -> np.ndarray:
    """Return rows of `EDGES` and of random numbers, as `dtype` holds them."""
    rng = np.random.default_rng(seed)
    shape = (rows, columns)
    x = np.where(rng.random(shape) < 0.6, rng.choice(EDGES, shape), rng.normal(size=shape))
    if np.issubdtype(dtype, np.integer):
        return np.clip(np.nan_to_num(x, posinf=9, neginf=-9), -9, 9).round().astype(dtype)
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def ml_model(
    op_type: str,
    feeds: Mapping[str, np.ndarray],
    outputs: Sequence[int],
    *,
    version: int = 3,
    shapes: Mapping[str, Sequence[int | None]] | None = None,
    **attributes: Any,
) -> onnx.ModelProto:
    """Return a model of one ai.onnx.ml node whose inputs are like `feeds` and whose outputs have these types."""
    names = [f"O{i}" for i in range(len(outputs))]
    node = helper.make_node(op_type, list(feeds), names, name="the_node", domain="ai.onnx.ml", **attributes)
    inputs = [
        helper.make_tensor_value_info(name, element(x), (shapes or {}).get(name, (None, *x.shape[1:])))
        for name, x in feeds.items()
    ]
    graph = helper.make_graph(
        [node], "g", inputs, [helper.make_tensor_value_info(n, t, None) for n, t in zip(names, outputs, strict=True)]
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", version)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10 if version > 3 else 7)


def run(model: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> list[Any]:
    """Return the outputs of `model` as onnxruntime's CPU kernels compute them."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(feeds))


def lower(
    model: onnx.ModelProto,
    target: Target = "cuda",
    *,
    precision: Precision | None = None,
    strategy: Strategy = "auto",
) -> onnx.ModelProto:
    """Return `model` lowered for `target`; fails the test where the given protobuf changes."""
    before = model.SerializeToString(deterministic=True)
    lowered = run_pipeline(
        read_model(model), Options(target, strategy), precision=precision or TARGET_SPECS[target].precision
    )
    assert model.SerializeToString(deterministic=True) == before
    proto = ir.to_proto(lowered)
    onnx.checker.check_model(proto)
    assert {o.domain for o in proto.opset_import} == {""}
    return proto


def metadata(lowered: onnx.ModelProto, key: str) -> Any:
    """Return what the lowering left under `key`, {} where it left nothing."""
    return json.loads({p.key: p.value for p in lowered.metadata_props}.get(key, "{}"))


def codes(lowered: onnx.ModelProto, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return `feeds` as a host would encode them for `lowered`."""
    known = metadata(lowered, TEXT_INPUTS_KEY)
    return {name: _codes(known[name], x) if name in known else x for name, x in feeds.items()}


def _codes(known: Sequence[str], texts: np.ndarray) -> np.ndarray:
    return np.array([known.index(t) if t in known else UNKNOWN for t in texts.flat], np.int64).reshape(texts.shape)


def labels_as_text(lowered: onnx.ModelProto, name: str, found: np.ndarray) -> np.ndarray:
    """Return an output of `lowered` with the texts that its positions stand for; any other output as it is."""
    labels = metadata(lowered, LABELS_KEY).get(name)
    return found if labels is None else np.array([*labels, "_Unused"], object)[found]


def maps_as_matrix(lowered: onnx.ModelProto, name: str, found: Any) -> np.ndarray:
    """Return the list of maps that an output was, in the columns that `lowered` gave it; any other output as it is."""
    columns = metadata(lowered, COLUMNS_KEY).get(name)
    if columns is None:
        return found
    return np.array([[row[c] for c in columns] for row in found], np.float32).reshape(-1, len(columns))


def op_types(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def assert_same(found: Sequence[np.ndarray], expected: Sequence[np.ndarray], *, tolerance: float = 0.0) -> None:
    """Compare outputs: dtypes, shapes, signs of zero where `tolerance` is 0, and values, NaN equal to NaN."""
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        if tolerance and ours.dtype != object:
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True)
        else:
            np.testing.assert_array_equal(ours, theirs)
            if ours.dtype.kind == "f":
                zero = ours == 0
                np.testing.assert_array_equal(np.signbit(ours[zero]), np.signbit(theirs[zero]))


def check_parity(
    model: onnx.ModelProto,
    feeds: Mapping[str, np.ndarray],
    target: Target,
    *,
    tolerance: float = 0.0,
    rows: Sequence[int] = (1, 0),
) -> onnx.ModelProto:
    """Compare `model` and its lowered form on all rows of `feeds` and on the first few; return the lowered form."""
    lowered = lower(model, target)
    for count in (None, *rows):
        some = {name: x[:count] for name, x in feeds.items()}
        assert_same(run(lowered, some), run(model, some), tolerance=tolerance)
    return lowered


def declined(model: onnx.ModelProto, target: Target = "cuda") -> str:
    """Return the reason for which the model's one node was declined."""
    with pytest.raises(LoweringError) as caught:
        lower(model, target)
    (reason,) = caught.value.leftovers
    return reason.split("): ", 1)[1]
