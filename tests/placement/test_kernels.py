"""The table of kernels is the one of onnxruntime-gpu itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

import bridge

MEASURED = "1.31.1"
HERE = Path(__file__).parent


@pytest.mark.skipif(onnxruntime.__version__ != MEASURED, reason=f"kernels.txt is of onnxruntime-gpu {MEASURED}")
@pytest.mark.usefixtures("stub")
def test_table_of_kernels_is_what_onnxruntime_registers():
    listed = subprocess.run([sys.executable, HERE / "list_kernels.py"], check=True, capture_output=True, text=True)

    assert listed.stdout == Path(bridge.__file__).with_name("kernels.txt").read_text()
