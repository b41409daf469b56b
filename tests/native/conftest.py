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
SETTING = "BRIDGE_FOREST_ISA"
ISAS = ("scalar", "avx2", "avx512", "avx512vbmi")


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    # The workers of pytest-xdist share the folder above their own.
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with (shared / "native.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = shared / "native" / "bridge_custom_ops.so"
        return path if path.exists() else _build(path.parent, "-DBRIDGE_CUDA=OFF")


@pytest.fixture(scope="session")
def cuda_library(tmp_path_factory):
    """The library with its CUDA kernels, for one generation of GPUs and in PTX."""
    if shutil.which("nvcc") is None:
        pytest.skip("the CUDA kernels are not built: nvcc is missing")
    folder = tmp_path_factory.mktemp("cuda") / "build"
    return _build(folder, "-DBRIDGE_CUDA=ON", "-DBRIDGE_CUDA_ARCHITECTURES=90")


def headers():
    """Return the folder of onnxruntime's C headers, fetched where need be."""
    if "ORT_INCLUDE_DIR" in os.environ:
        return Path(os.environ["ORT_INCLUDE_DIR"])
    fetched = subprocess.run([SOURCE / "fetch_headers.sh"], capture_output=True, text=True, check=False)
    if fetched.returncode:
        pytest.skip(f"the native operator is not built: {fetched.stderr.strip() or 'no headers'}")
    return SOURCE / "headers"


def _build(folder, *settings):
    if not (shutil.which("cmake") and (shutil.which("c++") or shutil.which("g++") or os.environ.get("CXX"))):
        pytest.skip("the native operator is not built: cmake or a C++ compiler is missing")
    headers()
    for command in (["-S", str(SOURCE), "-B", str(folder), *settings], ["--build", str(folder), "--parallel", "2"]):
        built = subprocess.run(["cmake", *command], capture_output=True, text=True, check=False)
        assert not built.returncode, built.stdout + built.stderr
    return folder / "bridge_custom_ops.so"


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
