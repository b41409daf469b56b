"""Predict how long a graph takes on a GPU: by the bytes that its nodes move, and their products."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import onnx_ir as ir

if TYPE_CHECKING:
    from collections.abc import Iterable

BYTES_PER_SECOND = 4.3e12
"""What an H200 was measured to move."""
PRODUCTS_PER_SECOND = {ir.DataType.FLOAT16: 495e12, ir.DataType.FLOAT: 33e12, ir.DataType.DOUBLE: 33e12}
"""Multiplications with addition, by dtype: half of the 989, 67 and 67 TFLOPS of NVIDIA's data sheet of the H200 SXM."""
LAUNCH_SECONDS = 2e-6
"""A kernel takes no less, whatever its size."""
MOVES_NOTHING = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Shape", "Size", "Constant"})


def device_seconds(graph: ir.Graph, rows: int) -> float:
    """Return the predicted seconds of a run with this many rows; subgraphs do not count."""
    return sum(_node_seconds(node, rows) for node in graph if node.op_type not in MOVES_NOTHING)


def largest_intermediate(graph: ir.Graph, rows: int) -> int:
    """Return the bytes of the largest value that a node makes, for this many rows."""
    return max((_bytes(v, rows) for node in graph for v in node.outputs), default=0)


def constant_bytes(graph: ir.Graph) -> int:
    """Return the bytes of the graph's constants."""
    return sum(v.const_value.nbytes for v in graph.initializers.values() if v.const_value is not None)


def _node_seconds(node: ir.Node, rows: int) -> float:
    moved = _moved(node, rows)
    products = 0.0
    dtype = node.outputs[0].dtype
    if node.op_type in {"MatMul", "Gemm"} and dtype is not None and node.inputs[0] is not None:
        inner = _sizes(node.inputs[0], rows)[-1:]
        products = prod([*_sizes(node.outputs[0], rows), *inner]) / PRODUCTS_PER_SECOND.get(
            dtype, PRODUCTS_PER_SECOND[ir.DataType.FLOAT]
        )
    return max(moved / BYTES_PER_SECOND, products, LAUNCH_SECONDS)


def _moved(node: ir.Node, rows: int) -> int:
    results = sum(_bytes(v, rows) for v in node.outputs)
    if node.op_type in {"Gather", "GatherElements"} and len(node.inputs) > 1:
        # As much of the table as there are results, at most, and the indices.
        table, indices = node.inputs[:2]
        read = min(results, _bytes(table, rows) if table is not None else 0)
        return results + read + (_bytes(indices, rows) if indices is not None else 0)
    return results + _sum_bytes(node.inputs, rows)


def _sum_bytes(values: Iterable[ir.Value | None], rows: int) -> int:
    return sum(_bytes(v, rows) for v in values if v is not None)


def _bytes(value: ir.Value, rows: int) -> int:
    return (
        0
        if value.dtype is None or value.dtype == ir.DataType.STRING
        else int(prod(_sizes(value, rows)) * value.dtype.itemsize)
    )


def _sizes(value: ir.Value, rows: int) -> list[int]:
    """Return the shape of a value; a dimension that is not known is taken for the rows, once."""
    if value.shape is None:
        return []
    unknown = iter([rows])
    return [d if isinstance(d, int) else next(unknown, 1) for d in value.shape]
