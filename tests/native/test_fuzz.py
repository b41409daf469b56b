"""The fuzzers of the native operator find nothing in a bounded number of runs, under the sanitizers.

`custom_ops/fuzz/CMakeLists.txt` says how to let them run for longer.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from tests.native.conftest import SOURCE, cmake, need_cmake, runs_sanitized

RUNS = {"forest_fuzzer": 30_000, "gpu_fuzzer": 30_000}
"""About ten seconds each."""

ALL_LENGTHS = ("-max_len=4096", "-len_control=0", "-timeout=60")
"""For libFuzzer, which would begin with inputs of a few bytes."""

ARM_COMPILER = "aarch64-linux-gnu-g++"
ARM_RUNS = 2_000


def _configure(folder):
    """Configure for the first compiler whose sanitizers run; Clang, where it has its runtime, for libFuzzer."""
    need_cmake()
    folder.mkdir(parents=True, exist_ok=True)
    compilers = [c for c in (os.environ.get("CXX"), shutil.which("clang++"), shutil.which("g++")) if c]
    for compiler in compilers:
        if runs_sanitized(compiler, "-fsanitize=address,undefined", folder):
            cmake("-S", SOURCE / "fuzz", "-B", folder, f"-DCMAKE_CXX_COMPILER={compiler}")
            return
    pytest.skip(f"the fuzzers are not built: no sanitizers that run here with {' or '.join(compilers) or 'a compiler'}")


@pytest.fixture(scope="module")
def fuzzers(build_once):
    def build(folder):
        _configure(folder)
        cmake("--build", folder, "--parallel", 2)

    return build_once("fuzzers", build)


@pytest.mark.parametrize("name", RUNS)
def test_fuzzer_finds_nothing(fuzzers, name, tmp_path):
    has_libfuzzer = re.search(r"^HAS_LIBFUZZER:INTERNAL=1", (fuzzers / "CMakeCache.txt").read_text(), re.MULTILINE)
    flags = [f"-runs={RUNS[name]}", "-seed=1", f"-artifact_prefix={tmp_path}/", *(ALL_LENGTHS if has_libfuzzer else ())]

    ran = subprocess.run([fuzzers / name, *flags], capture_output=True, text=True, check=False)

    assert not ran.returncode, f"{[*map(str, tmp_path.iterdir())]} makes {name} fail:\n{ran.stderr[-5000:]}"
    refused, accepted = map(int, re.search(r"refused (\d+), ran (\d+)", ran.stderr).groups())
    assert refused > RUNS[name] / 20
    assert accepted > RUNS[name] / 4


TARGET = """
#include <cstddef>
#include <cstdint>
#include <cstdlib>
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4000 && data[17] < 100) std::abort();
  return 0;
}
"""


def test_driver_keeps_the_input_that_ends_it(tmp_path):
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("the driver is not built: a C++ compiler is missing")
    (tmp_path / "target.cc").write_text(TARGET)
    driver = tmp_path / "driver"
    sources = (tmp_path / "target.cc", SOURCE / "fuzz" / "replay.cc")
    subprocess.run([compiler, "-std=c++20", *sources, "-o", driver], check=True)

    def run(*arguments):
        command = [driver, *arguments, f"-artifact_prefix={tmp_path}/"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    ran = run("-runs=1000", "-seed=3")

    assert ran.returncode
    (kept,) = tmp_path.glob("crash-*")
    assert f"Test unit written to {kept}" in ran.stderr
    data = kept.read_bytes()
    assert len(data) > 4000
    assert data[17] < 100
    assert run(kept).returncode
    kept.write_bytes(data[:4000])
    assert not run(kept).returncode


def _digests(name, folder, *emulator):
    """Return what the plain build of a fuzzer says at its end: counts, and a digest of all sums."""
    command = [*emulator, folder / name, f"-runs={ARM_RUNS}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not ran.returncode, ran.stderr[-5000:]
    return re.search(r"refused.*", ran.stderr).group()


def test_aarch64_gives_the_bits_of_this_machine(tmp_path):
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if emulator is None or shutil.which(ARM_COMPILER) is None:
        pytest.skip(f"aarch64 is not emulated: qemu-user(-static) or {ARM_COMPILER} is missing")
    need_cmake()
    source, plain = ("-S", SOURCE / "fuzz"), "-DBRIDGE_SANITIZE=OFF"
    target = ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64", f"-DCMAKE_CXX_COMPILER={ARM_COMPILER}")
    here, arm = tmp_path / "here", tmp_path / "arm"
    cmake(*source, "-B", here, plain)
    cmake(*source, "-B", arm, plain, *target, "-DCMAKE_EXE_LINKER_FLAGS=-static")
    for folder in (here, arm):
        cmake("--build", folder, "--parallel", 2)

    for name in RUNS:
        assert _digests(name, arm, emulator) == _digests(name, here)
