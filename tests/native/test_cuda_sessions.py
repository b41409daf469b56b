"""The whole CUDA side but the launch itself, in sessions of onnxruntime's CUDA provider whose GPU is the host.

The stand-ins for CUDA give host memory for a GPU's, and launch_on_host.cc runs the kernels' blocks on it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from onnx import helper, numpy_helper

from tests.forests import rows_at, walk
from tests.native.conftest import SOURCE, headers
from tests.native.shapes import SHAPES, WIDTH
from tests.passes.test_forest_lowering import lowered
from tests.placement.build_stub import find_cuda_headers
from tests.placement.conftest import stub  # noqa: F401 - a fixture

HERE = SOURCE.parent / "tests" / "native"
SIZES = (0, 1, 7, 33, 600)
DTYPES = {"f32": np.float32, "f64": np.float64}


@pytest.fixture(scope="module")
def host_library(stub, tmp_path_factory):  # noqa: F811 - the fixture
    """The library, with its CUDA operator, that launches on the host."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("the library is not built: a C++ compiler is missing")
    path = tmp_path_factory.mktemp("host") / "bridge_on_host.so"
    sources = [f for f in (SOURCE / "src").glob("*.cc") if "avx" not in f.name]
    sources += [*(SOURCE / "cuda").glob("*.cc"), HERE / "launch_on_host.cc"]
    folders = [SOURCE / "src", SOURCE / "cuda", HERE, headers(), find_cuda_headers()]
    flags = ["-std=c++20", "-O1", "-shared", "-fPIC", "-ffp-contract=off", "-DBRIDGE_CUDA"]
    link = [stub / "libcudart.so.13", "-Wl,-z,defs"]
    command = [compiler, *flags, *(f"-I{f}" for f in folders), *sources, *link, "-o", path]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not built.returncode, built.stderr
    return path


@pytest.fixture(scope="module")
def sums(stub, host_library, tmp_path_factory):  # noqa: F811 - the fixture
    """What the sessions gave: by shape of forest, dtype and number of rows."""
    folder = tmp_path_factory.mktemp("sessions")
    for name, make in SHAPES.items():
        for short, dtype in DTYPES.items():
            stem = f"{name.replace(' ', '_')}-{short}"
            forest = make()
            x = rows_at(forest, WIDTH, dtype, rows=max(SIZES))
            (folder / f"{stem}.onnx").write_bytes(lowered(forest, WIDTH, dtype, "cuda", "forest").SerializeToString())
            for size in SIZES:
                np.save(folder / f"{stem}.{size}.npy", x[:size])
    given, values = _with_values_as_input()
    (folder / "given_values-f32.onnx").write_bytes(given.SerializeToString())
    np.save(folder / "given_values-f32.50.npy", rows_at(SHAPES["five outputs"](), WIDTH, np.float32, rows=50))
    (folder / "tables").mkdir()
    np.save(folder / "tables" / "given_values-f32.npy", 3 * values)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(stub), "PYTHONPATH": str(SOURCE.parent)}
    ran = subprocess.run(
        [sys.executable, HERE / "run_on_stub.py", host_library, folder],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ran.returncode, ran.stderr
    return lambda name, short, size: np.load(folder / f"{name.replace(' ', '_')}-{short}.{size}.out.npy")


def _with_values_as_input():
    """Return a model that is given its leaves' scores when it runs."""
    model = lowered(SHAPES["five outputs"](), WIDTH, np.float32, "cuda", "forest")
    (call,) = model.graph.node
    (table,) = [t for t in model.graph.initializer if t.name == call.input[8]]
    call.input[8] = "values"
    model.graph.input.append(helper.make_tensor_value_info("values", table.data_type, table.dims))
    return model, numpy_helper.to_array(table)


@pytest.mark.parametrize("short", DTYPES)
@pytest.mark.parametrize("name", SHAPES)
def test_session_on_cuda_reaches_the_leaves_of_the_walk(sums, name, short):
    forest = SHAPES[name]()
    expected = walk(forest, rows_at(forest, WIDTH, DTYPES[short], rows=max(SIZES)))

    for size in SIZES:
        np.testing.assert_array_equal(sums(name, short, size), expected[:size])


def test_tables_that_are_no_initializers_are_read_at_each_run(sums):
    forest = SHAPES["five outputs"]()

    expected = walk(forest, rows_at(forest, WIDTH, np.float32, rows=50))

    np.testing.assert_array_equal(sums("given values", "f32", 50), 3 * expected)
