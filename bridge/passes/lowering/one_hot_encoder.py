"""Lower ai.onnx.ml OneHotEncoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import (
    TENSOR_TARGETS,
    less_or_equal,
    like,
    require_number,
    where,
    with_new_last_axis,
)
from bridge.passes.rule import RuleTape, lowers, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@lowers(ML_DOMAIN, "OneHotEncoder", targets=TENSOR_TARGETS)
def lower_one_hot_encoder(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return float32 (..., categories) with 1 at the category of each element, all 0 for an unknown one.

    Floats lose their fraction first. Of equal categories the last one gets the 1. With `zeros=0` onnxruntime stops at
    an unknown category; a graph cannot, so its row is zeros there too.
    """
    x = require_number(node)
    categories = Attributes(node).ints("cats_int64s")
    if not categories.size:
        raise DeclinedError("attribute 'cats_int64s' is empty, and the input is not text")
    codes = with_new_last_axis(tape, _whole(tape, x, categories), x.shape)
    chosen = tape.op("Equal", codes, tape.constant(categories), dtype=ir.DataType.BOOL)
    hot = tape.cast(chosen, np.float32)
    last = _is_last_of_equals(categories)
    return [hot if last.all() else tape.op("Mul", hot, tape.constant(last.astype(np.float32)), dtype=hot.dtype)]


def _whole(tape: RuleTape, x: ir.Value, categories: NDArray[np.int64]) -> ir.Value:
    """Return x as int64; floats beyond all categories, and NaN, as a number that is no category.

    Machines do not agree on what such a float becomes as an integer: 0 on a GPU, the lowest one on x86.
    """
    dtype = require_dtype(x, "the input of OneHotEncoder")
    if not np.issubdtype(dtype, np.floating):
        return tape.cast(x, np.int64)
    bound = float(np.abs(categories.astype(np.float64)).max()) + 2
    if bound > 2**23:
        raise DeclinedError(
            f"attribute 'cats_int64s' has {bound - 2:.0f}, more than {dtype} input can be told apart by"
        )
    within = less_or_equal(tape, tape.op("Abs", x, dtype=x.dtype), like(tape, bound, x))
    return tape.cast(where(tape, within, x, like(tape, bound, x)), np.int64)


def _is_last_of_equals(categories: NDArray[np.int64]) -> NDArray[np.bool_]:
    last = np.zeros(len(categories), np.bool_)
    _, from_the_end = np.unique(categories[::-1], return_index=True)
    last[len(categories) - 1 - from_the_end] = True
    return last
