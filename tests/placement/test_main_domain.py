"""What the rules make of operators without a CUDA kernel runs on CUDA, as onnxruntime-gpu itself says."""

from __future__ import annotations

import pytest

from tests.passes.judge import lower
from tests.passes.kernels.cases import cases

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lowered_operator_runs_on_cuda(place, case):
    model = case.model()
    assert CPU in {node.provider for node in place(model)}

    assert {node.op_type for node in place(lower(model, "cuda")) if node.provider != CUDA} == set()
