"""With the CUDA kernels in the library, onnxruntime-gpu puts `bridge::Forest` on the GPU; nothing is computed here."""

from __future__ import annotations

import ctypes
import subprocess

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from tests.forests import rows_at, walk
from tests.native.shapes import SHAPES, WIDTH, kept
from tests.passes.test_forest_lowering import lowered
from tests.placement.conftest import stub  # noqa: F401 - a fixture
from tests.placement.placer import open_placer

CUDA = "CUDAExecutionProvider"


@pytest.fixture(scope="module")
def place(stub, cuda_library, tmp_path_factory):  # noqa: F811 - the fixture
    with open_placer(stub, tmp_path_factory.mktemp("models"), cuda_library) as placer:
        yield placer


def cuda_model(name, dtype=np.float32):
    return lowered(SHAPES[name](), WIDTH, dtype, "cuda", "forest")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["small trees", "large trees", "categories and missing values", "five outputs"])
def test_forest_is_placed_on_cuda(place, name, dtype):
    nodes = place(cuda_model(name, dtype))

    assert [(n.provider, n.domain, n.op_type) for n in nodes if n.op_type == "Forest"] == [(CUDA, "bridge", "Forest")]
    assert {n.provider for n in nodes} == {CUDA}


def test_computed_tables_are_taken_on_cuda_too(place):
    model = cuda_model("small trees")
    (call,) = [n for n in model.graph.node if n.op_type == "Forest"]
    model.graph.node.insert(0, helper.make_node("Mul", [call.input[8], "factor"], ["scaled"]))
    next(n for n in model.graph.node if n.op_type == "Forest").input[8] = "scaled"
    model.graph.input.append(helper.make_tensor_value_info("factor", 11, [1]))

    nodes = place(model)

    assert [n.provider for n in nodes if n.op_type == "Forest"] == [CUDA]


def test_node_that_asks_for_more_than_sums_is_refused(place):
    model = cuda_model("small trees")
    (call,) = [n for n in model.graph.node if n.op_type == "Forest"]
    call.attribute.append(helper.make_attribute("link", "exp"))

    with pytest.raises(RuntimeError, match="the CUDA kernel gives sums alone"):
        place(model)


def test_damaged_tables_are_refused_when_the_session_is_created(place):
    model = cuda_model("small trees")
    (call,) = [n for n in model.graph.node if n.op_type == "Forest"]
    (roots,) = [t for t in model.graph.initializer if t.name == call.input[7]]
    roots.raw_data = np.full(roots.dims[0], 10**6, np.int32).tobytes()

    with pytest.raises(RuntimeError, match="'roots' points to 1000000"):
        place(model)


def test_library_with_cuda_says_so(cuda_library):
    assert ctypes.CDLL(str(cuda_library)).BridgeForestHasCuda() == 1


def test_library_with_cuda_runs_on_the_cpu_without_a_driver(cuda_library):
    forest = SHAPES["categories and missing values"]()
    x = rows_at(forest, WIDTH, np.float32)
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(str(cuda_library))
    session = onnxruntime.InferenceSession(
        kept(forest).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    np.testing.assert_array_equal(session.run(None, {"X": x})[0], walk(forest, x))


def test_library_needs_nothing_of_cuda_to_load(cuda_library):
    needed = subprocess.run(["ldd", cuda_library], capture_output=True, text=True, check=True).stdout

    assert "cuda" not in needed
    assert "not found" not in needed
