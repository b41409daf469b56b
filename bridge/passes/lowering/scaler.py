"""Lower ai.onnx.ml Scaler."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes, check_same_length
from bridge.passes.lowering.values import TENSOR_TARGETS, check_per_column, like, require_number
from bridge.passes.rule import RuleTape, lowers, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir


@lowers(ML_DOMAIN, "Scaler", targets=TENSOR_TARGETS)
def lower_scaler(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return float32 `(x - offset) * scale`.

    onnxruntime computes in float64 for float64 input and in float32 for all else, and rounds the result to float32.
    ONNX's text lets `scale` or `offset` be absent; onnxruntime refuses to load such a node, and so does this rule.
    """
    x = require_number(node)
    attributes = Attributes(node)
    offset, scale = attributes.floats("offset"), attributes.floats("scale")
    if not scale.size:
        raise DeclinedError("attribute 'scale' is empty")
    check_same_length({"scale": len(scale), "offset": len(offset)})
    check_per_column(x, len(scale), "scale")
    wide = require_dtype(x, "the input of Scaler") == np.float64
    x = tape.cast(x, np.float64 if wide else np.float32)
    moved = tape.op("Sub", x, like(tape, offset, x), dtype=x.dtype)
    return [tape.cast(tape.op("Mul", moved, like(tape, scale, x), dtype=x.dtype), np.float32)]
