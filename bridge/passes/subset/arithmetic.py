"""Arithmetic that the subset has in another form."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.rule import RuleTape, constant_of, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule


def _reciprocal(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = _present(node)[0]
    return [tape.op("Div", tape.constant(1, require_dtype(x, "the input of Reciprocal")), x, dtype=x.dtype)]


def _pow(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return a square as a product, a root as `Sqrt`, and a power of a positive constant as `exp(x * log(base))`."""
    x, exponent = _present(node)
    base, power = constant_of(x), constant_of(exponent)
    if power is not None and power.size == 1 and power.item() == 2:
        return [tape.op("Mul", x, x, dtype=x.dtype)]
    if power is not None and power.size == 1 and power.item() == 0.5:
        return [tape.op("Sqrt", x, dtype=x.dtype)]
    if base is None or base.size != 1 or not base.item() > 0 or x.dtype != exponent.dtype:
        raise DeclinedError("Pow of other things than a square, a root or a power of a positive constant")
    factor = tape.constant(np.log(base), base.dtype)
    return [tape.op("Exp", tape.op("Mul", exponent, factor, dtype=x.dtype), dtype=x.dtype)]


def _sum(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    return [reduce(lambda a, b: tape.op("Add", a, b, dtype=a.dtype), _present(node))]


def _log_softmax(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return `x - max - log(sum(exp(x - max)))`: the log of a Softmax would be -inf for small probabilities."""
    (x,) = _present(node)
    axis = node.attributes["axis"].as_int() if "axis" in node.attributes else -1
    if x.shape is None or len(x.shape) != 2 or axis not in (1, -1):
        raise DeclinedError("LogSoftmax of other things than rows of a matrix")
    best = tape.op("ArgMax", x, axis=1, keepdims=1, dtype=ir.DataType.INT64)
    index = tape.cast(best, np.int32)
    shifted = tape.op("Sub", x, tape.op("GatherElements", x, index, axis=1, dtype=x.dtype), dtype=x.dtype)
    total = tape.op(
        "ReduceSum", tape.op("Exp", shifted, dtype=x.dtype), tape.constant([1], np.int64), keepdims=1, dtype=x.dtype
    )
    return [tape.op("Sub", shifted, tape.op("Log", total, dtype=x.dtype), dtype=x.dtype)]


def _present(node: ir.Node) -> list[ir.Value]:
    values = [v for v in node.inputs if v is not None]
    if len(values) != len(node.inputs) or not values:
        raise DeclinedError(f"{node.op_type} lacks an input")
    return values


RULES: dict[str, Rule] = {
    "Reciprocal": _reciprocal,
    "Pow": _pow,
    "Sum": _sum,
    "LogSoftmax": _log_softmax,
}
