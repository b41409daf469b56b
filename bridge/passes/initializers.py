"""Put constants into a graph, and take them out with their memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

if TYPE_CHECKING:
    from numpy.typing import NDArray


def add_initializer(graph: ir.Graph, array: NDArray[Any], stem: str) -> ir.Value:
    """Return a new constant of the graph, of a name that begins with `stem`."""
    number = len(graph.initializers)
    while (name := f"{stem}_{number}") in graph.initializers:
        number += 1
    tensor = ir.tensor(np.ascontiguousarray(array).reshape(array.shape), name=name)  # which has no shape () itself
    value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape), const_value=tensor)
    graph.register_initializer(value)
    return value


def drop_initializer(graph: ir.Graph, value: ir.Value) -> None:
    """Take a constant that nothing uses out of the graph, and let go of its data.

    The value itself may live on: onnx_ir (1.1) remembers every value that shape inference took for an input.
    """
    del graph.initializers[str(value.name)]
    value.const_value = None


def drop_unused(graph: ir.Graph, value: ir.Value) -> None:
    """Do so where `value` is a constant of this graph that nothing uses; a graph's input stays."""
    is_used = bool(value.uses()) or value.is_graph_output() or value.is_graph_input()
    if not is_used and graph.initializers.get(str(value.name)) is value:
        drop_initializer(graph, value)
