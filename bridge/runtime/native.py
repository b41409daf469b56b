"""The library of bridge's own operators for onnxruntime, where the package onnx-bridge-custom-ops is installed."""

from __future__ import annotations

import importlib
import logging
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from bridge.errors import ArtifactError
from bridge.opset import BRIDGE_OPSET, FOREST
from bridge.runtime.providers import CPU

PACKAGE = "bridge_custom_ops"
INSTALL = "pip install ./custom_ops, from bridge's repository"

CUDA_SETTING = "BRIDGE_FOREST_CUDA"
"""Set to 1, sessions on a GPU take the library's CUDA kernels. They are asked for by name, as no GPU has run them yet:
scripts/gpu_check.py --native tries them.
"""

logger = logging.getLogger("bridge")


@dataclass(frozen=True)
class NativeLibrary:
    """What was found.

    Attributes
    ----------
    path
        Of the library; None where it is not to be used.
    told
        What there is, or why it is not used, in words.
    has_cuda
        Whether it has kernels for CUDA beside those for the CPU.
    """

    path: str | None
    told: str
    has_cuda: bool = False


@cache
def find_native() -> NativeLibrary:
    """Return the library of the installed package, or why there is none; a damaged one is told in the log."""
    try:
        package = importlib.import_module(PACKAGE)
    except ImportError:
        return NativeLibrary(None, f"its function, node by node; for the kernel: {INSTALL}")
    try:
        version, path, kernels = package.OPERATORS.get(FOREST), str(package.library_path()), package.kernels()
        has_cuda = package.has_cuda()
    except (AttributeError, OSError) as error:
        return _unused(f"{PACKAGE} is damaged ({error})")
    if version != BRIDGE_OPSET:
        return _unused(f"{PACKAGE} has version {version} of {FOREST}, and this bridge writes version {BRIDGE_OPSET}")
    if kernels is None:
        return _unused("the environment variable BRIDGE_FOREST_ISA asks for what this machine has not")
    return NativeLibrary(path, f"the kernel of {PACKAGE}, {kernels}{' and CUDA' if has_cuda else ''}", has_cuda)


def _unused(reason: str) -> NativeLibrary:
    logger.warning("bridge's own operators run by their functions: %s. Install it again: %s", reason, INSTALL)
    return NativeLibrary(None, f"its function: {reason}; {INSTALL}")


def register_native(options: Any, providers: list[Any]) -> bool:
    """Give a session's options bridge's own kernels, where they are installed and of the session's device, or do not.

    CPU kernels beside another provider would draw forests away from it, which runs their functions. CUDA kernels are
    taken where the environment variable `BRIDGE_FOREST_CUDA` is 1; `ArtifactError` where the library has none.
    """
    library = find_native()
    if library.path is None:
        return False
    if providers == [CPU] or (_wants_cuda() and library.has_cuda):
        options.register_custom_ops_library(library.path)
        return True
    if _wants_cuda():
        raise ArtifactError(
            f"{CUDA_SETTING} is 1, but the library of {PACKAGE} has no CUDA kernels.\n"
            f"Build it where nvcc is: {INSTALL}. Or unset {CUDA_SETTING}, and forests run by their functions."
        )
    return False


def _wants_cuda() -> bool:
    return os.environ.get(CUDA_SETTING) == "1"


def describe_native() -> str:
    """Return what computes `bridge::Forest` on a CPU here, in words."""
    return find_native().told
