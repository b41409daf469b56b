"""Graphs of every class that skl2onnx converts, lowered for CUDA, run whole on it, but for what computes shapes."""

from __future__ import annotations

import pytest

from tests.passes.estimators import CASES, converted
from tests.passes.judge import lower

CUDA = "CUDAExecutionProvider"
MEASURES = {"Shape", "Size"}
"""onnxruntime keeps what is computed from these alone on the CPU on purpose: other kernels read it there."""


def all_nodes(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from all_nodes(attribute.g)


def all_constants(graph):
    yield from (i.name for i in graph.initializer)
    for node in graph.node:
        if node.op_type == "Constant":
            yield node.output[0]
        for attribute in node.attribute:
            yield from all_constants(attribute.g)


def shape_arithmetic(model):
    """Return the names of the nodes that read shapes and constants alone."""
    known, found = set(all_constants(model.graph)), set()
    for node in all_nodes(model.graph):
        if node.op_type in MEASURES or (node.input and known.issuperset(node.input)):
            known.update(node.output)
            found.add(node.name)
    return found


@pytest.mark.parametrize("case", CASES)
def test_every_node_runs_on_cuda(place, case):
    graph, _ = converted(CASES[case])
    lowered = lower(graph, "cuda")
    exempt = shape_arithmetic(lowered)
    assert {n.op_type for n in place(lowered) if n.provider != CUDA and n.name not in exempt} == set()
