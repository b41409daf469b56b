"""Opens graphs in onnxruntime-gpu on stand-ins for CUDA, and says where each node would run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

import bridge
from bridge.placement import NEEDS_CUDNN
from bridge.proto_nodes import all_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def needing_cudnn(model: onnx.ModelProto) -> list[str]:
    """Return the operators that are placed on CUDA and fail there at run where cuDNN is not installed."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    rank = _ranks(inferred)
    return [n.op_type for n in all_nodes(inferred.node) if n.op_type in NEEDS_CUDNN or _reduces_middle(n, rank)]


def _ranks(graph: onnx.GraphProto) -> dict[str, int]:
    """Return the number of dimensions of every value whose shape is known, of subgraphs too."""
    values = [*graph.input, *graph.value_info, *graph.output]
    rank = {v.name: len(v.type.tensor_type.shape.dim) for v in values if v.type.tensor_type.HasField("shape")}
    rank |= {i.name: len(i.dims) for i in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                rank |= _ranks(inner)
    return rank


def _reduces_middle(node: onnx.NodeProto, rank: dict[str, int]) -> bool:
    """Return whether an ArgMax or a mean runs over another axis than the last, for which onnxruntime takes cuDNN."""
    if node.op_type not in {"ArgMax", "ArgMin", "ReduceMean"} or node.input[0] not in rank:
        return False
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    axes = np.atleast_1d(attributes.get("axes", attributes.get("axis", 0)))
    last = rank[node.input[0]] - 1
    return any(axis not in {-1, last} for axis in axes)


class NoStandInError(Exception):
    """This machine cannot build the stand-ins for CUDA; the message says what it lacks."""


def build_stand_ins(folder: Path) -> None:
    """Write the stand-ins into `folder`."""
    built = subprocess.run(
        [sys.executable, HERE / "build_stub.py", folder], check=False, capture_output=True, text=True
    )
    if built.returncode == CANNOT_BUILD:
        raise NoStandInError(built.stderr.strip())
    if built.returncode:
        raise RuntimeError(built.stderr)


@contextmanager
def open_placer(stand_ins: Path, folder: Path, *libraries: Path) -> Iterator[Placer]:
    """Yield what gives the nodes of a model with their providers; models are written into `folder`.

    `libraries` of custom operators are registered with every session.
    """
    process = subprocess.Popen(
        [sys.executable, HERE / "list_assignments.py", *libraries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "LD_LIBRARY_PATH": str(stand_ins),
            "PYTHONPATH": str(Path(bridge.__file__).parents[1]),
        },
    )
    try:
        yield Placer(process, folder)
    finally:
        process.stdin.close()
        process.wait(timeout=30)
