"""Opens graphs in onnxruntime-gpu on stand-ins for CUDA, and says where each node would run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest

import bridge

HERE = Path(__file__).parent
CANNOT_BUILD = 77


@dataclass(frozen=True)
class Placed:
    """A node of a session, after onnxruntime's own optimisation, and the provider that runs it."""

    provider: str
    domain: str
    op_type: str
    name: str


@dataclass(frozen=True)
class Placer:
    """A process that opens CUDA sessions; called with a model, gives its nodes."""

    process: subprocess.Popen
    folder: Path

    def __call__(self, model: onnx.ModelProto) -> list[Placed]:
        path = self.folder / "model.onnx"
        onnx.save(model, path)
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return [Placed(*node) for node in answer["nodes"]]


@pytest.fixture(scope="session")
def stub(tmp_path_factory):
    """Return the folder of the stand-ins, or skip with what this machine lacks to build them."""
    folder = tmp_path_factory.mktemp("cuda_stub")
    built = subprocess.run(
        [sys.executable, HERE / "build_stub.py", folder], check=False, capture_output=True, text=True
    )
    if built.returncode == CANNOT_BUILD:
        pytest.skip(f"no stand-in for CUDA: {built.stderr.strip()}")
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="session")
def place(stub, tmp_path_factory):
    """Return a function that gives the nodes of a model with their providers."""
    root = Path(bridge.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, HERE / "list_assignments.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(stub), "PYTHONPATH": str(root)},
    )
    yield Placer(process, tmp_path_factory.mktemp("models"))
    process.stdin.close()
    process.wait(timeout=30)
