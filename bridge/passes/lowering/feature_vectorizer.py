"""Lower ai.onnx.ml FeatureVectorizer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import (
    as_matrix,
    columns,
    known_width,
    less_or_equal,
    require_number,
    where,
)
from bridge.passes.rule import RuleTape, lowers

if TYPE_CHECKING:
    from collections.abc import Sequence


@lowers(ML_DOMAIN, "FeatureVectorizer")
def lower_feature_vectorizer(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the inputs side by side as float32, each cut or filled with 0 to its entry of `inputdimensions`.

    For every target: without rows, onnxruntime's kernel ends the process.
    """
    widths = Attributes(node).ints("inputdimensions")
    if len(widths) != len(node.inputs) or not len(widths):
        raise DeclinedError(f"attribute 'inputdimensions' has {len(widths)} entries for {len(node.inputs)} inputs")
    if widths.min() < 0:
        raise DeclinedError(f"attribute 'inputdimensions' has the negative entry {widths.min()}")
    blocks = []
    for index, width in enumerate(widths.tolist()):
        x = _flat_rows(tape, require_number(node, index), index)
        blocks += _fit(tape, tape.cast(x, np.float32), known_width(x), width)
    if not blocks:
        raise DeclinedError("attribute 'inputdimensions' leaves no columns")
    result = columns(tape, *blocks)
    result.shape = ir.Shape([None, int(widths.sum())])
    return [result]


def _flat_rows(tape: RuleTape, x: ir.Value, index: int) -> ir.Value:
    """Return x with two axes: onnxruntime takes all axes but the first for columns."""
    lengths = () if x.shape is None else x.shape[1:]
    if len(lengths) < 2 or not all(isinstance(length, int) for length in lengths):
        return as_matrix(tape, x, f"input {index} of FeatureVectorizer")
    width = math.prod(length for length in lengths if isinstance(length, int))
    rows = tape.op("Reshape", x, tape.constant([-1, width], np.int64), dtype=x.dtype)
    rows.shape = ir.Shape([None, width])
    return rows


def _fit(tape: RuleTape, x: ir.Value, found: int | None, width: int) -> list[ir.Value]:
    if width == 0:
        return []
    if found is None:
        raise DeclinedError("the number of columns of an input is not known, so it cannot be cut or filled")
    if found == width:
        return [x]
    if found > width:
        return [tape.op("Gather", x, tape.constant(np.arange(width)), axis=1, dtype=x.dtype)]
    if found == 0:
        raise DeclinedError(f"an input without columns cannot be filled to {width}")
    copies = tape.op("Gather", x, tape.constant(np.zeros(width - found, np.int64)), axis=1, dtype=x.dtype)
    zero = tape.constant(np.float32(0))
    return [x, where(tape, less_or_equal(tape, copies, copies), zero, zero)]
