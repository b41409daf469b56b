"""Lower `bridge::Forest`: the choice between the forms of a tree ensemble."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.forest import with_own_sets, with_plain_leaves
from bridge.opset import BRIDGE_DOMAIN, BRIDGE_OPSET, FOREST
from bridge.passes.lowering.trees.cost import cheapest, estimate, row_cost
from bridge.passes.lowering.trees.features import resolve_features
from bridge.passes.lowering.trees.gemm import forest_as_gemm
from bridge.passes.lowering.trees.layout import lay_out
from bridge.passes.lowering.trees.levels import find_oblivious
from bridge.passes.lowering.trees.native import forest_as_ml_operator
from bridge.passes.lowering.trees.oblivious import group_as_bits
from bridge.passes.lowering.trees.tournament import group_as_tournament
from bridge.passes.lowering.trees.traverse import group_as_traversal
from bridge.passes.rule import RuleTape, lowers, read_forest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bridge.forest import Forest
    from bridge.passes.lowering.trees.cost import Form
    from bridge.passes.lowering.trees.layout import Group

    GroupForm = Callable[[RuleTape, Group, NDArray[np.float64], ir.Value], ir.Value]

FORMS: dict[Form, GroupForm] = {
    "oblivious": group_as_bits,
    "tournament": group_as_tournament,
    "traverse": group_as_traversal,
}


@lowers(BRIDGE_DOMAIN, FOREST)
def lower_forest(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the sums of a forest in the form that the options ask for, or that suits the target."""
    forest, x = with_own_sets(with_plain_leaves(read_forest(node))), node.inputs[0]
    if x is None:
        raise DeclinedError("Forest has no input")
    return [write_forest(tape, forest, x)]


def write_forest(tape: RuleTape, forest: Forest, x: ir.Value) -> ir.Value:
    """Return the float64 (rows, outputs) sums of `forest` for the matrix `x`."""
    if tape.options.strategy == "forest":
        tables = (tape.constant(table) for table in forest.tables())
        return tape.op(FOREST, x, *tables, domain=BRIDGE_DOMAIN, version=BRIDGE_OPSET, dtype=ir.DataType.DOUBLE)
    native = tape.options.target == "cpu" and tape.options.strategy == "auto" and not _is_faster_in_bits(forest)
    # Only the kernel of ai.onnx.ml has missing-value routes of its own.
    forest, x = resolve_features(tape, forest, x, native_missing=native)
    if native or tape.options.strategy == "gemm":
        tape.notes.append(f"{_trees(forest.n_trees, forest.depth)}: {'TreeEnsemble' if native else 'gemm'}")
        return (forest_as_ml_operator if native else forest_as_gemm)(tape, forest, x)
    columns = tape.op("Transpose", x, perm=[1, 0], dtype=x.dtype)
    sums = [_sums(tape, group, forest.values, columns) for group in lay_out(forest, tape.options.strategy)]
    total = sums[0]
    for part in sums[1:]:
        total = tape.op("Add", total, part, dtype=ir.DataType.DOUBLE)
    return tape.op("Transpose", total, perm=[1, 0], dtype=ir.DataType.DOUBLE)


def _is_faster_in_bits(forest: Forest) -> bool:
    """Return whether a forest is oblivious and large enough for its tensor form to beat the kernel of ai.onnx.ml.

    At 100 rows it does by a factor of 4 to 15, at 10 rows of 1.4 to 9, and at one row it takes 4 microseconds more at
    most (100 and 500 trees of depth 1 to 10, new rows each time, one thread of onnxruntime 1.31.1).
    """
    if not find_oblivious(forest).all():
        return False
    depth, trees = forest.depth, forest.n_trees
    return estimate("oblivious", depth, trees) < estimate("kernel", depth, trees)


def _sums(tape: RuleTape, group: Group, values: NDArray[np.float64], columns: ir.Value) -> ir.Value:
    """Return the sums (outputs, rows) of a group in the form that the options ask for, or in the cheapest."""
    depth, trees = group.depth, len(group.right)
    asked: Form | None = next((form for form in FORMS if form == tape.options.strategy), None)
    form = asked or cheapest(depth, trees, oblivious=group.oblivious)
    tape.notes.append(f"{_trees(trees, depth)}: {form}, about {row_cost(form, depth, trees):.3g} us a row on one core")
    return FORMS[form](tape, group, values, columns)


def _trees(count: int, depth: int) -> str:
    return f"{count} {'tree' if count == 1 else 'trees'} to depth {depth}"
