"""All files of other exporters that the tests lower, by name."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

import bridge
from tests.passes.exporters import from_catboost, from_lightgbm, from_mlnet, from_skl2onnx, from_xgboost

if TYPE_CHECKING:
    import onnx

MODULES = {
    "lightgbm": from_lightgbm,
    "xgboost": from_xgboost,
    "catboost": from_catboost,
    "ml.net": from_mlnet,
    "skl2onnx": from_skl2onnx,
}
FILES = {f"{exporter}: {name}": make for exporter, module in MODULES.items() for name, make in module.FILES.items()}


@cache
def exported(name: str) -> onnx.ModelProto:
    """Return the file, which no test may change; skip the test where its exporter is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return FILES[name]()


@cache
def lowered(name: str, target: str) -> onnx.ModelProto:
    """Return the file as `bridge.lower` writes it for `target`, which no test may change."""
    return bridge.lower(exported(name), target=target)
