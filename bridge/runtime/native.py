"""The library of bridge's own operators for onnxruntime, where the package onnx-bridge-custom-ops is installed."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from functools import cache
from typing import Any

from bridge.opset import BRIDGE_OPSET, FOREST
from bridge.runtime.providers import CPU

PACKAGE = "bridge_custom_ops"
INSTALL = "pip install ./custom_ops, from bridge's repository"

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
    """

    path: str | None
    told: str


@cache
def find_native() -> NativeLibrary:
    """Return the library of the installed package, or why there is none; a damaged one is told in the log."""
    try:
        package = importlib.import_module(PACKAGE)
    except ImportError:
        return NativeLibrary(None, f"its function, node by node; for the kernel: {INSTALL}")
    try:
        version, path, kernels = package.OPERATORS.get(FOREST), str(package.library_path()), package.kernels()
    except (AttributeError, OSError) as error:
        return _unused(f"{PACKAGE} is damaged ({error})")
    if version != BRIDGE_OPSET:
        return _unused(f"{PACKAGE} has version {version} of {FOREST}, and this bridge writes version {BRIDGE_OPSET}")
    if kernels is None:
        return _unused("the environment variable BRIDGE_FOREST_ISA asks for what this machine has not")
    return NativeLibrary(path, f"the kernel of {PACKAGE}, {kernels}")


def _unused(reason: str) -> NativeLibrary:
    logger.warning("bridge's own operators run by their functions: %s. Install it again: %s", reason, INSTALL)
    return NativeLibrary(None, f"its function: {reason}; {INSTALL}")


def register_native(options: Any, providers: list[Any]) -> None:
    """Give a session's options bridge's own kernels, where they are installed and the session is on the CPU.

    They are CPU kernels: beside another provider they would draw forests away from it, which runs their functions.
    """
    library = find_native()
    if library.path is not None and providers == [CPU]:
        options.register_custom_ops_library(library.path)


def describe_native() -> str:
    """Return what computes `bridge::Forest` on a CPU here, in words."""
    return find_native().told
