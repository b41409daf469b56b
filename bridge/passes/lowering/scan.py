"""Loops that compute the distances of all rows to one row at a time, as skl2onnx writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import DeclinedError
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.distances import Distances, main_opset, require_matrix
from bridge.passes.rule import RuleTape, constant_of, copied_value, lowers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

NO_DISTANCES = "the loop computes something else than distances between rows"


@lowers("", "Scan")
def lower_scan(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value | None]:
    """Return the distances of all pairs of rows at once, for a loop that carries x along unchanged and scans y."""
    body = node.attributes["body"].as_graph() if "body" in node.attributes else None
    if body is None or len(node.inputs) != 2 or len(body.inputs) != 2 or len(body.outputs) != 2:
        raise DeclinedError(NO_DISTANCES)
    if any(Attributes(node).ints(f"scan_{name}").any() for name in _DIRECTIONS):
        raise DeclinedError("the loop runs backwards, or along another axis than the first")
    state, row = body.inputs
    if copied_value(body.outputs[0]) is not state:
        raise DeclinedError("the loop changes what it carries along")
    x, y = (require_matrix(v, f"input {i} of the loop") for i, v in enumerate(node.inputs))
    between = Distances(x, y, _power(copied_value(body.outputs[1]), {state, row}), main_opset(node))
    carried = x if node.outputs[0].uses() or node.outputs[0].is_graph_output() else None
    return [carried, tape.op("Transpose", between.write_noted(tape), perm=[1, 0], dtype=x.dtype)]


_DIRECTIONS = ("input_axes", "input_directions", "output_axes", "output_directions")


def _power(total: ir.Value, rows: set[ir.Value]) -> float:
    """Return p where `total` is the sum of `|a - b| ** p` over the columns, with a and b the loop's rows."""
    node = _node(total, "ReduceSumSquare", "ReduceSum", "ReduceL1")
    if _axes(node) not in ([1], [-1]) or Attributes(node).integer("keepdims", 1):
        raise DeclinedError(NO_DISTANCES)
    (terms,) = _inputs(node)[:1]
    if node.op_type == "ReduceSumSquare":
        _check_difference(terms, rows)
        return 2.0
    if node.op_type == "ReduceL1":
        _check_difference(terms, rows)
        return 1.0
    return _power_of_terms(terms, rows)


def _power_of_terms(terms: ir.Value, rows: set[ir.Value]) -> float:
    node = _node(terms, "Abs", "Pow")
    if node.op_type == "Abs":
        _check_difference(_inputs(node)[0], rows)
        return 1.0
    base, exponent = _inputs(node)
    known = constant_of(exponent)
    if known is None or known.size != 1 or known.ndim > 1:
        raise DeclinedError(NO_DISTANCES)
    _check_difference(_inputs(_node(base, "Abs"))[0], rows)
    return float(known.item())


def _check_difference(value: ir.Value, rows: set[ir.Value]) -> None:
    if set(map(copied_value, _inputs(_node(value, "Sub")))) != rows:
        raise DeclinedError(NO_DISTANCES)


def _node(value: ir.Value, *op_types: str) -> ir.Node:
    node = copied_value(value).producer()
    if node is None or node.op_type not in op_types or node.domain:
        raise DeclinedError(NO_DISTANCES)
    return node


def _inputs(node: ir.Node) -> list[ir.Value]:
    return [value for value in node.inputs if value is not None]


def _axes(node: ir.Node) -> list[int]:
    """Return the axes of a reduction, from the attribute or the input that holds them."""
    if "axes" in node.attributes:
        return list(node.attributes["axes"].as_ints())
    known = constant_of(node.inputs[1]) if len(node.inputs) > 1 else None
    return [] if known is None else known.tolist()
