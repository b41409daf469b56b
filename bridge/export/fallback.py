"""Estimators without a converter of ours: skl2onnx converts the one step, and its nodes join our graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.export.block import Block
    from bridge.export.builder import Builder
    from bridge.export.registry import Answer


def skl2onnx_knows(cls: type) -> bool:
    return False


def convert_with_skl2onnx(b: Builder, estimator: Any, x: Block) -> Mapping[str, Answer]:
    raise NotImplementedError
