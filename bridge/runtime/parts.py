"""The part of a model that one method needs, where the others hold most of the constants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import onnx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from bridge.runtime.session import Arrays, Run, Session

LEAST_BYTES = 2**16
"""Constants below this cost a run nothing."""
MOST_SHARE = 0.5
"""A method gets a session of its own where it needs at most this share of the constants: so little is held twice."""


def open_parts(
    model: onnx.ModelProto, wanted: Iterable[tuple[str, ...]], whole: Session, open_part: Callable[[bytes], Session]
) -> Session:
    """Return a session that runs the part of the graph behind some outputs, each of `wanted`, where that is the lesser.

    onnxruntime computes all of a graph whatever is fetched (1.31.1, `only_execute_path_to_fetches` or not): the mean of
    a Gaussian process of 1,000 rows took ten times as long beside its standard deviation.
    """
    sizes = {i.name: i.ByteSize() for i in model.graph.initializer}
    total = sum(sizes.values())
    if total < LEAST_BYTES:
        return whole
    runs = {}
    for outputs in wanted:
        needed = _needed(model.graph, outputs)
        if sum(sizes[name] for name in needed & sizes.keys()) <= MOST_SHARE * total:
            runs[outputs] = open_part(_part(model, outputs, needed).SerializeToString()).run
    return replace(whole, run=_Router(whole.run, runs)) if runs else whole


class _Router:
    """Runs the session that was opened for just these outputs, or the whole one."""

    def __init__(self, whole: Run, parts: Mapping[tuple[str, ...], Run]) -> None:
        self._whole = whole
        self._parts = parts

    def __call__(self, outputs: list[str], feeds: dict[str, NDArray[Any]]) -> Arrays:
        return self._parts.get(tuple(outputs), self._whole)(outputs, feeds)


def _needed(graph: onnx.GraphProto, outputs: Iterable[str]) -> set[str]:
    """Return the names of all values that these outputs are computed from, themselves among them."""
    needed = set(outputs)
    for node in reversed(graph.node):  # in topological order
        if not needed.isdisjoint(node.output):
            needed.update(_read(node))
    return needed


def _read(node: onnx.NodeProto) -> Iterable[str]:
    """Yield the values that a node reads, also from within its branches; names of their own do no harm."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            yield from (value.name for value in graph.output)
            for inner in graph.node:
                yield from _read(inner)


def _part(model: onnx.ModelProto, outputs: tuple[str, ...], needed: set[str]) -> onnx.ModelProto:
    """Return the model with these outputs alone; all inputs stay."""
    part = onnx.ModelProto(ir_version=model.ir_version)
    part.opset_import.extend(model.opset_import)
    part.functions.extend(model.functions)
    part.graph.name = model.graph.name
    part.graph.input.extend(model.graph.input)
    part.graph.output.extend(o for o in model.graph.output if o.name in outputs)
    part.graph.node.extend(n for n in model.graph.node if not needed.isdisjoint(n.output))
    part.graph.initializer.extend(i for i in model.graph.initializer if i.name in needed)
    return part
