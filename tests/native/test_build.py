"""The build says what it lacks, and the library shows its own names alone."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.native.conftest import SOURCE, need_cmake


def _refused(tmp_path, headers):
    """Return what CMake says of a folder of headers that it refuses, without line breaks."""
    need_cmake()
    command = ["cmake", "-S", SOURCE, "-B", tmp_path / "build", "-DBRIDGE_CUDA=OFF"]
    environment = os.environ | {"ORT_INCLUDE_DIR": str(headers)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode
    return " ".join(ran.stderr.split())


def test_folder_without_headers_is_refused_even_where_the_system_has_them(tmp_path):
    told = _refused(tmp_path, tmp_path / "nowhere")

    assert "nowhere, where there is no onnxruntime_c_api.h" in told
    assert "run custom_ops/fetch_headers.sh" in told


def test_headers_of_an_older_onnxruntime_are_refused(tmp_path):
    (tmp_path / "onnxruntime_c_api.h").write_text("#define ORT_API_VERSION 20\n")

    assert "are of API 20, expected 21 or newer" in _refused(tmp_path, tmp_path)


def test_library_shows_its_own_names_alone(library):
    """What it has of the C++ library must not be taken for that of another library."""
    if shutil.which("nm") is None:
        pytest.skip("the library's names are not read: nm is missing")
    shown = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout

    assert {line.split()[-1] for line in shown.splitlines()} == {
        "BridgeForestHasCuda",
        "BridgeForestKernels",
        "RegisterCustomOps",
    }


def test_package_has_the_licence_of_the_project():
    """A link to it would point nowhere in a source distribution."""
    assert (SOURCE / "LICENSE").read_text() == (SOURCE.parent / "LICENSE").read_text()
