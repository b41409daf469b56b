"""One session, or one forest, runs on many threads at once, and each gets what it would get alone."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.forests import rows_at, walk
from tests.native.conftest import SOURCE, runs_sanitized
from tests.native.shapes import SHAPES, WIDTH, kept

SIZES = (1, 3000, 64, 7)
SHARED = ("small trees", "large trees", "categories and missing values", "five outputs")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SHARED)
def test_session_that_many_threads_share_gives_each_its_own_rows(open_kernel, name, dtype):
    forest = SHAPES[name]()
    x = rows_at(forest, WIDTH, dtype, rows=max(SIZES))
    expected = walk(forest, x)
    session = open_kernel(kept(forest, dtype), threads=2)

    def run(size):
        return [session.run(None, {"X": x[-size:]})[0] for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(run, SIZES * 2))

    for size, several in zip(SIZES * 2, answers, strict=True):
        for sums in several:
            np.testing.assert_array_equal(sums, expected[-size:])


def test_threads_that_share_a_forest_share_no_memory_that_changes(tmp_path):
    """The sanitizer of threads ends the program where they do."""
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("the threads are not run: a C++ compiler is missing")
    if not runs_sanitized(compiler, "-fsanitize=thread", tmp_path):
        pytest.skip(f"the threads are not run: {compiler} has no sanitizer of threads that runs here")
    program = tmp_path / "many_threads"
    sources = [f for f in (SOURCE / "src").glob("*.cc") if "avx" not in f.name and f.name != "operator.cc"]
    sources += [SOURCE / "fuzz" / "drawn_tables.cc", SOURCE.parent / "tests" / "native" / "many_threads.cc"]
    flags = ["-std=c++20", "-O1", "-g", "-ffp-contract=off", "-fsanitize=thread", "-pthread"]
    command = [compiler, *flags, f"-I{SOURCE / 'src'}", f"-I{SOURCE / 'fuzz'}", *sources, "-o", program]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not built.returncode, built.stderr

    ran = subprocess.run([program], capture_output=True, text=True, check=False)

    assert not ran.returncode, (ran.stdout + ran.stderr)[:5000]
    assert "40 forests were shared" in ran.stdout
