"""Graphs of every class that skl2onnx converts, lowered for CUDA, run whole on it, but for what computes shapes."""

from __future__ import annotations

import onnx_ir as ir
import pytest

from bridge.passes.uses import shape_computations
from tests.passes.estimators import CASES, converted
from tests.passes.judge import lower

CUDA = "CUDAExecutionProvider"


@pytest.mark.parametrize("case", CASES)
def test_every_node_runs_on_cuda(place, case):
    graph, _ = converted(CASES[case])
    lowered = lower(graph, "cuda")
    exempt = {node.name for node in shape_computations(ir.from_proto(lowered).graph.all_nodes())}
    assert {n.op_type for n in place(lowered) if n.provider != CUDA and n.name not in exempt} == set()
