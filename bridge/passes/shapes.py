"""Shape inference that does as much as it can."""

from __future__ import annotations

from onnx_ir.passes import common


def infer_shapes() -> common.ShapeInferencePass:
    """Return ONNX's shape inference; a node that it fails on is left without shapes, not the whole graph.

    Strict, it would give up on all nodes for one whose attributes or declared shapes contradict each other, and log a
    traceback; the rule for that node says more.
    """
    return common.ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)
