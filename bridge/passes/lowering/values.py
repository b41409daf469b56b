"""What rules ask of their inputs, and the small graphs that several rules need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.passes.rule import require_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.passes.rule import RuleTape
    from bridge.targets import Target

TENSOR_TARGETS: tuple[Target, ...] = ("portable", "cuda")
"""The targets that keep no operator of ai.onnx.ml."""

TEXT_REASON = "bridge.text_reason"
"""The key of a node's `meta` under which `bridge.passes.text_inputs` says why it left strings in place."""


def require_number(node: ir.Node, index: int = 0) -> ir.Value:
    """Return an input of `node` that is present, typed and numeric; decline for all else."""
    value = node.inputs[index] if index < len(node.inputs) else None
    if value is None:
        raise DeclinedError(f"{node.op_type} has no input {index}")
    if value.dtype == ir.DataType.STRING:
        raise DeclinedError(
            str(node.meta.get(TEXT_REASON, f"{node.op_type} reads text that no pass turned into codes"))
        )
    require_dtype(value, f"input {index} of {node.op_type}")
    return value


def known_width(x: ir.Value) -> int | None:
    """Return the length of the last axis, or None where it is not known."""
    if x.shape is None or not len(x.shape):
        return None
    last = x.shape[-1]
    return last if isinstance(last, int) else None


_KEEPS_RANK = frozenset({"Abs", "Cast", "Concat", "Exp", "Identity", "Neg", "Sigmoid", "Slice", "Softmax"})
MOST_STEPS_BACK = 16


def rank_of(x: ir.Value) -> int | None:
    """Return the number of axes, or None where it is not known.

    Shape inference gives up on Reshape to a shape that the graph computes, though that shape's length is known.
    """
    for _ in range(MOST_STEPS_BACK):
        if x.shape is not None:
            return len(x.shape)
        node = x.producer()
        if node is None or node.domain not in {"", "ai.onnx"}:
            return None
        if node.op_type == "Reshape" and node.inputs[1] is not None:
            return known_width(node.inputs[1])
        if node.op_type not in _KEEPS_RANK or node.inputs[0] is None:
            return None
        x = node.inputs[0]
    return None


def as_matrix(tape: RuleTape, x: ir.Value, what: str) -> ir.Value:
    """Return `x` with two axes: a vector is one row, an unknown rank is taken for two."""
    rank = rank_of(x)
    if rank in {None, 2}:
        return x
    if rank != 1:
        raise DeclinedError(f"{what} has {rank} axes, expected rows and columns")
    row = tape.op("Reshape", x, tape.constant([1, -1], np.int64), dtype=x.dtype)
    row.shape = ir.Shape([1, known_width(x)])
    return row


def shaped(value: ir.Value, x: ir.Value, *inner: int) -> ir.Value:
    """Return `value` with its shape set: the rows of the matrix `x`, then `inner`.

    Without it the result takes over what the file says of the node that it replaces, and skl2onnx gives some outputs a
    wrong width.
    """
    rows = x.shape[0] if x.shape is not None and len(x.shape) else None
    value.shape = ir.Shape([rows, *inner])
    return value


def check_per_column(x: ir.Value, length: int, name: str) -> None:
    """Decline where an attribute of `length` entries cannot be one per column of `x`."""
    width, rank = known_width(x), rank_of(x)
    if rank is not None and rank > 2 and length > 1:
        raise DeclinedError(f"attribute '{name}' has one entry per column, but the input has {rank} axes")
    if width is not None and length not in {1, width}:
        raise DeclinedError(f"attribute '{name}' has {length} entries, but the input has {width} columns")


def like(tape: RuleTape, array: Any, x: ir.Value) -> ir.Value:
    """Return a constant in the dtype of `x`."""
    return tape.constant(np.asarray(array).astype(require_dtype(x, "a value")))


def less_or_equal(tape: RuleTape, a: ir.Value, b: ir.Value) -> ir.Value:
    return tape.op("LessOrEqual", a, b, dtype=ir.DataType.BOOL)


def where(tape: RuleTape, condition: ir.Value, a: ir.Value, b: ir.Value) -> ir.Value:
    return tape.op("Where", condition, a, b, dtype=a.dtype)


def equals(tape: RuleTape, x: ir.Value, constant: NDArray[Any]) -> ir.Value:
    """Return whether `x` equals a constant; on floats from two `<=`, since few portable runtimes have Equal on them."""
    value = like(tape, constant, x)
    if np.issubdtype(constant.dtype, np.integer) or tape.options.target != "portable":
        return tape.op("Equal", x, value, dtype=ir.DataType.BOOL)
    both = [tape.cast(less_or_equal(tape, *sides), np.float32) for sides in ((x, value), (value, x))]
    product = tape.op("Mul", *both, dtype=ir.DataType.FLOAT)
    return less_or_equal(tape, tape.constant(np.float32(0.5)), product)


def is_nan(tape: RuleTape, x: ir.Value) -> ir.Value:
    return tape.op("IsNaN", x, dtype=ir.DataType.BOOL)


def if_above(tape: RuleTape, x: ir.Value, threshold: float, *, yes: ir.Value, no: ir.Value) -> ir.Value:
    """Return `yes` where x > threshold, else (and on NaN) `no`, with `<=` alone.

    One comparison with the next number above the threshold would be shorter, but that is a denormal where the
    threshold is 0, and runtimes that flush denormals would take 0 for more than 0.
    """
    limit = like(tape, threshold, x)
    at_least = less_or_equal(tape, limit, x)
    return where(tape, less_or_equal(tape, x, limit), no, where(tape, at_least, yes, no))


def sum_of_row(tape: RuleTape, x: ir.Value) -> ir.Value:
    return tape.op("ReduceSum", x, tape.constant([1], np.int64), keepdims=1, dtype=x.dtype)


def largest_of_row(tape: RuleTape, x: ir.Value) -> ir.Value:
    """Return (rows, 1); by ArgMax and a gather, since ReduceMax needs cuDNN on CUDA."""
    place = tape.op("ArgMax", x, axis=1, keepdims=0, dtype=ir.DataType.INT64)
    column = tape.op("Reshape", tape.cast(place, np.int32), tape.constant([-1, 1], np.int64), dtype=ir.DataType.INT32)
    return tape.op("GatherElements", x, column, axis=1, dtype=x.dtype)


def column_of(tape: RuleTape, x: ir.Value, index: int) -> ir.Value:
    """Return column `index` as (rows, 1)."""
    return tape.op("Gather", x, tape.constant([index], np.int64), axis=1, dtype=x.dtype)


def flat(tape: RuleTape, x: ir.Value) -> ir.Value:
    """Return (rows, 1) as (rows,)."""
    return tape.op("Reshape", x, tape.constant([-1], np.int64), dtype=x.dtype)


def columns(tape: RuleTape, *values: ir.Value) -> ir.Value:
    """Return the given blocks of columns side by side."""
    return values[0] if len(values) == 1 else tape.op("Concat", *values, axis=1, dtype=values[0].dtype)


def largest_class(tape: RuleTape, scores: ir.Value, labels: NDArray[np.int64]) -> ir.Value:
    """Return (rows,): the label of the largest column, of the first one of equals."""
    place = tape.op("ArgMax", scores, axis=1, keepdims=0, dtype=ir.DataType.INT64)
    if np.array_equal(labels, np.arange(len(labels))):
        return place
    return tape.op("Gather", tape.constant(labels), place, axis=0, dtype=ir.DataType.INT64)


def with_new_last_axis(tape: RuleTape, x: ir.Value, shape: ir.Shape | None) -> ir.Value:
    """Return x, of this shape, with an axis of length 1 behind its own; by Reshape where that can be written down."""
    inner = [d for d in shape[1:] if isinstance(d, int) and d > 0] if shape is not None else []
    if shape is not None and len(shape) and len(inner) == len(shape) - 1:
        return tape.op("Reshape", x, tape.constant([-1, *inner, 1], np.int64), dtype=x.dtype)
    return tape.op("Unsqueeze", x, tape.constant([-1], np.int64), dtype=x.dtype)
