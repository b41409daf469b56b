"""Answer all questions of trees that ask one question a level, and read the answers as the number of the leaf."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.lowering.trees.traverse import sum_slots, thresholds_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.passes.lowering.trees.layout import Group
    from bridge.passes.rule import RuleTape


def group_as_bits(tape: RuleTape, group: Group, values: NDArray[np.float64], columns: ir.Value) -> ir.Value:
    """Return the sums (outputs, rows), float64, of a group of trees; `columns` is (features, rows).

    The answers of a level are a bit of the leaf's number, the first level the highest, left the 1. A product with the
    powers of two adds the bits up, at any precision of the device: all are powers of two, and the sums below 2**24 that
    float32 accumulates. It takes half the time of integers, which onnxruntime multiplies and adds up one by one.
    """
    if not group.oblivious:
        raise DeclinedError(
            "strategy 'oblivious' takes trees that ask one question a level; "
            f"{len(group.right)} trees of up to {group.depth} levels ask several"
        )
    trees = np.arange(len(group.right))
    asked = np.zeros((group.depth, len(trees)), np.int64)
    slot = np.zeros((len(trees), 1), np.int64)
    for level in range(group.depth):
        asked[level] = slot[:, -1]  # the way of left turns alone
        right_child = group.right[trees[:, None], slot].astype(np.int64)
        slot = np.stack([right_child, right_child - 1], axis=2).reshape(len(trees), -1)

    features = group.feature[trees, asked].ravel().astype(np.int64)
    threshold = thresholds_for(group.threshold[trees, asked].reshape(-1, 1), columns)
    numbers = tape.op("Gather", columns, tape.constant(features), axis=0, dtype=columns.dtype)
    goes_left = tape.op("LessOrEqual", numbers, tape.constant(threshold), dtype=ir.DataType.BOOL)
    bits = _reshape(tape, tape.cast(goes_left, np.float32), group.depth)
    powers = tape.constant(2.0 ** np.arange(group.depth)[::-1].reshape(1, -1), np.float32)
    leaf = _reshape(tape, tape.op("MatMul", powers, bits, dtype=ir.DataType.FLOAT), len(trees))
    ordered = replace(group, leaf=group.leaf[trees[:, None], slot])
    return sum_slots(tape, ordered, values, tape.cast(leaf, np.int32))


def _reshape(tape: RuleTape, x: ir.Value, first: int) -> ir.Value:
    return tape.op("Reshape", x, tape.constant([first, -1], np.int64), dtype=x.dtype)
