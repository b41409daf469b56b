"""Element-wise functions and means that CUDA lacks, by their formulas, in the dtype of their input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.kernels.extremes import first_extreme
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import is_nan, like, rank_of, require_number, where
from bridge.passes.rule import RuleTape, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Rule


def _celu(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return x above 0, else alpha (exp(x / alpha) - 1)."""
    x, alpha = require_number(node), Attributes(node).number("alpha", 1.0)
    power = tape.op("Exp", tape.op("Div", x, like(tape, alpha, x), dtype=x.dtype), dtype=x.dtype)
    below = tape.op(
        "Mul", tape.op("Sub", power, like(tape, 1.0, x), dtype=x.dtype), like(tape, alpha, x), dtype=x.dtype
    )
    return [where(tape, tape.op("Greater", x, like(tape, 0.0, x), dtype=ir.DataType.BOOL), x, below)]


def _hardmax(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return 1 at the first largest value and 0 elsewhere: 0 everywhere where NaN comes first, else NaN is passed by.

    ONNX's text says nothing of NaN; so do onnxruntime's CPU kernels.
    """
    x, axis = require_number(node), Attributes(node).integer("axis", -1)
    if axis < 0:  # onnxruntime's ArgMax keeps a negative axis of no rows
        axis += rank_of(x) or 0
    dtype = require_dtype(x, "the input of Hardmax")
    lowest = where(tape, is_nan(tape, x), like(tape, -np.inf, x), x)
    lowest.shape = x.shape
    place = first_extreme(tape, "ArgMax", lowest, axis)
    place = tape.op("Squeeze", place, tape.constant([axis], np.int64), dtype=place.dtype)
    depth = _length(tape, x, axis)
    zero_one = tape.constant([0, 1], np.float32)
    hot = tape.cast(tape.op("OneHot", place, depth, zero_one, axis=axis, dtype=ir.DataType.FLOAT), dtype)
    first = tape.op("Gather", x, tape.constant([0], np.int64), axis=axis, dtype=x.dtype)
    return [where(tape, is_nan(tape, first), like(tape, 0.0, x), hot)]


def _length(tape: RuleTape, x: ir.Value, axis: int) -> ir.Value:
    """Return the length of an axis as a vector of one: a constant where it is known."""
    length = x.shape[axis] if x.shape is not None else None
    if isinstance(length, int):
        return tape.constant([length], np.int64)
    shape = tape.op("Shape", x, dtype=ir.DataType.INT64)
    return tape.op("Gather", shape, tape.constant([axis], np.int64), dtype=ir.DataType.INT64)


def _mean(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    values = [require_number(node, i) for i in range(len(node.inputs))]
    total = tape.op("Sum", *values, dtype=values[0].dtype)
    return [tape.op("Div", total, like(tape, len(values), values[0]), dtype=total.dtype)]


def _mean_variance_normalization(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return (x - mean) / standard deviation: NaN where all values are equal, as onnxruntime has it.

    ONNX's function adds 1e-9 to the deviation.
    """
    x = require_number(node)
    attributes = Attributes(node)
    axes = tape.constant(attributes.ints("axes") if attributes.has("axes") else [0, 2, 3], np.int64)
    one = tape.op("Add", tape.op("Mul", x, like(tape, 0.0, x), dtype=x.dtype), like(tape, 1.0, x), dtype=x.dtype)
    count = tape.op("ReduceSum", one, axes, keepdims=1, dtype=x.dtype)

    def mean(values: ir.Value) -> ir.Value:
        total = tape.op("ReduceSum", values, axes, keepdims=1, dtype=x.dtype)
        return tape.op("Div", total, count, dtype=x.dtype)

    centred = tape.op("Sub", x, mean(x), dtype=x.dtype)
    variance = mean(tape.op("Mul", centred, centred, dtype=x.dtype))
    return [tape.op("Div", centred, tape.op("Sqrt", variance, dtype=x.dtype), dtype=x.dtype)]


def _lp_normalization(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return x divided by its norm along an axis; 0 where the norm is 0."""
    x, attributes = require_number(node), Attributes(node)
    p, axis = attributes.integer("p", 2), attributes.integer("axis", -1)
    if p not in {1, 2}:
        raise DeclinedError(f"attribute 'p' is {p}, expected 1 or 2")
    term = tape.op("Mul", x, x, dtype=x.dtype) if p == 2 else tape.op("Abs", x, dtype=x.dtype)
    total = tape.op("ReduceSum", term, tape.constant([axis], np.int64), keepdims=1, dtype=x.dtype)
    norm = tape.op("Sqrt", total, dtype=x.dtype) if p == 2 else total
    is_zero = tape.op("Equal", norm, like(tape, 0.0, x), dtype=ir.DataType.BOOL)
    ratio = tape.op("Div", x, where(tape, is_zero, like(tape, 1.0, x), norm), dtype=x.dtype)
    return [where(tape, is_zero, like(tape, 0.0, x), ratio)]


RULES: dict[str, Rule] = {
    "Celu": _celu,
    "Hardmax": _hardmax,
    "Mean": _mean,
    "MeanVarianceNormalization": _mean_variance_normalization,
    "LpNormalization": _lp_normalization,
}
