"""Where the library of bridge's onnxruntime operators lies, and which operators it has.

options = onnxruntime.SessionOptions()
options.register_custom_ops_library(str(bridge_custom_ops.library_path()))
"""

from __future__ import annotations

import ctypes
from pathlib import Path

OPERATORS = {"Forest": 1}
"""The operators of the domain `bridge` that the library has, and the version that it computes."""

SUFFIXES = (".so", ".dylib", ".dll")


def library_path() -> Path:
    """Return the path of the library; raise `FileNotFoundError` where it was not built."""
    folder = Path(__file__).resolve().parent
    for suffix in SUFFIXES:
        path = folder / f"bridge_custom_ops{suffix}"
        if path.exists():
            return path
    raise FileNotFoundError(f"{folder} holds no library: install this package with pip install ./custom_ops")


def kernels() -> str | None:
    """Return the instruction set whose kernels this machine takes; None where BRIDGE_FOREST_ISA asks for another."""
    function = ctypes.CDLL(str(library_path())).BridgeForestKernels
    function.restype = ctypes.c_char_p
    name = function()
    return name.decode() if name is not None else None


def has_cuda() -> bool:
    """Return whether the library has kernels for onnxruntime's CUDA provider, too."""
    return bool(ctypes.CDLL(str(library_path())).BridgeForestHasCuda())
