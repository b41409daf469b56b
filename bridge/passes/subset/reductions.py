"""Reductions by `ReduceSum`, `ArgMax` and arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.kernels.reductions import RULES as WITHOUT_CUDNN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import rank_of, require_number
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule

ALIKE = ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMin", "ReduceProd")
"""Reductions that are written as for a GPU without cuDNN."""


def _sum_of_squares(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value | None]:
    """Return the sum of products; of distances between rows, whose ties hang on the order of the sum, decline."""
    if rank_of(require_number(node)) != 2:
        raise DeclinedError("ReduceSumSquare of something else than a matrix")
    return WITHOUT_CUDNN["ReduceSumSquare"](tape, node)


def _place_of_smallest(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = require_number(node)
    if require_dtype(x, "the input of ArgMin").kind != "f":
        raise DeclinedError("ArgMin of integers")
    attributes = Attributes(node)
    if attributes.integer("select_last_index", 0):
        raise DeclinedError("ArgMin of the last of equals")
    turned = tape.op("Neg", x, dtype=x.dtype)
    axis, keepdims = attributes.integer("axis", 0), attributes.integer("keepdims", 1)
    return [tape.op("ArgMax", turned, axis=axis, keepdims=keepdims, dtype=ir.DataType.INT64)]


RULES: dict[str, Rule] = {
    **{name: WITHOUT_CUDNN[name] for name in ALIKE},
    "ReduceSumSquare": _sum_of_squares,
    "ArgMin": _place_of_smallest,
}
