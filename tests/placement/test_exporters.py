"""Files of other exporters, lowered for CUDA, run whole on it."""

from __future__ import annotations

import pytest

from tests.passes.exporters.catalogue import FILES, lowered

CUDA = "CUDAExecutionProvider"


@pytest.mark.parametrize("name", FILES)
def test_every_node_of_a_lowered_file_runs_on_cuda(place, name):
    nodes = place(lowered(name, "cuda"))

    assert nodes
    assert {node.op_type for node in nodes if node.provider != CUDA} == set()
