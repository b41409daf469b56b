"""Matrices of few entries a row: the inputs that hold them, and the dense matrix where a step needs one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.errors import UnsupportedError
from bridge.export.block import TermsInput
from bridge.export.builder import SPREAD, Builder, Terms
from bridge.opset import BRIDGE_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.data.analysis import Analysis
    from bridge.data.naming import Naming
    from bridge.data.schema import Scalar
    from bridge.export.block import Block, Part

WIDEST_STEP = 2**22
"""The most columns of a dense matrix between two steps: 32 MB a row."""


def open_terms(part: Part, analysis: Analysis | Naming, vocabulary: tuple[Scalar, ...]) -> Terms:
    """Return two new inputs, which the host fills with what it finds in the column that is `part`.

    Members of an ensemble that take it apart alike share them.
    """
    for other in part.terms:
        if (other.analysis, other.vocabulary) == (analysis, vocabulary):
            return other.terms
    columns = ir.Value(name="terms", type=ir.TensorType(ir.DataType.INT64))
    counts = ir.Value(name="counts", type=ir.TensorType(ir.DataType[_ONNX_NAMES[analysis.dtype]]))
    terms = Terms(columns, counts, analysis.width)
    part.terms.append(TermsInput(terms, analysis, vocabulary))
    return terms


_ONNX_NAMES = {"float64": "DOUBLE", "float32": "FLOAT", "int64": "INT64", "int32": "INT32"}


def as_block(b: Builder, x: Block, terms: Terms, *, sparse: bool = True) -> Block:
    """Return terms as columns; `sparse` says whether scikit-learn holds them in a sparse matrix."""
    return replace(x.of(b.spread(terms), terms.width), sparse=sparse)


def write_spreads(b: Builder, outputs: Iterable[ir.Value]) -> None:
    """Write the dense matrices of terms that `outputs` need, and leave out what only others need.

    Until here such a matrix is one node without a meaning, so that a step that reads the terms never pays for it.
    """
    needed = _needed(outputs)
    written = []
    for node in [n for n in b.nodes if _is_spread(n) and n in needed]:
        terms = b.terms[node.outputs[0]]
        if terms.width > WIDEST_STEP:
            raise UnsupportedError(
                f"a step needs all {terms.width:,} columns of a sparse matrix side by side, zeros too.\n"
                f"Up to {WIDEST_STEP:,} can be written; models that multiply the columns by weights have no such bound."
            )
        position, nodes = b.nodes.index(node), b.nodes
        b.nodes = []
        ir.convenience.replace_all_uses_with(node.outputs[0], b.scatter(terms))
        b.nodes = nodes[:position] + b.nodes + nodes[position + 1 :]
        written.append(node)
    behind: set[ir.Value] = set()
    for node in b.nodes:
        if _is_spread(node) or not behind.isdisjoint(_read(node)):
            behind.update(node.outputs)
    dead = [n for n in b.nodes if not behind.isdisjoint(n.outputs) and n not in needed]
    for node in [*dead, *written]:
        for i in range(len(node.inputs)):
            node.replace_input_with(i, None)
    b.nodes = [n for n in b.nodes if n not in set(dead)]


def _is_spread(node: ir.Node) -> bool:
    return (node.domain, node.op_type) == (BRIDGE_DOMAIN, SPREAD)


def _needed(outputs: Iterable[ir.Value]) -> set[ir.Node]:
    found: set[ir.Node] = set()
    waiting: list[ir.Value] = list(outputs)
    while waiting:
        node = waiting.pop().producer()
        if node is not None and node not in found:
            found.add(node)
            waiting += _read(node)
    return found


def _read(node: ir.Node) -> Iterator[ir.Value]:
    """Yield the values that a node reads, also from within its branches and loops."""
    yield from (v for v in node.inputs if v is not None)
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            body = attribute.as_graph()
            yield from body.outputs
            for inner in body:
                yield from _read(inner)
