"""Which device a session can have on this machine, and what is missing where it cannot."""

from __future__ import annotations

import ctypes
import importlib
import logging
from functools import cache
from typing import Any, Literal

from bridge.errors import DeviceError, InputError, MissingExtraError

Device = Literal["auto", "cpu", "cuda"]

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
CUDA_LIBRARIES = ("libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcurand.so.10")
CUDA_OPTIONS = {"use_tf32": "0"}
"""TF32 keeps 11 bits of a float32 product, and onnxruntime has it on unless told otherwise."""

logger = logging.getLogger("bridge")


@cache
def import_onnxruntime() -> Any:
    """Return the module onnxruntime, or raise `MissingExtraError` with the extra to install."""
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise MissingExtraError("onnxruntime", extra="cpu", purpose="running a model") from error


def check_device(device: str) -> Device:
    """Return `device`, or raise with the names that exist."""
    if device in ("auto", "cpu", "cuda"):
        return device  # type: ignore[return-value]
    raise InputError(f"unknown device {device!r}; choose 'auto', 'cpu' or 'cuda'")


def choose_providers(device: Device) -> list[Any]:
    """Return the execution providers for a session on `device`.

    Raises `DeviceError` where "cuda" is asked for and something is missing. "auto" takes CUDA where nothing is
    missing, else the CPU, and says so once in the log.
    """
    if device == "cpu":
        return [CPU]
    missing = _missing_for_cuda()
    if not missing:
        return [(CUDA, CUDA_OPTIONS), CPU]
    if device == "cuda":
        raise DeviceError(f"CUDA cannot be used here: {missing}")
    _log_cpu_once(missing)
    return [CPU]


@cache
def _log_cpu_once(missing: str) -> None:
    logger.info("running on the CPU: %s", missing)


@cache
def _missing_for_cuda() -> str:
    """Return what keeps onnxruntime from using CUDA, in words; empty if nothing does."""
    ort = import_onnxruntime()
    if CUDA not in ort.get_available_providers():
        return (
            f"the installed onnxruntime {ort.__version__} is built without CUDA.\n"
            "Install it with: pip install 'onnx-bridge[gpu]' (and uninstall the package onnxruntime first)"
        )
    if not _loads("libcuda.so.1"):
        return "no NVIDIA driver was found (libcuda.so.1 does not load)."
    if hasattr(ort, "preload_dlls"):
        ort.preload_dlls(cudnn=False)
    absent = [name for name in CUDA_LIBRARIES if not _loads(name)]
    if absent:
        return f"{', '.join(absent)} cannot be loaded.\nInstall them with: pip install 'onnx-bridge[gpu]'"
    return ""


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def cuda_is_usable() -> bool:
    """Return whether a session could run on a GPU here; False without onnxruntime."""
    try:
        return not _missing_for_cuda()
    except MissingExtraError:
        return False
