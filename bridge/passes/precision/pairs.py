"""Turn a float64 graph into one of float32 pairs, where float32 alone keeps too few digits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from bridge.errors import DeclinedError
from bridge.passes.initializers import drop_unused
from bridge.passes.precision.float32 import MOVED_DECISIONS, narrow_attributes
from bridge.passes.precision.pair import Pair, PairTape
from bridge.passes.precision.pair_rules import rule_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.passes.precision.pair_operands import Operand, Result

DOUBLE, FLOAT = ir.DataType.DOUBLE, ir.DataType.FLOAT


@dataclass
class ToPairs(ir.passes.InPlacePass):
    """Compute what is float64 in pairs of float32, in branches and loops too; inputs and outputs become float32.

    Sums, products, quotients, roots, exponentials, logarithms and decisions keep some 38 bits. What has no rule (Erf,
    Sin) keeps 24. An operator becomes some 10 to 60, and a matrix product some 20 times as many multiplications.
    """

    pairs: dict[ir.Value, Pair] = field(default_factory=dict)
    tape: PairTape = field(default_factory=PairTape)
    numbers: int = 0

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        common.LiftConstantsToInitializersPass(size_limit=0)(model)
        graph = model.graph
        for value in graph.inputs:
            if value.dtype == DOUBLE:
                value.type = ir.TensorType(FLOAT)
                self.pairs[value] = Pair(value)
        wide = [v for g in (graph, *graph.subgraphs()) for v in g.initializers.values() if v.dtype == DOUBLE]
        self._convert(graph, graph)
        for value in wide:
            if value.graph is not None:
                drop_unused(value.graph, value)
        model.meta[MOVED_DECISIONS] = True
        return ir.passes.PassResult(model, modified=True)

    def _convert(self, graph: ir.Graph, main: ir.Graph) -> None:
        """Write the nodes of a graph anew; its outputs that were float64 become the highs, or in a body both parts."""
        self.tape.forget()
        replaced = []
        for node in list(graph):
            if not _is_wide(node):
                continue
            self._replace(node, main)
            self._emit(graph, main, before=node)
            replaced.append(node)
        outputs = [part for value in graph.outputs for part in self._parts(value, is_main=graph is main)]
        self._emit(graph, main)
        graph.outputs.clear()
        graph.outputs.extend(outputs)
        graph.remove(replaced, safe=True)
        self.tape.forget()

    def _parts(self, value: ir.Value, *, is_main: bool) -> list[ir.Value]:
        if value.dtype != DOUBLE and value not in self.pairs:
            return [value]
        pair, t = self._pair(value), self.tape
        if not is_main:
            return [t.op("Identity", pair.high), t.op("Identity", t.low(pair))]
        high = t.op("Identity", pair.high)
        high.name, high.shape = value.name, value.shape
        value.name = f"{value.name}_float64"
        return [high]

    def _replace(self, node: ir.Node, main: ir.Graph) -> None:
        results: Sequence[Result]
        if node.op_type in ("If", "Loop") and not node.domain:
            results = self._with_bodies(node, main)
        else:
            inputs = [self._operand(value) for value in node.inputs]
            results = self._results(node, inputs)
        for old, new in zip(node.outputs, results, strict=True):
            if isinstance(new, Pair):
                for part in (new.high, new.low):
                    if part is not None and part.shape is None and part.producer() is not None:
                        part.shape = old.shape.copy() if old.shape is not None else None
                self.pairs[old] = new
            else:
                new.shape = new.shape or old.shape
                is_output, name = old.is_graph_output(), old.name
                ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
                if is_output:
                    old.name, new.name = f"{name}_float64", name

    def _results(self, node: ir.Node, inputs: Sequence[Operand]) -> Sequence[Result]:
        rule, kept = rule_for(node), len(self.tape.tape.nodes)
        if rule is not None:
            try:
                return rule(self.tape, node, inputs)
            except DeclinedError:
                del self.tape.tape.nodes[kept:]
                self.tape.forget()
        highs = [x.high if isinstance(x, Pair) else x for x in inputs]
        made = ir.node(node.op_type, highs, dict(node.attributes), domain=node.domain, num_outputs=len(node.outputs))
        narrow_attributes(made)
        self.tape.tape.nodes.append(made)
        for old, new in zip(node.outputs, made.outputs, strict=True):
            new.type = ir.TensorType(FLOAT) if old.dtype == DOUBLE else old.type
        return [Pair(new) if old.dtype == DOUBLE else new for old, new in zip(node.outputs, made.outputs, strict=True)]

    def _with_bodies(self, node: ir.Node, main: ir.Graph) -> Sequence[Result]:
        """Return what a Loop or an If gives, whose states are twice as many where they were float64."""
        bodies = {name: a.as_graph() for name, a in node.attributes.items() if a.type == ir.AttributeType.GRAPH}
        taken: list[ir.Value | None] = []
        for value in node.inputs:
            operand = self._operand(value)
            taken += [operand.high, self.tape.low(operand)] if isinstance(operand, Pair) else [operand]
        outer, self.tape.tape.nodes = self.tape.tape.nodes, []
        for body in bodies.values():
            inputs = [part for value in body.inputs for part in self._state(value)]
            body.inputs.clear()
            body.inputs.extend(inputs)
            self._convert(body, main)
        self.tape.tape.nodes = outer
        widths = [2 if value.dtype == DOUBLE else 1 for value in node.outputs]
        made = ir.node(node.op_type, taken, bodies, num_outputs=sum(widths))
        self.tape.tape.nodes.append(made)
        outputs, results = iter(made.outputs), []
        for old, width in zip(node.outputs, widths, strict=True):
            parts = [next(outputs) for _ in range(width)]
            for part in parts:
                part.type = ir.TensorType(FLOAT) if width == 2 else old.type
            results.append(Pair(parts[0], parts[1]) if width == 2 else parts[0])
        return results

    def _state(self, value: ir.Value) -> list[ir.Value]:
        if value.dtype != DOUBLE:
            return [value]
        parts = [
            ir.Value(name=f"{value.name}_{part}", type=ir.TensorType(FLOAT), shape=value.shape)
            for part in ("high", "low")
        ]
        self.pairs[value] = Pair(parts[0], parts[1])
        return parts

    def _operand(self, value: ir.Value | None) -> Operand:
        if value is None or (value.dtype != DOUBLE and value not in self.pairs):
            return value
        return self._pair(value)

    def _pair(self, value: ir.Value) -> Pair:
        if value not in self.pairs:
            if value.const_value is None:
                raise TypeError(f"{value.name!r} is used before it is made")
            self.pairs[value] = self.tape.constant(value.const_value.numpy())
        return self.pairs[value]

    def _emit(self, graph: ir.Graph, main: ir.Graph, *, before: ir.Node | None = None) -> None:
        tape = self.tape.tape
        for value in tape.initializers:
            value.name = f"pair_{self.numbers}"
            self.numbers += 1
            main.register_initializer(value)
        if before is None:
            graph.extend(tape.nodes)
        else:
            graph.insert_before(before, tape.nodes)
        tape.nodes, tape.initializers = [], []


def _is_wide(node: ir.Node) -> bool:
    """Return whether a node, or one in its branches, reads or makes float64."""
    values: Iterable[ir.Value | None] = (*node.inputs, *node.outputs)
    bodies = [a.as_graph() for a in node.attributes.values() if a.type == ir.AttributeType.GRAPH]
    return any(v is not None and v.dtype == DOUBLE for v in values) or any(
        _is_wide(inner) for body in bodies for inner in body
    )
