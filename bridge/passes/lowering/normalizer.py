"""Lower ai.onnx.ml Normalizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import (
    TENSOR_TARGETS,
    as_matrix,
    equals,
    is_nan,
    largest_of_row,
    less_or_equal,
    like,
    rank_of,
    require_number,
    sum_of_row,
    where,
)
from bridge.passes.rule import RuleTape, lowers, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

LOWEST = np.finfo(np.float32).min


@lowers(ML_DOMAIN, "Normalizer", targets=TENSOR_TARGETS)
def lower_normalizer(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return float32 rows divided by their norm; a row whose norm is 0 stays as it is.

    All norms are float32, of values rounded to float32 (L2: of squares rounded to float32), as in onnxruntime. Its MAX
    is the largest value, not the largest magnitude, and looks past NaN.
    """
    given = require_number(node)
    norm = Attributes(node).choice("norm", ("MAX", "L1", "L2"), "MAX")
    x = as_matrix(tape, given, "the input of Normalizer")
    result = {"MAX": _by_largest, "L1": _by_sum, "L2": _by_length}[norm](tape, x)
    if rank_of(given) == 1:
        result = tape.op("Reshape", result, tape.constant([-1], np.int64), dtype=result.dtype)
    return [result]


def _by_largest(tape: RuleTape, x: ir.Value) -> ir.Value:
    x = tape.cast(x, np.float32)
    lowest = tape.constant(np.float32(LOWEST))
    known = where(tape, is_nan(tape, x), lowest, x)
    # The kernel starts from the lowest finite number: -inf alone never becomes the maximum.
    norm = largest_of_row(tape, tape.op("Max", known, lowest, dtype=x.dtype))
    return tape.op("Div", x, _one_for_zero(tape, norm), dtype=x.dtype)


def _by_sum(tape: RuleTape, x: ir.Value) -> ir.Value:
    x = tape.cast(x, np.float32)
    norm = sum_of_row(tape, tape.op("Abs", x, dtype=x.dtype))
    return tape.op("Div", x, _one_for_zero(tape, norm), dtype=x.dtype)


def _by_length(tape: RuleTape, x: ir.Value) -> ir.Value:
    square = tape.cast(tape.op("Mul", x, x, dtype=x.dtype), np.float32)
    x = tape.cast(x, np.float32)
    total = sum_of_row(tape, square)
    share = tape.op("Div", square, _one_for_zero(tape, total), dtype=x.dtype)
    size = tape.op("Sqrt", share, dtype=x.dtype)
    zero = like(tape, 0.0, x)
    signed = where(tape, less_or_equal(tape, zero, x), size, tape.op("Neg", size, dtype=x.dtype))
    return where(tape, less_or_equal(tape, total, zero), x, signed)


def _one_for_zero(tape: RuleTape, norm: ir.Value) -> ir.Value:
    zero = np.zeros((), require_dtype(norm, "a norm"))
    return where(tape, equals(tape, norm, zero), like(tape, 1.0, norm), norm)
