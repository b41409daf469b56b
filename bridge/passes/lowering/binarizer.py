"""Lower ai.onnx.ml Binarizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import TENSOR_TARGETS, less_or_equal, like, require_number, where
from bridge.passes.rule import RuleTape, lowers, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir


@lowers(ML_DOMAIN, "Binarizer", targets=TENSOR_TARGETS)
def lower_binarizer(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return 1 where x > threshold, else 0, in the dtype of x.

    onnxruntime refuses NaN when it runs, and ONNX's text makes it 0. Here NaN stays NaN: no graph can raise, and a 0
    would hide it.
    """
    x = require_number(node)
    threshold = Attributes(node).number("threshold", 0.0)
    if np.issubdtype(require_dtype(x, "the input of Binarizer"), np.integer):
        # x > 1.5 and x > 1 are one question to a whole number.
        threshold = float(np.floor(threshold))
    limit, zero, one = (like(tape, v, x) for v in (threshold, 0, 1))
    above = where(tape, less_or_equal(tape, limit, x), one, x)
    return [where(tape, less_or_equal(tape, x, limit), zero, above)]
