"""The CUDA kernels: their blocks give the bits of a plain walk on the host, and compile without spills for every GPU.

Nothing here runs on a GPU: scripts/gpu_check.py --native does.
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.native.conftest import SOURCE

CUDA = SOURCE / "cuda"
STANDARD = "-std=c++17"
SOURCES = (CUDA / "pack.cc", CUDA / "plan.cc", SOURCE / "src" / "forest_tables.cc")
CHECKS = ("-fsanitize=address,undefined", "-fno-sanitize-recover")
INCLUDES = (f"-I{SOURCE / 'src'}", f"-I{CUDA}")
FORMATS = ("coded8 float32", "coded8 float64", "coded16 float32", "coded16 float64", "narrow float32", "wide float64")
SHAPES = ("row x1", "row x1 split", "tile x1", "tile x4 split", "tile x1 vector", "tile x1 vector split")


def _architectures():
    """Return the real architectures that the build lists, such as 75."""
    (listed,) = re.findall(r"BRIDGE_CUDA_ARCHITECTURES ([\w -]+) CACHE", (CUDA / "cuda.cmake").read_text())
    return [name.removesuffix("-real") for name in listed.split()]


@pytest.fixture(scope="module")
def emulation(tmp_path_factory):
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("the blocks are not run on the host: a C++ compiler is missing")
    program = tmp_path_factory.mktemp("emulation") / "gpu_emulation"
    source = SOURCE.parent / "tests" / "native" / "gpu_emulation.cc"
    flags = ["-std=c++20", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-ffp-contract=off"]
    command = [compiler, *flags, *CHECKS, *INCLUDES, *SOURCES, source, "-o", program]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not built.returncode, built.stderr
    return program


def test_blocks_give_the_bits_of_the_walk_however_they_are_launched(emulation):
    ran = subprocess.run([emulation], capture_output=True, text=True, check=False)

    assert not ran.returncode, ran.stdout + ran.stderr
    counts = dict(line.rsplit(": ", 1) for line in ran.stdout.splitlines())
    expected = {
        f"{form} {shape}" for form in FORMATS for shape in SHAPES if "vector" not in shape or "row" not in shape
    }
    assert expected <= set(counts)


@pytest.mark.parametrize("architecture", _architectures())
def test_kernels_compile_without_spilling_registers(architecture, tmp_path):
    if shutil.which("nvcc") is None:
        pytest.skip("the CUDA kernels are not compiled: nvcc is missing")
    flags = ["-O3", "--fmad=false", f"-arch=sm_{architecture}", "-Xptxas", "-v", "--cubin", STANDARD, *INCLUDES]

    built = subprocess.run(
        ["nvcc", *flags, CUDA / "launch.cu", "-o", tmp_path / "launch.cubin"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert not built.returncode, built.stdout + built.stderr
    told = built.stdout + built.stderr
    spilled = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", told)
    registers = [int(n) for n in re.findall(r"Used (\d+) registers", told)]
    assert len(spilled) == len(registers) > 30
    assert set(spilled) == {("0", "0", "0")}
    assert max(registers) <= 64  # four blocks of 256 threads have no more


def test_library_is_compiled_for_turing_to_hopper_and_as_ptx():
    assert _architectures() == ["75", "80", "86", "89", "90"]
    assert re.search(r"90 CACHE", (CUDA / "cuda.cmake").read_text())  # without -real: as PTX too
