"""Which operators a model is made of, in its graph and in its functions, and where onnxruntime would run them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx

from bridge.placement import NEEDS_CUDNN, Place, Use, place, short_dtype
from bridge.proto_nodes import all_graphs, all_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

MAIN_DOMAIN_NAME = "ai.onnx"
CRASHES_UNTYPED = frozenset({"LabelEncoder", "DictVectorizer", "TreeEnsemble", "RegexFullMatch"})
"""Operators on which ONNX's shape inference (1.23) ends the process where their input has no type."""
WORST_FIRST: tuple[Place, ...] = ("no kernel", "CPU", "not measured", "CUDA")


@dataclass(frozen=True, order=True)
class OperatorCount:
    """How often an operator with one dtype of its main input stands in a graph, and where onnxruntime puts it.

    A call of one of the model's functions is where the worst node of the function is.
    """

    domain: str
    name: str
    dtype: str
    place: Place
    is_on_text: bool
    nodes: int

    @property
    def needs_cudnn(self) -> bool:
        return self.place == "CUDA" and self.domain == MAIN_DOMAIN_NAME and self.name in NEEDS_CUDNN


@dataclass(frozen=True)
class FunctionCount:
    """A function of the model's own, for runtimes without an operator of that name, and the operators in it."""

    domain: str
    name: str
    operators: tuple[OperatorCount, ...]

    @property
    def nodes(self) -> int:
        return sum(o.nodes for o in self.operators)

    @property
    def place(self) -> Place:
        found = {o.place for o in self.operators}
        return next((where for where in WORST_FIRST if where in found), "not measured")


def count_operators(model: onnx.ModelProto) -> tuple[tuple[OperatorCount, ...], tuple[FunctionCount, ...]]:
    """Return the operators of the graph, subgraphs included, and the functions that it calls, each with its own."""
    found: dict[tuple[str, str], FunctionCount] = {}
    for key, body in reversed(_called_bodies(model).items()):  # a function mostly comes after those that call it
        found[key] = FunctionCount(*key, _count(body, found))
    return _count(model, found), tuple(reversed(found.values()))


def _count(model: onnx.ModelProto, functions: Mapping[tuple[str, str], FunctionCount]) -> tuple[OperatorCount, ...]:
    types = _types(model)
    opsets = {o.domain or MAIN_DOMAIN_NAME: o.version for o in model.opset_import}
    counts: Counter[tuple[str, str, str, Place, bool]] = Counter()
    for node in all_nodes(model.graph.node):
        domain = node.domain or MAIN_DOMAIN_NAME
        use = Use.of(node, opsets.get(domain, 1), lambda name: short_dtype(types.get(name, 0)))
        function = functions.get((node.domain, node.op_type))
        where = function.place if function is not None else place(use)
        counts[domain, node.op_type, use.main_dtype, where, use.is_on_text] += 1
    return tuple(sorted(OperatorCount(*key, nodes) for key, nodes in counts.items()))


def _called_bodies(model: onnx.ModelProto) -> dict[tuple[str, str], onnx.ModelProto]:
    """Return the body of every function that the graph or another function calls, typed as in its first call."""
    functions = {(f.domain, f.name): f for f in model.functions}
    bodies: dict[tuple[str, str], onnx.ModelProto] = {}
    callers = [model] if functions else []
    for caller in callers:  # grows while bodies are found
        types = _types(caller)
        for node in all_nodes(caller.graph.node):
            key = (node.domain, node.op_type)
            if key in functions and key not in bodies:
                bodies[key] = _body(model, functions[key], [types.get(name, 0) for name in node.input])
                callers.append(bodies[key])
    return bodies


def _body(model: onnx.ModelProto, function: onnx.FunctionProto, types: list[int]) -> onnx.ModelProto:
    """Return the function as the graph of a model, with these element types of its inputs; 0 is not known."""
    body = onnx.ModelProto(ir_version=model.ir_version, opset_import=function.opset_import, functions=model.functions)
    body.graph.name = function.name
    body.graph.node.extend(function.node)
    for name, elem_type in zip(function.input, types, strict=False):
        body.graph.input.add(name=name).type.tensor_type.elem_type = elem_type
    return body


def _types(model: onnx.ModelProto) -> dict[str, int]:
    """Return the element type of every value that is known, in branches too, inferring what is not written."""
    found: dict[str, int] = {}
    for graph in all_graphs(_inferred(model).graph):
        found |= {i.name: i.data_type for i in graph.initializer}
        for value in (*graph.input, *graph.value_info, *graph.output):
            found[value.name] = value.type.tensor_type.elem_type
    return found


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    typed = {v.name for v in (*model.graph.input, *model.graph.value_info, *model.graph.output)}
    if all(name in typed for node in model.graph.node for name in node.output if name):
        return model
    if any(n.op_type in CRASHES_UNTYPED and not typed.issuperset(n.input) for n in model.graph.node):
        return model
    try:
        return onnx.shape_inference.infer_shapes(model)
    except (onnx.shape_inference.InferenceError, ValueError):  # an odd model, or one of over 2 GB: types stay unknown
        return model
