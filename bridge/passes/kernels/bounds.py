"""Clip and Relu of integers by Max and Min, which CUDA has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.passes.lowering.values import require_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from bridge.passes.rule import Rule, RuleTape


def _clip(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return min(max(x, low), high): onnxruntime's order, which decides where low > high."""
    x = require_number(node)
    low, high = [*node.inputs[1:], None, None][:2]
    raised = x if low is None else tape.op("Max", x, low, dtype=x.dtype)
    return [raised if high is None else tape.op("Min", raised, high, dtype=x.dtype)]


def _relu(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = require_number(node)
    wide = tape.cast(x, np.int32)
    raised = tape.op("Max", wide, tape.constant(0, np.int32), dtype=wide.dtype)
    return [raised if x.dtype is None else tape.cast(raised, x.dtype.numpy())]


RULES: dict[str, Rule] = {"Clip": _clip, "Relu": _relu}
