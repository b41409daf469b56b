"""OneHot and Pad in the dtypes that CUDA lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.passes.kernels.casts import Wider
from bridge.passes.kernels.digits import digits_of, from_digits
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import require_number, where
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule

INT64 = ir.DataType.INT64
_IN_FLOAT64 = Wider(dict.fromkeys(("int8", "uint8", "int32", "uint32"), np.float64), inputs=(0, 2))


def _one_hot(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return OneHot of int64 indices; a number with a fraction is no index, and hits nothing."""
    index, depth, values = (require_number(node, i) for i in range(3))
    dtype = require_dtype(values, "the values of OneHot")
    depth = tape.cast(depth, np.int64)
    place = tape.cast(index, np.int64)
    if require_dtype(index, "the indices of OneHot").kind == "f":
        is_whole = tape.op("Equal", tape.op("Floor", index, dtype=index.dtype), index, dtype=ir.DataType.BOOL)
        place = where(
            tape, is_whole, place, tape.op("Reshape", depth, tape.constant(np.zeros(0), np.int64), dtype=INT64)
        )
    wide = tape.cast(values, np.int64) if dtype.kind in "iu" else values
    axis = Attributes(node).integer("axis", -1)
    return [tape.cast(tape.op("OneHot", place, depth, wide, axis=axis, dtype=wide.dtype), dtype)]


def _pad(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return Pad of integers by way of float64, which holds all but 64-bit ones: these by their digits."""
    x = require_number(node)
    dtype = require_dtype(x, "the input of Pad")
    if dtype.itemsize < 8:
        return _IN_FLOAT64(tape, node)
    fill = node.inputs[2] if len(node.inputs) > 2 else None
    fills = {} if fill is None else digits_of(tape, fill)
    made = {
        power: tape.again(node, digit, node.inputs[1], fills.get(power), *node.inputs[3:], dtype=digit.dtype)
        for power, digit in digits_of(tape, x).items()
    }
    return [from_digits(tape, made, dtype)]


RULES: dict[str, Rule] = {"OneHot": _one_hot, "Pad": _pad}
