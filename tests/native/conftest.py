"""Builds the library of custom operators once, in a folder of its own; its tests are skipped where that cannot be."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import onnxruntime
import pytest

SOURCE = Path(__file__).parents[2] / "custom_ops"
LIBRARY = "bridge_custom_ops.so"
SETTING = "BRIDGE_FOREST_ISA"
ISAS = ("scalar", "avx2", "avx512", "avx512vbmi")


@pytest.fixture(scope="session")
def build_once(tmp_path_factory):
    """Return a function that lets one of pytest's processes build a folder, by `build(folder)`, for all of them."""
    # The workers of pytest-xdist share the folder above their own.
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared

    def once(name, build):
        folder = shared / name
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "built").exists():
                build(folder)
                (folder / "built").touch()
        return folder

    return once


@pytest.fixture(scope="session")
def library(build_once):
    return build_once("native", lambda folder: _build(folder, "-DBRIDGE_CUDA=OFF")) / LIBRARY


@pytest.fixture(scope="session")
def cuda_library(build_once):
    """The library with its CUDA kernels, for one generation of GPUs and in PTX."""
    if shutil.which("nvcc") is None:
        pytest.skip("the CUDA kernels are not built: nvcc is missing")
    settings = ("-DBRIDGE_CUDA=ON", "-DBRIDGE_CUDA_ARCHITECTURES=90")
    return build_once("cuda", lambda folder: _build(folder, *settings)) / LIBRARY


def headers():
    """Return the folder of onnxruntime's C headers, fetched where need be."""
    if "ORT_INCLUDE_DIR" in os.environ:
        return Path(os.environ["ORT_INCLUDE_DIR"])
    fetched = subprocess.run([SOURCE / "fetch_headers.sh"], capture_output=True, text=True, check=False)
    if fetched.returncode:
        pytest.skip(f"the native operator is not built: {fetched.stderr.strip() or 'no headers'}")
    return SOURCE / "headers"


def need_cmake():
    if not (shutil.which("cmake") and (shutil.which("c++") or shutil.which("g++") or os.environ.get("CXX"))):
        pytest.skip("the native operator is not built: cmake or a C++ compiler is missing")


def cmake(*arguments):
    built = subprocess.run(["cmake", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert not built.returncode, built.stdout + built.stderr


def _build(folder, *settings):
    need_cmake()
    headers()
    cmake("-S", SOURCE, "-B", folder, *settings)
    cmake("--build", folder, "--parallel", 2)


@pytest.fixture(scope="session")
def machine_isas(library):
    """The instruction sets that this machine runs; the setting is read whenever a session is opened."""
    kernels = ctypes.CDLL(str(library)).BridgeForestKernels
    kernels.restype = ctypes.c_char_p
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for isa in ISAS:
            patch.setenv(SETTING, isa)
            found += [isa] if kernels() is not None else []
    return found


@pytest.fixture(params=ISAS)
def isa(request, machine_isas, monkeypatch):
    """Each instruction set that this machine runs, chosen for the sessions of the test."""
    if request.param not in machine_isas:
        pytest.skip(f"this machine does not run {request.param}")
    monkeypatch.setenv(SETTING, request.param)
    return request.param


@pytest.fixture
def open_kernel(library):
    """Return a function that opens a session in which the kernel takes the place of the function."""

    def open_session(model, threads=1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        options.register_custom_ops_library(str(library))
        serialized = model if isinstance(model, bytes) else model.SerializeToString()
        return onnxruntime.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])

    return open_session


def runs_sanitized(compiler, flag, folder):
    """Return whether programs of this sanitizer can be built, and run: not every machine lets them."""
    source, program = folder / "empty.c", folder / "empty"
    source.write_text("int main(void) { return 0; }\n")
    commands = ([compiler, "-x", "c", source, flag, "-o", program], [program])
    return not any(subprocess.run(c, capture_output=True, check=False).returncode for c in commands)
