"""A program in C loads the library through onnxruntime's C API, and leaves no memory behind."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tests.forests import rows_at, walk
from tests.native.conftest import SOURCE, headers, runs_sanitized
from tests.native.shapes import SHAPES, WIDTH, kept

CYCLES = 10
PROGRAM = SOURCE.parent / "tests" / "native" / "call_from_c.c"


@pytest.fixture(scope="module")
def runtime():
    folder = Path(onnxruntime.__file__).parent / "capi"
    found = sorted(folder.glob("libonnxruntime.so.*"))
    if not found:
        pytest.skip(f"this onnxruntime has no C library in {folder}")
    return found[-1]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program, under the sanitizer of leaks."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("the program is not built: a C compiler is missing")
    folder = tmp_path_factory.mktemp("c")
    if not runs_sanitized(compiler, "-fsanitize=address", folder):
        pytest.skip(f"the program is not built: {compiler} has no sanitizer of leaks that runs here")
    path = folder / "call_from_c"
    flags = ["-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address", "-isystem", str(headers())]
    built = subprocess.run([compiler, *flags, PROGRAM, "-o", path, "-ldl"], capture_output=True, text=True, check=False)
    assert not built.returncode, built.stderr
    return path


@pytest.mark.parametrize("name", ["small trees", "large trees", "five outputs"])
def test_c_program_gets_the_sums_and_leaves_no_memory(program, runtime, library, tmp_path, name):
    forest = SHAPES[name]()
    model = kept(forest)
    del model.functions[:]
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    x = rows_at(forest, WIDTH, np.float32, rows=3000)
    arguments = [runtime, library, tmp_path / "model.onnx", *map(str, (*x.shape, CYCLES)), model.graph.output[0].name]

    ran = subprocess.run([program, *arguments], input=x.tobytes(), capture_output=True, check=False)

    assert not ran.returncode, ran.stderr.decode()[-5000:]
    np.testing.assert_array_equal(np.frombuffer(ran.stdout).reshape(len(x), -1), walk(forest, x))
