"""Apply the lowering rules of a target until none applies: the only pass that replaces nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.initializers import drop_unused
from bridge.passes.rule import Options, Rule, RuleTape, find_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.targets import Target

NOTES = "bridge.notes"
"""Where `LowerOps` leaves the notes of its rules in the model's `meta`."""


@dataclass
class LowerOps(ir.passes.InPlacePass):
    """Replace every node that has a rule for the target; a rule's own nodes are lowered in their turn.

    Attributes
    ----------
    find
        Gives the rule for a node and a target, or None.
    declined
        After the pass: for each node that its rule refused, the reason. Keyed by the node.
    """

    options: Options
    find: Callable[[ir.Node, Target], Rule | None] = find_rule
    declined: dict[ir.Node, str] = field(default_factory=dict)

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        self.declined.clear()
        modified = False
        notes: list[str] = []
        for graph in _graphs(model):
            for node in list(graph):
                modified |= self._lower(node, notes)
        model.meta[NOTES] = (*model.meta.get(NOTES, ()), *notes)
        return ir.passes.PassResult(model, modified)

    def _lower(self, node: ir.Node, notes: list[str]) -> bool:
        rule = self.find(node, self.options.target)
        if rule is None:
            return False
        tape = RuleTape(self.options)
        try:
            outputs = list(rule(tape, node))
        except DeclinedError as reason:
            self.declined[node] = str(reason)
            return False
        _replace(node, tape, outputs, rule)
        notes += tape.notes
        for made in tape.nodes:
            self._lower(made, notes)
        return True


def _graphs(model: ir.Model) -> Iterator[ir.Graph]:
    yield model.graph
    yield from model.graph.subgraphs()


def _free_name(graph: ir.Graph, op_type: str) -> str:
    number = len(graph.initializers)
    while (name := f"{op_type}_table_{number}") in graph.initializers:
        number += 1
    return name


def _own_values(node: ir.Node, tape: RuleTape, outputs: list[ir.Value | None]) -> list[tuple[ir.Value, ir.Value]]:
    """Return each old output that is replaced, with a value that the rule made and that stands for it alone."""
    made = {v for n in tape.nodes for v in n.outputs}
    pairs: list[tuple[ir.Value, ir.Value]] = []
    for old, new in zip(node.outputs, outputs, strict=True):
        if new is None:
            continue
        own = new in made and all(new is not taken for _, taken in pairs)
        pairs.append((old, new if own else tape.op("Identity", new)))
    return pairs


def _replace(node: ir.Node, tape: RuleTape, outputs: list[ir.Value | None], rule: Rule) -> None:
    graph = node.graph
    if not isinstance(graph, ir.Graph):
        raise TypeError(f"node {node.name!r} is in no graph")
    if len(outputs) != len(node.outputs):
        raise ValueError(f"{rule} gave {len(outputs)} values for the {len(node.outputs)} outputs of {node.op_type}")
    unused = [old for old, new in zip(node.outputs, outputs, strict=True) if new is None]
    if any(old.uses() or old.is_graph_output() for old in unused):
        raise ValueError(f"{rule} gave no value for an output of {node.op_type} that is in use")
    pairs = _own_values(node, tape, outputs)
    for value in tape.initializers:
        value.name = _free_name(graph, node.op_type)
        graph.register_initializer(value)
    graph.insert_before(node, tape.nodes)
    for old, new in pairs:
        new.name = old.name
        new.type = new.type or old.type
        new.shape = new.shape or old.shape
        ir.convenience.replace_all_uses_with(old, new, replace_graph_outputs=True)
    read = [value for value in node.inputs if value is not None]
    graph.remove(node, safe=True)
    for value in read:
        drop_unused(graph, value)
