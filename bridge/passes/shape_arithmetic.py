"""Take out what a graph computes with its own shapes: runtimes differ in it, and onnxruntime does it on the CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.opset import MAIN_DOMAIN
from bridge.passes.lower_ops import LowerOps
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import column_of, flat, less_or_equal
from bridge.passes.rule import RuleTape, constant_of, require_constant, require_integer
from bridge.passes.shapes import infer_shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.rule import Options, Rule
    from bridge.targets import Target

    Length = int | ir.Value | None
    """A number, or the value that has so many rows; None where it is neither."""

SAME_ELEMENTS = frozenset({"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""What leaves a shape's lengths as they are."""
BROADCASTING = frozenset({"Add", "Div", "Equal", "Greater", "Less", "Max", "Min", "Mul", "Pow", "Sub", "Where"})


@dataclass(frozen=True)
class DropShapeArithmetic(ir.passes.InPlacePass):
    """Let nodes do without a shape that the graph computes, where that holds known lengths and the number of rows."""

    options: Options

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        if not any(node.op_type == "Shape" for node in model.graph.all_nodes()):
            return ir.passes.PassResult(model, modified=False)
        infer_shapes()(model)
        return LowerOps(self.options, _find_rule)(model)


def _find_rule(node: ir.Node, _target: Target) -> Rule | None:
    return _RULES.get(node.op_type) if node.domain == MAIN_DOMAIN else None


def _constant_of_shape(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    given = Attributes(node).tensor("value")
    value = np.zeros(1, np.float32) if given is None else given
    if value.size != 1:
        raise DeclinedError(f"attribute 'value' has {value.size} elements, expected one")
    if _is_broadcast_anyway(node):
        return [tape.constant(value.reshape(()))]
    rows, others = _rows_and_others(node.inputs[0])
    inner = [length for length in others if isinstance(length, int)]
    if len(inner) < len(others):
        raise DeclinedError("more than the number of rows is computed")
    if isinstance(rows, int):
        return [tape.constant(np.full([rows, *inner], value.item(), value.dtype))]
    return [_repeated(tape, np.full([1, *inner], value.item(), value.dtype), rows)]


def _is_broadcast_anyway(node: ir.Node) -> bool:
    """Return whether the result, of the shape of some value, meets that value wherever it is used."""
    shape = node.inputs[0].producer() if node.inputs[0] is not None else None
    if (
        shape is None
        or shape.op_type != "Shape"
        or shape.domain
        or len(shape.attributes)
        or node.outputs[0].is_graph_output()
    ):
        return False
    users = [user for user, _ in node.outputs[0].uses()]
    return bool(users) and all(
        u.op_type in BROADCASTING and not u.domain and shape.inputs[0] in u.inputs for u in users
    )


def _tile(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    pattern = require_constant(node.inputs[0], "what is repeated")
    rows, inner = _rows_and_others(node.inputs[1])
    if isinstance(rows, int) or any(length != 1 for length in inner):
        raise DeclinedError("the repeats are known, or not of rows alone")
    blocks = _repeated(tape, pattern[None], rows)
    return [tape.op("Reshape", blocks, tape.constant([-1, *pattern.shape[1:]], np.int64), dtype=blocks.dtype)]


def _reshape(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = node.inputs[0]
    lengths = _lengths(node.inputs[1])
    if x is None or constant_of(node.inputs[1]) is not None or Attributes(node).integer("allowzero", 0):
        raise DeclinedError("the shape is a constant, or 0 means nothing")
    if sum(not isinstance(length, int) or length < 1 for length in lengths) > 1:
        raise DeclinedError("more than the number of rows is computed")
    known = [length if isinstance(length, int) else -1 for length in lengths]
    return [tape.op("Reshape", x, tape.constant(known, np.int64), dtype=x.dtype)]


def _repeated(tape: RuleTape, row: np.ndarray, like: ir.Value | None) -> ir.Value:
    """Return `row`, an array whose first length is 1, as often as `like` has rows."""
    if like is None or like.shape is None or like.dtype in {None, ir.DataType.STRING, ir.DataType.BOOL}:
        raise DeclinedError("the number of rows is computed from something else than numbers")
    rank = len(like.shape)
    if rank not in {1, 2}:
        raise DeclinedError("the rows are counted of something else than a vector or a matrix")
    column = flat(tape, column_of(tape, like, 0)) if rank == 2 else like
    zero = tape.constant(0, np.int64)
    first = tape.op("Where", less_or_equal(tape, column, column), zero, zero, dtype=ir.DataType.INT64)
    table = tape.constant(row)
    return tape.op("Gather", table, first, axis=0, dtype=table.dtype)


def _rows_and_others(shape: ir.Value | None) -> tuple[Length, list[Length]]:
    lengths = _lengths(shape)
    if not lengths:
        raise DeclinedError("the shape is that of a single number")
    return lengths[0], lengths[1:]


def _lengths(value: ir.Value | None) -> list[Length]:
    """Return the lengths that a computed shape holds, or decline."""
    known = constant_of(value)
    if known is not None and known.dtype.kind in "iu":
        return [int(length) for length in known.ravel()]
    node = None if value is None else value.producer()
    if node is None or node.domain or node.op_type not in _READERS:
        raise DeclinedError("the shape is not made of other values' shapes")
    return _READERS[node.op_type](node)


def _lengths_of(node: ir.Node) -> list[Length]:
    source = node.inputs[0]
    if source is None or source.shape is None:
        raise DeclinedError("the number of axes is not known")
    attributes = Attributes(node)
    part = slice(attributes.integer("start", 0), attributes.integer("end", len(source.shape)))
    lengths: list[Length] = [d if isinstance(d, int) else None for d in source.shape]
    return [source if length is None and axis == 0 else length for axis, length in enumerate(lengths)][part]


def _gathered(node: ir.Node) -> list[Length]:
    lengths = _lengths(node.inputs[0])
    places = require_constant(node.inputs[1], "which length is taken").ravel()
    if places.size and not -len(lengths) <= places.min() <= places.max() < len(lengths):
        raise DeclinedError("there is no such length")
    return [lengths[place] for place in places]


def _sliced(node: ir.Node) -> list[Length]:
    start, end = (require_integer(v, "a bound of Slice") for v in node.inputs[1:3])
    step = require_integer(node.inputs[4], "the step of Slice") if len(node.inputs) > 4 else 1
    if step == 0:
        raise DeclinedError("the step of Slice is 0")
    return _lengths(node.inputs[0])[start:end:step]


def _kept(node: ir.Node) -> list[Length]:
    return _lengths(node.inputs[0])


def _joined(node: ir.Node) -> list[Length]:
    return [length for part in node.inputs for length in _lengths(part)]


_READERS = {
    "Shape": _lengths_of,
    "Gather": _gathered,
    "Slice": _sliced,
    "Concat": _joined,
    **dict.fromkeys(SAME_ELEMENTS, _kept),
}
_RULES: dict[str, Rule] = {"ConstantOfShape": _constant_of_shape, "Tile": _tile, "Reshape": _reshape}
