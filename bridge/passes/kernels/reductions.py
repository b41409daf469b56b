"""Reductions of integers by way of float64, in which onnxruntime's CPU kernels compute them too.

Sums up to 2^53 are exact. What lies beyond the dtype saturates there, as a cast does on CUDA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.passes.kernels.casts import Wider
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import require_number
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx_ir as ir

    from bridge.passes.rule import Rule

    Step = Callable[[RuleTape, ir.Value], ir.Value]


def _same(_tape: RuleTape, x: ir.Value) -> ir.Value:
    return x


def _square(tape: RuleTape, x: ir.Value) -> ir.Value:
    return tape.op("Mul", x, x, dtype=x.dtype)


def _elementwise(op_type: str) -> Step:
    return lambda tape, x: tape.op(op_type, x, dtype=x.dtype)


def _by_sum(before: Step, after: Step) -> Rule:
    """Return the rule for `after(sum(before(x)))`: ReduceSum needs no cuDNN, which the others do."""

    def rule(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
        x = require_number(node)
        attributes = Attributes(node)
        axes = node.inputs[1] if len(node.inputs) > 1 else None
        if attributes.has("axes"):
            axes = tape.constant(attributes.ints("axes"))
        wide = before(tape, tape.cast(x, np.float64))
        total = tape.op(
            "ReduceSum",
            wide,
            *([] if axes is None else [axes]),
            keepdims=attributes.integer("keepdims", 1),
            noop_with_empty_axes=attributes.integer("noop_with_empty_axes", 0),
            dtype=wide.dtype,
        )
        return [tape.cast(after(tape, total), require_dtype(x, f"the input of {node.op_type}"))]

    return rule


_IN_FLOAT64 = Wider({"int32": np.float64, "int64": np.float64}, inputs=(0,))

RULES: dict[str, Rule] = {
    "ReduceL1": _by_sum(_elementwise("Abs"), _same),
    "ReduceL2": _by_sum(_square, _elementwise("Sqrt")),
    "ReduceSumSquare": _by_sum(_square, _same),
    "ReduceLogSum": _by_sum(_same, _elementwise("Log")),
    **dict.fromkeys(("ReduceMean", "ReduceProd", "ReduceLogSumExp"), _IN_FLOAT64),
}
