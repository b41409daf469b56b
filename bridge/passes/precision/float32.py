"""Turn a float64 graph into a float32 one without moving its decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from bridge.forest import TABLES, floor_float32
from bridge.opset import MAIN_DOMAIN, ML_DOMAIN
from bridge.passes.forest_function import is_forest
from bridge.passes.initializers import add_initializer, drop_unused

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Rounding = Callable[[NDArray[np.float64]], NDArray[np.float32]]


THRESHOLD = 1 + list(TABLES).index("threshold")
"""The input of a Forest that holds its thresholds."""
MOVED_DECISIONS = "bridge.moved_decisions"
"""Set in the model's `meta` where a threshold was rounded as the inputs are, past numbers that it should part."""


def has_float64(model: ir.Model) -> bool:
    """Return whether a model, before it is lowered, computes in float64 anywhere: by an input, a constant or a Cast."""
    graphs = [model.graph, *model.graph.subgraphs()]
    values = [value for graph in graphs for value in (*graph.inputs, *graph.initializers.values())]
    nodes = [
        *model.graph.all_nodes(),
        *(node for function in model.functions.values() for node in function.all_nodes()),
    ]
    return any(v.dtype == ir.DataType.DOUBLE for v in values) or any(_makes_float64(node) for node in nodes)


def _makes_float64(node: ir.Node) -> bool:
    to = node.attributes.get("to")
    if node.op_type == "Cast" and not node.domain and to is not None:
        return bool(to.value == ir.DataType.DOUBLE.value)
    return any(
        attribute.type == ir.AttributeType.TENSOR
        and not attribute.is_ref()
        and attribute.value.dtype == ir.DataType.DOUBLE
        for attribute in node.attributes.values()
    )


def ceil_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the smallest float32 that is not below each value."""
    return -floor_float32(-values)


def nearest_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


# For a float32 x: `x <= c` and `x > c` ask for the largest float32 that is not above c, `x < c` and `x >= c` for the
# smallest that is not below it; the mirror image where the constant stands on the left.
_ROUNDINGS: dict[tuple[str, int], Rounding] = {
    ("LessOrEqual", 1): floor_float32,
    ("Greater", 1): floor_float32,
    ("Less", 1): ceil_float32,
    ("GreaterOrEqual", 1): ceil_float32,
    ("LessOrEqual", 0): ceil_float32,
    ("Greater", 0): ceil_float32,
    ("Less", 0): floor_float32,
    ("GreaterOrEqual", 0): floor_float32,
}

_REARRANGING = frozenset({"Gather", "GatherElements", "Reshape", "Transpose", "Unsqueeze", "Squeeze", "Identity"})
"""Operators that move values of their first input without changing them."""


@dataclass
class ToFloat32(ir.passes.InPlacePass):
    """Give every float64 value, constant, input and output, in branches too, the dtype float32.

    Constants in comparisons are rounded to the side that keeps the decision for every float32 input. Where the inputs
    are float64 numbers that the caller rounds (`inputs_are_rounded`), constants are rounded to nearest as the inputs
    are: then a row that lies on a threshold stays on its side, which is common (HistGradientBoosting takes thresholds
    from the data), and only one within half a float32 spacing above it does not. A constant that is subtracted is split
    into two float32 numbers, because a rounded mean costs more digits than all later steps together where the mean is
    large against the spread (a year: 2013 +- 0.5). A kept Forest sums in float64 by its definition, and is cast after.
    """

    inputs_are_rounded: bool = False
    moved_decisions: bool = False

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        # Constants of any size are narrowed as initializers, by their uses.
        changed = common.LiftConstantsToInitializersPass(size_limit=0)(model).modified
        for node in filter(is_forest, list(model.graph.all_nodes())):
            self._keep_apart(node)
            changed = True
        for graph in (model.graph, *model.graph.subgraphs()):
            wide = [v for v in graph.initializers.values() if v.dtype == ir.DataType.DOUBLE]
            for value in wide:
                self._narrow_constant(graph, value)
            changed |= bool(wide)
            for value in graph.inputs:
                changed |= _retype(value)
        for node in model.graph.all_nodes():
            changed |= _narrow_node(node)
        if self.moved_decisions:
            model.meta[MOVED_DECISIONS] = True
        return ir.passes.PassResult(model, changed)

    def _narrow_constant(self, graph: ir.Graph, value: ir.Value) -> None:
        """Replace a float64 initializer by float32 ones, one for each way in which its uses want it rounded."""
        array = value.const_value.numpy() if value.const_value is not None else np.zeros(0)
        made: dict[Any, ir.Value] = {}
        for node, index in list(value.uses()):
            if is_forest(node):
                continue
            rounding = _rounding(node, index)
            if self.inputs_are_rounded and rounding is not nearest_float32:
                self.moved_decisions |= bool((rounding(array) != nearest_float32(array)).any())
                rounding = nearest_float32
            if rounding not in made:
                made[rounding] = _initializer(graph, f"{value.name}_{rounding.__name__}", rounding(array))
            node.replace_input_with(index, made[rounding])
            if node.op_type == "Sub" and index == 1 and node.domain == MAIN_DOMAIN:
                _subtract_remainder(graph, node, value, array)
        if value.is_graph_output():
            raise TypeError(f"initializer {value.name!r} is a graph output")
        drop_unused(graph, value)

    def _keep_apart(self, node: ir.Node) -> None:
        """Cast what a Forest sums; its tables stay float64, rounded thresholds too where its input is to be rounded."""
        graph, x, thresholds = node.graph, node.inputs[0], node.inputs[THRESHOLD]
        if graph is None or x is None or thresholds is None or thresholds.const_value is None:
            raise TypeError(f"Forest {node.name!r} is in no graph, or its tables are no constants")
        (sums,) = node.outputs
        cast = ir.node("Cast", [sums], {"to": ir.DataType.DOUBLE.value})
        (result,) = cast.outputs
        result.name, result.type, result.shape = sums.name, sums.type, sums.shape
        sums.name = f"{sums.name}_float64"
        ir.convenience.replace_all_uses_with(sums, result, replace_graph_outputs=True)
        cast.replace_input_with(0, sums)
        graph.insert_after(node, [cast])
        exact = thresholds.const_value.numpy()
        rounded = nearest_float32(exact).astype(np.float64)
        is_narrowed = self.inputs_are_rounded and x.dtype == ir.DataType.DOUBLE
        if is_narrowed and not np.array_equal(rounded, exact, equal_nan=True):
            self.moved_decisions |= not np.array_equal(rounded, floor_float32(exact), equal_nan=True)
            node.replace_input_with(THRESHOLD, add_initializer(graph, rounded, "forest_threshold"))
            drop_unused(graph, thresholds)


def _narrow_node(node: ir.Node) -> bool:
    """Narrow what a node says of its result, in attributes and in types; return whether its type changed."""
    changed = False
    if node.op_type == "Cast" and node.attributes["to"].as_int() == ir.DataType.DOUBLE.value:
        node.attributes["to"] = ir.AttrInt64("to", ir.DataType.FLOAT.value)
        changed = True
    narrow_attributes(node)
    for output in () if is_forest(node) else node.outputs:
        changed |= _retype(output)
    return changed


def narrow_attributes(node: ir.Node) -> None:
    """Round what a node holds as float64 to float32: a constant to nearest, thresholds of trees down."""
    if node.op_type in ("Constant", "ConstantOfShape") and node.domain == MAIN_DOMAIN:
        _narrow_tensor_attribute(node, "value", nearest_float32)
    if node.op_type == "TreeEnsemble" and node.domain == ML_DOMAIN:
        _narrow_tensor_attribute(node, "nodes_splits", floor_float32)
        _narrow_tensor_attribute(node, "leaf_weights", nearest_float32)


def _retype(value: ir.Value) -> bool:
    if value.dtype != ir.DataType.DOUBLE:
        return False
    narrow = ir.TensorType(ir.DataType.FLOAT)
    value.type = ir.SequenceType(narrow) if isinstance(value.type, ir.SequenceType) else narrow
    return True


def _rounding(node: ir.Node, index: int) -> Rounding:
    """Return how a constant must be rounded for this use, which may be a comparison behind a look-up."""
    if node.domain != MAIN_DOMAIN:
        return nearest_float32
    if (node.op_type, index) in _ROUNDINGS:
        return _ROUNDINGS[node.op_type, index]
    if node.op_type in _REARRANGING and index == 0:
        wanted = {_rounding(user, i) for user, i in node.outputs[0].uses()}
        if len(wanted) == 1:
            return wanted.pop()
    return nearest_float32


def _subtract_remainder(graph: ir.Graph, node: ir.Node, value: ir.Value, array: NDArray[np.float64]) -> None:
    """After `x - high`, subtract what rounding left over, where it left anything."""
    with np.errstate(invalid="ignore"):
        remainder = nearest_float32(np.nan_to_num(array - nearest_float32(array), posinf=0.0, neginf=0.0))
    if not remainder.any():
        return
    name = f"{value.name}_remainder"
    low = graph.initializers.get(name) or _initializer(graph, name, remainder)
    (high_output,) = node.outputs
    first = ir.node("Sub", [node.inputs[0], node.inputs[1]])
    first.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
    first.outputs[0].shape = high_output.shape
    if node.graph is None:
        raise TypeError(f"node {node.name!r} is in no graph")
    node.graph.insert_before(node, [first])
    node.replace_input_with(0, first.outputs[0])
    node.replace_input_with(1, low)


def _initializer(graph: ir.Graph, name: str, array: NDArray[np.float32]) -> ir.Value:
    tensor = ir.tensor(array, name=name)
    value = ir.Value(name=name, type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(array.shape), const_value=tensor)
    graph.register_initializer(value)
    return value


def _narrow_tensor_attribute(node: ir.Node, name: str, rounding: Rounding) -> None:
    attribute = node.attributes.get(name)
    if attribute is not None and attribute.as_tensor().dtype == ir.DataType.DOUBLE:
        node.attributes[name] = ir.AttrTensor(name, ir.tensor(rounding(attribute.as_tensor().numpy())))
