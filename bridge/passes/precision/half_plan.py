"""Choose the nodes of a float32 graph that compute in float16, so that no result can overflow and no decision moves.

Float16 holds 11 bits of a number up to 65,504. What a decision is taken on keeps its digits (comparisons with
thresholds, indices), and so does what float16 would ruin: scalers of raw inputs, distances, whose digits cancel,
exponentials, roots and quotients. Left are products with weights, tables of leaves, what only moves or adds their
results, and the products of zeros and ones by which trees find their leaf, which are exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.passes.precision.distance_parts import is_distance
from bridge.passes.precision.half_ranges import (
    LARGEST,
    Stays,
    attribute,
    fitting_limit,
    growth,
    is_float16,
    terms,
    whole_limit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_EXACT = 2048.0
"""Every whole number up to here is a float16."""
HEADROOM = 4.0
"""A factor takes numbers this many times as large as the sample had before they are cut off."""

PRODUCTS = frozenset({"MatMul", "Gemm"})
TABLES = frozenset({"Gather", "GatherElements"})
# fmt: off
FOLLOWING = frozenset({
    "Add", "Concat", "Flatten", "Gather", "GatherElements", "Identity", "Mul", "Neg", "ReduceSum", "Relu", "Reshape",
    "Slice", "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze", "Where",
})
"""Operators that go on in float16 where all their numbers are in it."""
COMPARING = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
KEEPING_WHOLE = frozenset({"Add", "Concat", "Identity", "MatMul", "Reshape", "Slice", "Squeeze", "Sub", "Transpose"})
DECIDING = COMPARING | {
    "Ceil", "Floor", "IsInf", "IsNaN", "NonZero", "OneHot", "Round", "Sign", "TopK", "Loop", "Scan", "If",
}
# fmt: on


@dataclass
class HalfPlan:
    """What of a graph computes in float16.

    Attributes
    ----------
    limits
        The float16 values, each with the largest magnitude that it can have, whatever the inputs.
    nodes
        The nodes that compute in float16, in order.
    cuts
        By node and position: the magnitude at which an operand is cut off, in float32 before it becomes float16.
    kept
        The products and tables that stay in float32, with the reason.
    """

    limits: dict[ir.Value, float] = field(default_factory=dict)
    nodes: list[ir.Node] = field(default_factory=list)
    cuts: dict[tuple[ir.Node, int], float] = field(default_factory=dict)
    kept: dict[ir.Node, str] = field(default_factory=dict)


def product_operands(graph: ir.Graph) -> list[ir.Value]:
    """Return the computed float32 operands of the graph's products: a plan needs the range of each."""
    values = [v for node in graph if _is_product(node) for v in node.inputs[:2] if v is not None]
    return list(dict.fromkeys(v for v in values if v.dtype == ir.DataType.FLOAT and v.const_value is None))


def plan_float16(graph: ir.Graph, seen: Mapping[str, float], excluded: Mapping[str, str]) -> HalfPlan:
    """Return what may compute in float16.

    Parameters
    ----------
    graph
        A float32 graph with known dtypes.
    seen
        The largest magnitude that a sample gave for each of `product_operands`, by name.
    excluded
        The nodes that shall stay in float32, by the name of their first output, each with the reason.
    """
    return _Planner(graph, seen, excluded).plan()


def _is_product(node: ir.Node) -> bool:
    return node.op_type in PRODUCTS and not node.domain and node.outputs[0].dtype == ir.DataType.FLOAT


@dataclass
class _Planner:
    graph: ir.Graph
    seen: Mapping[str, float]
    excluded: Mapping[str, str]
    made: HalfPlan = field(default_factory=HalfPlan)
    whole: dict[ir.Value, float] = field(default_factory=dict)
    """Values of whole numbers with the largest magnitude, which are exact up to 2048."""

    def plan(self) -> HalfPlan:
        for node in self.graph:
            self._follow_whole_numbers(node)
            is_seed = _is_product(node) or _reads_table(node) or str(node.outputs[0].name) in self.excluded
            try:
                limit = self._limit(node)
            except Stays as reason:
                if is_seed:
                    self.made.kept[node] = str(reason)
                continue
            if limit is None:
                continue
            self.made.nodes.append(node)
            self.made.limits.update(dict.fromkeys(_floats(node.outputs), limit))
        _drop_idle_casts(self.made)
        return self.made

    def _limit(self, node: ir.Node) -> float | None:
        """Return the largest magnitude of the node's results in float16, None where it is not for float16."""
        if node.domain or not _floats((*node.inputs, *node.outputs)):
            return None
        if reason := self.excluded.get(str(node.outputs[0].name)):
            raise Stays(reason)
        if _is_product(node):
            return self._product_limit(node)
        if _reads_table(node):
            self._check_decisions(node)
            return fitting_limit(node.inputs[0])
        if node.op_type in FOLLOWING:
            return self._following_limit(node)
        return self._flag_limit(node)

    def _flag_limit(self, node: ir.Node) -> float | None:
        """Return the limit of bools as numbers, or of a comparison that is exact in float16."""
        if node.op_type == "Cast":
            return 1.0 if node.inputs[0] is not None and node.inputs[0].dtype == ir.DataType.BOOL else None
        values = _floats(node.inputs)
        computed = [v for v in values if v.const_value is None]
        is_half = bool(computed) and all(v in self.made.limits for v in computed)
        is_exact = all(self._is_exact(v) or is_float16(v) for v in values)
        return 0.0 if node.op_type in COMPARING and is_half and is_exact else None

    def _product_limit(self, node: ir.Node) -> float:
        left, right = node.inputs[0], node.inputs[1]
        if left is None or right is None:
            raise Stays("an operand is missing")
        if not self._is_exact(node.outputs[0]):
            self._check_decisions(node)
            if is_distance(node):
                raise Stays("a part of a distance, where digits cancel")
        larger, computed = growth(node)
        if computed is None:
            raise Stays("both operands are computed")
        fitting_limit(node.inputs[1 - computed])
        larger *= abs(attribute(node, "alpha", 1.0))
        offset = self._offset(node)
        return self._operand_limit(node, computed, larger, offset) * larger + offset

    def _operand_limit(self, node: ir.Node, index: int, larger: float, offset: float) -> float:
        """Return the largest magnitude of an operand, which is cut off where the product would overflow."""
        if offset > LARGEST / 2:
            raise Stays(f"it adds numbers up to {offset:.3g}")
        value = node.inputs[index]
        most = min(LARGEST, LARGEST / 2 / larger if larger else LARGEST)
        known = None if value is None else self.made.limits.get(value)
        if known is not None and known <= most:
            return known
        seen = np.inf if value is None else self.seen.get(str(value.name), np.inf)
        if seen * HEADROOM > most:
            raise Stays(f"its operand was as large as {seen:.3g}, and {most / HEADROOM:.3g} is room for")
        self.made.cuts[node, index] = most
        return most

    def _offset(self, node: ir.Node) -> float:
        """Return the largest magnitude of what a Gemm adds."""
        added = node.inputs[2] if node.op_type == "Gemm" and len(node.inputs) > 2 else None
        if added is None:
            return 0.0
        if added.const_value is None:
            raise Stays("it adds computed numbers")
        return fitting_limit(added) * abs(attribute(node, "beta", 1.0))

    def _following_limit(self, node: ir.Node) -> float | None:
        """Return the limit of a node that goes on in float16 where all its numbers are in it."""
        values = _floats(node.inputs)
        computed = [v for v in values if v.const_value is None]
        if not computed or any(v not in self.made.limits for v in computed):
            return None
        self._check_decisions(node)
        limits = [self.made.limits[v] if v.const_value is None else fitting_limit(v) for v in values]
        match node.op_type:
            case "Add" | "Sub":
                limit = sum(limits)
            case "Mul":
                limit = float(np.prod(limits))
            case "ReduceSum":
                limit = limits[0] * terms(node)
            case "Tanh":
                limit = 1.0
            case _:
                limit = max(limits)
        if limit > LARGEST:
            raise Stays(f"its result may be as large as {limit:.3g}")
        return limit

    def _is_exact(self, value: ir.Value) -> bool:
        return self.whole.get(value, whole_limit(value)) <= MOST_EXACT

    def _follow_whole_numbers(self, node: ir.Node) -> None:
        """Note how large the results are where they are whole numbers, whatever the inputs."""
        source = node.inputs[0] if node.inputs else None
        if node.op_type == "Cast" and source is not None and source.dtype == ir.DataType.BOOL:
            self.whole[node.outputs[0]] = 1.0
            return
        if node.domain or node.op_type not in KEEPING_WHOLE:
            return
        bounds = [self.whole.get(v, whole_limit(v)) for v in _floats(node.inputs)]
        if not bounds or not np.isfinite(bounds).all():
            return
        if node.op_type == "MatMul":
            larger, computed = growth(node)
            if computed is not None:
                self.whole[node.outputs[0]] = bounds[computed] * larger
        else:
            self.whole[node.outputs[0]] = sum(bounds) if node.op_type in {"Add", "Sub"} else max(bounds)

    def _check_decisions(self, node: ir.Node) -> None:
        if node in self._before_decisions:
            raise Stays("a decision is taken on its result")

    @cached_property
    def _before_decisions(self) -> set[ir.Node]:
        """The nodes whose results reach a decision on which a number of the answer hangs; a mere label may."""
        found: set[ir.Node] = set()
        reaches_number: set[ir.Node] = set()
        for node in reversed(list(self.graph)):
            users = [user for output in node.outputs for user in output.consumers()]
            answers = any(v.is_graph_output() for v in _floats(node.outputs))
            if answers or any(u in reaches_number or u.graph is not self.graph for u in users):
                reaches_number.add(node)
            if any(
                u in found or u.graph is not self.graph or (u.op_type in DECIDING and u in reaches_number)
                for u in users
            ):
                found.add(node)
        return found


def _reads_table(node: ir.Node) -> bool:
    """Return whether a node looks up numbers in a constant table."""
    table = node.inputs[0] if node.inputs else None
    is_constant = table is not None and table.const_value is not None and table.dtype == ir.DataType.FLOAT
    return is_constant and node.op_type in TABLES and not node.domain


def _floats(values: Any) -> list[ir.Value]:
    return [v for v in values if v is not None and v.dtype == ir.DataType.FLOAT]


def _drop_idle_casts(plan: HalfPlan) -> None:
    """Take out the casts of bools that no other node of the plan takes."""
    others = {node for node in plan.nodes if node.op_type != "Cast"}
    idle = [n for n in plan.nodes if n.op_type == "Cast" and not any(u in others for u in n.outputs[0].consumers())]
    for node in idle:
        plan.nodes.remove(node)
        del plan.limits[node.outputs[0]]
