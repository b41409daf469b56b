"""Lower ai.onnx.ml ArrayFeatureExtractor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.values import flat, known_width, rank_of, require_number
from bridge.passes.rule import RuleTape, constant_of, lowers

if TYPE_CHECKING:
    from collections.abc import Sequence


@lowers(ML_DOMAIN, "ArrayFeatureExtractor")
def lower_array_feature_extractor(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the entries of the last axis that the indices name; a vector gives one row.

    The indices are read flat, whatever their shape, as onnxruntime reads them. Its kernel refuses an empty list of
    them, which is what indices that the graph computes are where there are no rows: so for every target.
    """
    x, indices = require_number(node), require_number(node, 1)
    rank, width = rank_of(x), known_width(x)
    if rank is None or rank == 0:
        raise DeclinedError("the number of axes of ArrayFeatureExtractor's input is not known, or 0")
    if indices.dtype != ir.DataType.INT64:
        raise DeclinedError(f"the indices of ArrayFeatureExtractor are {indices.dtype}, expected INT64")
    known = constant_of(indices)
    if known is None:
        index = flat(tape, indices)
    else:
        _check_indices(known.ravel(), width)
        index = tape.constant(known.ravel(), np.int64)
    picked = tape.op("Gather", x, index, axis=rank - 1, dtype=x.dtype)
    if rank == 1:
        picked = tape.op("Reshape", picked, tape.constant([1, -1], np.int64), dtype=x.dtype)
    before = [1] if rank == 1 else list(x.shape[:-1]) if x.shape is not None else [None] * (rank - 1)
    picked.shape = ir.Shape([*before, None if known is None else known.size])
    return [picked]


def _check_indices(indices: np.ndarray, width: int | None) -> None:
    if not indices.size:
        raise DeclinedError("the indices of ArrayFeatureExtractor are empty")
    if indices.min() < 0 or (width is not None and indices.max() >= width):
        raise DeclinedError(f"index {indices.min() if indices.min() < 0 else indices.max()} is outside of 0..{width}")
