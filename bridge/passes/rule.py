"""Lowering rules: pure functions from one node to the values that replace it."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError, InputError
from bridge.forest import Forest
from bridge.targets import TARGETS, Strategy, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, DTypeLike, NDArray


@dataclass(frozen=True)
class Options:
    """What a user may choose about a lowering."""

    target: Target
    strategy: Strategy = "auto"


@dataclass
class RuleTape:
    """Records the nodes that a rule makes; nothing reaches the graph unless the rule returns.

    Attributes
    ----------
    options
        The target and the user's choices.
    nodes, initializers
        What the rule made so far, in order.
    notes
        What the rule chose that a user may want to know, one sentence each.
    """

    options: Options
    nodes: list[ir.Node] = field(default_factory=list)
    initializers: list[ir.Value] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def op(
        self,
        op_type: str,
        *inputs: ir.Value | None,
        dtype: ir.DataType | None = None,
        domain: str = "",
        version: int | None = None,
        **attributes: Any,
    ) -> ir.Value:
        """Add a node with one output; `dtype` may be left to shape inference."""
        node = ir.node(op_type, list(inputs), attributes, domain=domain, version=version)
        self.nodes.append(node)
        (output,) = node.outputs
        if dtype is not None:
            output.type = ir.TensorType(dtype)
        return output

    def again(self, node: ir.Node, *inputs: ir.Value | None, dtype: ir.DataType | None = None) -> ir.Value:
        """Add a node like `node`, with its attributes, on other inputs."""
        attributes: dict[str, Any] = dict(node.attributes)
        return self.op(node.op_type, *inputs, dtype=dtype, domain=node.domain, **attributes)

    def constant(self, array: ArrayLike, dtype: DTypeLike | None = None) -> ir.Value:
        """Add an initializer that holds `array`."""
        values = np.ascontiguousarray(np.asarray(array, dtype)).reshape(np.shape(array))
        tensor = ir.tensor(values)
        value = ir.Value(name=None, type=ir.TensorType(tensor.dtype), shape=ir.Shape(values.shape), const_value=tensor)
        self.initializers.append(value)
        return value

    def branch(self) -> RuleTape:
        """Return a tape for the nodes of a branch; its constants and notes are this tape's."""
        return RuleTape(self.options, initializers=self.initializers, notes=self.notes)

    def cast(self, x: ir.Value, dtype: DTypeLike) -> ir.Value:
        """Return `x` in `dtype`; no node where it is known to be that already."""
        to = ir.DataType.from_numpy(np.dtype(dtype))
        if x.dtype == to:
            return x
        made = self.op("Cast", x, to=to.value, dtype=to)
        made.shape = x.shape.copy() if x.shape is not None else None
        return made


class Rule(Protocol):
    """Returns the values that replace the node's outputs, one each, or raises `DeclinedError` with a reason."""

    def __call__(self, tape: RuleTape, node: ir.Node, /) -> Sequence[ir.Value | None]: ...


_RULES: dict[tuple[str, str, Target], Rule] = {}


def lowers(domain: str, *op_types: str, targets: Sequence[Target] = TARGETS) -> Callable[[Rule], Rule]:
    """Register the decorated rule for operators of `domain`; two rules for one operator and target are an error."""

    def register(rule: Rule) -> Rule:
        for op_type in op_types:
            for target in targets:
                key = (domain, op_type, target)
                if key in _RULES:
                    raise ValueError(f"two rules lower {domain}::{op_type} for target {target!r}")
                _RULES[key] = rule
        return rule

    return register


@cache
def load_rules() -> None:
    """Import every rule, which registers it."""
    from bridge.passes import lowering

    for module in pkgutil.walk_packages(lowering.__path__, f"{lowering.__name__}."):
        importlib.import_module(module.name)


def find_rule(node: ir.Node, target: Target) -> Rule | None:
    """Return the rule for this node and target, or None."""
    load_rules()
    return _RULES.get((node.domain, node.op_type, target))


def copied_value(value: ir.Value) -> ir.Value:
    """Return the value that `value` is a copy of, or itself."""
    node = value.producer()
    while node is not None and node.op_type == "Identity" and not node.domain and node.inputs[0] is not None:
        value = node.inputs[0]
        node = value.producer()
    return value


def constant_of(value: ir.Value | None) -> NDArray[Any] | None:
    """Return the array that a value is known to hold (an initializer or a Constant node), or None."""
    if value is None:
        return None
    tensor = ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy()


def require_constant(value: ir.Value | None, what: str) -> NDArray[Any]:
    """Return the array that `value` holds, or decline because it is computed by the graph."""
    array = constant_of(value)
    if array is None:
        raise DeclinedError(f"{what} is not a constant")
    return array


def read_forest(node: ir.Node) -> Forest:
    """Return the forest of a `bridge::Forest`, or decline because its tables are computed, damaged or too few."""
    x, *tables = node.inputs or (None,)
    if x is None:
        raise DeclinedError("Forest has no input")
    width = x.shape[1] if x.shape is not None and len(x.shape) == 2 else None
    try:
        forest = Forest.from_tables([require_constant(t, "a table of Forest") for t in tables])
        forest.check(width if isinstance(width, int) else None)
    except InputError as error:
        raise DeclinedError(str(error)) from error
    return forest


def require_integer(value: ir.Value | None, what: str) -> int:
    """Return the one whole number that `value` holds, or decline."""
    array = require_constant(value, what)
    if array.size != 1 or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise DeclinedError(f"{what} is no single number")
    return int(array.item())


def require_dtype(value: ir.Value, what: str) -> np.dtype[Any]:
    """Return the NumPy dtype of `value`, or decline because shape inference could not tell it."""
    if value.dtype is None:
        raise DeclinedError(f"the dtype of {what} is not known")
    return np.dtype(value.dtype.numpy())
