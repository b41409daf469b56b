"""How far a file can travel: whether it keeps to the operators that every measured runtime loads and computes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import TensorProto

from bridge.proto_nodes import model_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

CORE = frozenset(
    {
        "Abs",
        "Add",
        "ArgMax",
        "Cast",
        "Concat",
        "Div",
        "Equal",
        "Exp",
        "Gather",
        "GatherElements",
        "Gemm",
        "Identity",
        "LessOrEqual",
        "Log",
        "MatMul",
        "Max",
        "Mul",
        "Neg",
        "ReduceSum",
        "Reshape",
        "Sigmoid",
        "Softmax",
        "Sqrt",
        "Sub",
        "Transpose",
        "Where",
    }
)
"""Operators of `ai.onnx` 13 that gave the same answers in all runtimes of `tests/conformance`."""
CORE_DTYPES = frozenset({TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL})


def portable_tier(model: onnx.ModelProto) -> tuple[int, list[str]]:
    """Return 1 where the model keeps to the core subset, else 2; and what it holds beyond: operators, and dtypes.

    An operator of another domain than `ai.onnx` is named with its domain.
    """
    beyond = {
        node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}::{node.op_type}"
        for node in model_nodes(model)
        if node.op_type not in CORE or node.domain not in ("", "ai.onnx")
    }
    names = {number: name.lower() for name, number in TensorProto.DataType.items()}
    dtypes = {names.get(dtype, f"type {dtype}") for dtype in _dtypes(model) if dtype not in CORE_DTYPES}
    found = [*sorted(beyond), *(f"values of {name}" for name in sorted(dtypes))]
    return (2 if found else 1), found


def _dtypes(model: onnx.ModelProto) -> Iterator[int]:
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.HasField("tensor_type") and value.type.tensor_type.elem_type:
            yield value.type.tensor_type.elem_type
    for tensor in graph.initializer:
        yield tensor.data_type
