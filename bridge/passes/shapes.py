"""Shapes of values: inferred as far as that goes, and made to agree."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from bridge.opset import MICROSOFT_DOMAIN, ML_DOMAIN
from bridge.passes.inner_names import NameInnerValues
from bridge.passes.packed_lists import lists_aside
from bridge.passes.simple_shapes import fill_in_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

READS_SHAPE = frozenset({"Shape", "Size"})
NEEDS_TYPE = frozenset(
    {(ML_DOMAIN, "LabelEncoder"), (ML_DOMAIN, "DictVectorizer"), (ML_DOMAIN, "TreeEnsemble"), ("", "RegexFullMatch")}
)
"""Operators on which ONNX's shape inference (1.23) ends the process where their input has no type."""
MAKES_TEXT = frozenset({(MICROSOFT_DOMAIN, "Tokenizer")})
"""Operators that shape inference does not know, whose output is text."""
HIDDEN = "bridge.hidden"
"""A domain that shape inference does not know."""
KEEPS_SHAPE = frozenset({"Identity", "Cast"})


def infer_shapes(*, known_too: bool = False) -> ir.passes.InPlacePass:
    """Return the pass that infers the shapes and dtypes of all values, as far as ONNX knows their operators.

    With `known_too` it also looks at a graph in which all of them are declared: a file may declare wrong ones.
    """
    return _InferShapes(known_too=known_too)


@dataclass(frozen=True)
class _InferShapes(ir.passes.InPlacePass):
    """ONNX's shape inference; a node that it fails on is left without shapes, not the whole graph.

    Strict, it would give up on all nodes for one whose attributes or declared shapes contradict each other, and log a
    traceback; the rule for that node says more. The tables of trees are kept out: to copy them to C++ and back is most
    of the time that a large forest takes.
    """

    known_too: bool

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        if not self.known_too and fill_in_shapes(model):
            return ir.passes.PassResult(model, modified=True)
        # Inference takes a value in a loop for the one of the same name around it.
        NameInnerValues()(model)
        with lists_aside(model):
            return ir.passes.PassResult(model, _infer_typed(model))


@contextmanager
def hidden(model: ir.Model, nodes: Sequence[ir.Node]) -> Iterator[None]:
    """Let `nodes` be of a domain that ONNX does not know until the block ends."""
    domains = [node.domain for node in nodes]
    for node in nodes:
        node.domain = HIDDEN
    model.graph.opset_imports[HIDDEN] = 1
    try:
        yield
    finally:
        del model.graph.opset_imports[HIDDEN]
        for node, domain in zip(nodes, domains, strict=True):
            node.domain = domain


def _infer_typed(model: ir.Model) -> bool:
    """Infer shapes, with nodes of `NEEDS_TYPE` left out until their inputs have types; return whether any changed."""
    # Only graphs that compute with shapes need the propagation of data, which takes most of the time.
    data_prop = any(node.op_type in READS_SHAPE for node in model.graph.all_nodes())
    infer = common.ShapeInferencePass(check_type=False, strict_mode=False, data_prop=data_prop)
    modified = False
    for node in model.graph.all_nodes():
        if (node.domain, node.op_type) in MAKES_TEXT:
            node.outputs[0].type = ir.TensorType(ir.DataType.STRING)
    untyped = _without_type(model)
    while True:
        with hidden(model, untyped), _no_traceback():
            modified |= infer(model).modified
        before, untyped = len(untyped), _without_type(model)
        if len(untyped) == before or not before:
            return modified


@contextmanager
def _no_traceback() -> Iterator[None]:
    """Keep onnx_ir from logging why inference failed: `check_result` says it of a graph that no runtime could load."""
    log = logging.getLogger(common.shape_inference.__name__)
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before


def _without_type(model: ir.Model) -> list[ir.Node]:
    needing = [node for node in model.graph.all_nodes() if (node.domain, node.op_type) in NEEDS_TYPE]
    return [n for n in needing if not n.inputs or n.inputs[0] is None or n.inputs[0].dtype is None]


class AgreeOnShapes(ir.passes.InPlacePass):
    """Let copies have the shape of what they copy, where the file says otherwise.

    skl2onnx declares (rows,) for labels that are (rows, 1), and (rows, 1) for two regression targets; onnx_ir refuses
    to take an Identity between such shapes out.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        modified = False
        for node in model.graph.all_nodes():
            if node.op_type not in KEEPS_SHAPE or node.domain or node.inputs[0] is None:
                continue
            source, result = node.inputs[0].shape, node.outputs[0].shape
            if source is not None and result is not None and _contradict(source, result):
                node.outputs[0].shape = source.copy()
                modified = True
        return ir.passes.PassResult(model, modified)


def _contradict(a: ir.Shape, b: ir.Shape) -> bool:
    if len(a) != len(b):
        return True
    return any(isinstance(m, int) and isinstance(n, int) and m != n for m, n in zip(a, b, strict=True))
