"""Tell whether a row's answer hangs on the other rows of its batch: such a model must see all rows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.opset import MAIN_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.values import rank_of
from bridge.passes.rule import constant_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MIXED_ROWS = "bridge.mixed_rows"
"""Where `NoteMixedRows` leaves its answer in the model's `meta`."""

ALONG = {"ArgMax": 0, "ArgMin": 0, "Hardmax": -1, "LogSoftmax": -1, "LpNormalization": -1, "Softmax": -1, "TopK": -1}
"""Operators that go along one axis, with the one that they take by default."""
UNTRACKED = frozenset({"Flatten", "If", "Reshape", "Scan", "Squeeze", "Unsqueeze"})
"""Operators behind which the axis of rows is not looked for: they may move it."""


class NoteMixedRows(ir.passes.InPlacePass):
    """Note in the model's `meta` whether some node reduces, sorts or normalizes along the axis of rows.

    The axis is followed from the inputs, where it is the first, through Transpose, into the body of a Loop, and through
    all that leaves axes in place. Behind a Reshape, a Scan and the like it is taken to be unmixed, as in every graph
    that an exporter of estimators writes.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        rows = dict.fromkeys(model.graph.inputs, 0)
        model.meta[MIXED_ROWS] = any(_mixes(node, rows) for node in model.graph)
        return ir.passes.PassResult(model, modified=False)


def _mixes(node: ir.Node, rows: dict[ir.Value, int]) -> bool:
    """Return whether a node mixes rows; if not, add to `rows` where they are in what it makes."""
    if node.op_type == "Loop" and node.domain == MAIN_DOMAIN:
        return _loop_mixes(node, rows)
    if node.op_type == "Gather" and node.domain == MAIN_DOMAIN:
        table = node.inputs[0]
        # Columns of rows; of a table that rows point into, or of rows in another order, nothing is known.
        if table is not None and table in rows and Attributes(node).integer("axis", 0) > rows[table]:
            rows[node.outputs[0]] = rows[table]
        return False
    found = [rows[value] for value in node.inputs if value is not None and value in rows]
    if not found or node.op_type in UNTRACKED:
        return False
    axis, attributes = found[0], Attributes(node)
    if node.domain == MAIN_DOMAIN:
        rank = None if node.inputs[0] is None else rank_of(node.inputs[0])
        axes = _axes(node)
        if axes is not None and axis in {a if a >= 0 else a + (rank or 2) for a in axes or range(rank or 2)}:
            return True
        if node.op_type == "Transpose":
            perm = attributes.ints("perm").tolist() or list(reversed(range(rank or 2)))
            axis = perm.index(axis) if axis in perm else axis
        if axes is not None and not attributes.integer("keepdims", 1):
            return False
    rows.update(dict.fromkeys(node.outputs, axis))
    return False


def _loop_mixes(node: ir.Node, rows: dict[ir.Value, int]) -> bool:
    """Return whether a turn of a loop mixes rows; what the loop carries may get them in its first turn."""
    body = node.attributes["body"].as_graph()
    count = len(body.inputs) - 2
    before, after = body.inputs[2:], body.outputs[1 : count + 1]
    rows.update({b: rows[v] for b, v in zip(before, node.inputs[2:], strict=True) if v is not None and v in rows})
    for _ in range(2):
        if any(_mixes(inner, rows) for inner in body):
            return True
        rows.update({b: rows[a] for b, a in zip(before, after, strict=True) if a in rows})
    rows.update({o: rows[a] for o, a in zip(node.outputs, after, strict=False) if a in rows})
    return False


def _axes(node: ir.Node) -> Iterable[int] | None:
    """Return the axes along which a node mixes what it reads, none for all of them; None where it mixes nothing."""
    attributes = Attributes(node)
    if node.op_type in ALONG:
        return [attributes.integer("axis", ALONG[node.op_type])]
    if not node.op_type.startswith("Reduce") and node.op_type not in {"CumSum", "MeanVarianceNormalization"}:
        return None
    given = constant_of(node.inputs[1]) if len(node.inputs) > 1 else None
    listed = attributes.ints("axes").tolist() if given is None else given.ravel().tolist()
    return None if not listed and attributes.integer("noop_with_empty_axes", 0) else listed
