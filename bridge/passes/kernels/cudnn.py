"""Which nodes onnxruntime places on CUDA, where they need cuDNN to run, or compute with integers in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.opset import MAIN_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import rank_of
from bridge.passes.rule import constant_of
from bridge.placement import NEEDS_CUDNN

if TYPE_CHECKING:
    import onnx_ir as ir

LAST_AXIS_ALONE = frozenset({"ArgMax", "ArgMin", "ReduceMean"})
"""Operators that have kernels of onnxruntime's own for the last axis, and cuDNN's for others."""


def needs_cudnn(node: ir.Node) -> bool:
    """Return whether the node needs cuDNN on CUDA, where a rule can help; reductions of integers do, and lose digits.

    What has an axis other than the last is found where the number of axes is known.
    """
    if node.domain != MAIN_DOMAIN or not node.inputs or node.inputs[0] is None:
        return False
    x = node.inputs[0]
    if node.op_type in NEEDS_CUDNN:
        return True
    if node.op_type.startswith("Reduce") and x.dtype is not None and x.dtype.is_integer():
        return True
    rank = rank_of(x)
    return node.op_type in LAST_AXIS_ALONE and rank is not None and not _is_along_last(node, rank)


def _is_along_last(node: ir.Node, rank: int) -> bool:
    attributes = Attributes(node)
    if node.op_type != "ReduceMean":
        return attributes.integer("axis", 0) in {-1, rank - 1}
    given = constant_of(node.inputs[1]) if len(node.inputs) > 1 else None
    axes = attributes.ints("axes") if given is None else given.ravel()
    return [axis % rank for axis in axes] == [rank - 1]
