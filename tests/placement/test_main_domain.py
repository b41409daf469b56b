"""What the rules make of operators without a CUDA kernel runs on CUDA, as onnxruntime-gpu itself says."""

from __future__ import annotations

import pytest

import bridge
from tests.passes.judge import lower
from tests.passes.kernels.cases import by_cudnn, cases
from tests.passes.test_text_first import TEXT, text_model

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lowered_operator_runs_on_cuda(place, case):
    model = case.model()
    assert CPU in {node.provider for node in place(model)}

    assert {node.op_type for node in place(lower(model, "cuda")) if node.provider != CUDA} == set()


@pytest.mark.parametrize("case", list(by_cudnn()), ids=str)
def test_what_needed_cudnn_still_runs_on_cuda(place, case):
    assert {node.provider for node in place(lower(case.model(), "cuda"))} == {CUDA}


def test_only_the_work_on_text_is_on_the_cpu(place):
    nodes = place(bridge.lower(text_model(), target="cuda"))

    assert {node.op_type for node in nodes if node.provider != CUDA} == TEXT
    assert [node.op_type for node in nodes if node.provider == CUDA]
