"""Let `bridge::Forest` take its columns from the whole matrix: a Gather in front costs a row 0.3 us or more."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from bridge.opset import MAIN_DOMAIN
from bridge.passes.forest_function import is_forest
from bridge.passes.initializers import add_initializer, drop_unused
from bridge.passes.rule import constant_of

FEATURE = 1
"""The number of the input that holds the columns that nodes ask for."""
FEW_COLUMNS = 64
"""A matrix wider than this, and than twice what is asked for, is better cut down first: rows lie far apart in it."""


class PickInForests(ir.passes.InPlacePass):
    """Take a Gather of columns out of the way, and number the features of its forest anew."""

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        picked = [_pick(node) for node in list(model.graph.all_nodes()) if is_forest(node)]
        return ir.passes.PassResult(model, any(picked))


def _pick(node: ir.Node) -> bool:
    """Return whether the node reads another matrix now."""
    x, feature, graph = node.inputs[0], node.inputs[FEATURE], node.graph
    pick = None if x is None else x.producer()
    if x is None or feature is None or graph is None or pick is None or pick.graph is not graph:
        return False
    if pick.op_type != "Gather" or pick.domain != MAIN_DOMAIN or pick.attributes.get_int("axis", 0) != 1:
        return False
    source, columns, asked = pick.inputs[0], constant_of(pick.inputs[1]), constant_of(feature)
    width = source.shape[1] if source is not None and source.shape is not None and len(source.shape) > 1 else None
    if columns is None or asked is None or columns.ndim != 1 or not isinstance(width, int):
        return False
    if width > max(FEW_COLUMNS, 2 * columns.size) or not columns.size:
        return False
    numbers = np.where(columns < 0, columns + width, columns).astype(np.int32)
    node.replace_input_with(0, source)
    node.replace_input_with(FEATURE, add_initializer(graph, numbers[asked], "forest_feature"))
    drop_unused(graph, feature)
    if not x.uses() and not x.is_graph_output():
        constant = pick.inputs[1]
        graph.remove(pick, safe=True)
        if constant is not None:
            drop_unused(graph, constant)
    return True
