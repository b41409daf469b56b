"""Quantization that CUDA lacks: of a range that the data has, and back from sums in int32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.kernels.extremes import first_extreme
from bridge.passes.lowering.values import rank_of, require_number, where
from bridge.passes.rule import RuleTape, constant_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule

FLOAT = ir.DataType.FLOAT
LEVELS = 255


def _dynamic_quantize(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return x as uint8 steps of its own range, 0 included, with the step and the zero point.

    The step of zeros alone is 1, as onnxruntime has it; ONNX's text gives 0, and divides by it.
    """
    x = require_number(node)
    zero = tape.constant(np.zeros((1, 1)), np.float32)
    row = tape.op("Reshape", x, tape.constant([1, -1], np.int64), dtype=FLOAT)
    row = tape.op("Concat", row, zero, axis=1, dtype=FLOAT)
    row.shape = ir.Shape([1, None])
    low, high = (
        tape.op("GatherElements", row, first_extreme(tape, op_type, row, 1), axis=1, dtype=FLOAT)
        for op_type in ("ArgMin", "ArgMax")
    )
    width = tape.op("Sub", high, low, dtype=FLOAT)
    step = tape.op("Div", width, tape.constant(LEVELS, np.float32), dtype=FLOAT)
    is_zero = tape.op("Equal", step, zero, dtype=ir.DataType.BOOL)
    step = where(tape, is_zero, tape.constant(1, np.float32), step)
    place = tape.op("Round", tape.op("Div", tape.op("Sub", zero, low, dtype=FLOAT), step, dtype=FLOAT), dtype=FLOAT)
    scalar = tape.constant(np.zeros(0), np.int64)
    step = tape.op("Reshape", step, scalar, dtype=FLOAT)
    point = tape.op("Reshape", tape.cast(place, np.uint8), scalar, dtype=ir.DataType.UINT8)
    return [tape.op("QuantizeLinear", x, step, point, dtype=ir.DataType.UINT8), step, point]


def _dequantize(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return (x - zero point) * step of int32, for one step for all."""
    x, step = require_number(node, 0), require_number(node, 1)
    point = node.inputs[2] if len(node.inputs) > 2 else None
    if x.dtype != ir.DataType.INT32 or step.dtype != FLOAT or rank_of(step) != 0:
        raise DeclinedError("there is a rule for int32 with one float32 scale alone")
    known = constant_of(point)
    if point is not None and (known is None or known.any()):
        x = tape.op("Sub", x, point, dtype=x.dtype)
    return [tape.op("Mul", tape.cast(x, np.float32), step, dtype=FLOAT)]


RULES: dict[str, Rule] = {"DynamicQuantizeLinear": _dynamic_quantize, "DequantizeLinear": _dequantize}
