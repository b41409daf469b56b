"""Turn fitted scikit-learn estimators into ONNX graphs that give the same answers, and serve them.

`export` and `lower` make files, `load` and `compile` make predictors, `verify` compares. Importing this package, and
serving a file, needs NumPy, onnx and an onnxruntime; the rest is imported when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from bridge.runtime.predictor import Predictor, load

if TYPE_CHECKING:
    from bridge.compile import compile, export, lower  # noqa: A004
    from bridge.export.registry import register_converter
    from bridge.verify.check import verify

__all__ = ["Predictor", "compile", "export", "load", "lower", "register_converter", "verify"]

_HOMES = {
    "compile": "bridge.compile",
    "export": "bridge.compile",
    "lower": "bridge.compile",
    "register_converter": "bridge.export.registry",
    "verify": "bridge.verify.check",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'bridge' has no attribute {name!r}")
    try:
        value = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        from bridge.errors import MissingExtraError

        if (error.name or "").partition(".")[0] == "bridge":
            raise
        raise MissingExtraError(str(error.name), extra="export", purpose=f"bridge.{name}") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)


class _Package(ModuleType):
    """Keeps `bridge.export`, `bridge.compile` and `bridge.verify` the functions, not the subpackages that hold them."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
