"""Lower `bridge::Forest`: the choice between the forms of a tree ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.forest import with_own_sets, with_plain_leaves
from bridge.opset import BRIDGE_DOMAIN, BRIDGE_OPSET, FOREST
from bridge.passes.lowering.trees.by_rows import choose_by_rows
from bridge.passes.lowering.trees.cost import (
    LAUNCH_US,
    OPERATOR_US,
    Cost,
    cheapest,
    form_cost,
    frame_cost,
    kernel_cost,
    rows_to_switch,
)
from bridge.passes.lowering.trees.features import resolve_features, resolve_sets
from bridge.passes.lowering.trees.gemm import forest_as_gemm
from bridge.passes.lowering.trees.latecomers import plan_walk
from bridge.passes.lowering.trees.layout import lay_out
from bridge.passes.lowering.trees.native import forest_as_ml_operator
from bridge.passes.lowering.trees.oblivious import group_as_bits
from bridge.passes.lowering.trees.tournament import group_as_tournament
from bridge.passes.lowering.trees.traverse import group_as_traversal
from bridge.passes.lowering.values import known_width
from bridge.passes.rule import RuleTape, lowers, read_forest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bridge.forest import Forest
    from bridge.passes.lowering.trees.cost import Form
    from bridge.passes.lowering.trees.layout import Group
    from bridge.targets import Target

    GroupForm = Callable[[RuleTape, Group, NDArray[np.float64], ir.Value], ir.Value]

FORMS: dict[Form, GroupForm] = {
    "oblivious": group_as_bits,
    "tournament": group_as_tournament,
    "traverse": group_as_traversal,
}


MOST_KERNEL_NODES = 2**20
"""For more nodes the kernel of ai.onnx.ml is not taken: it takes seconds to load them, and twice the time a row."""


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
    if tape.options.target == "cpu" and tape.options.strategy == "auto" and forest.n_nodes <= MOST_KERNEL_NODES:
        return _for_a_cpu(tape, forest, x)
    forest, columns = resolve_features(tape, forest, x)
    if tape.options.strategy == "gemm":
        tape.notes.append(f"{_trees(forest.n_trees, forest.depth)}: gemm")
        return forest_as_gemm(tape, forest, columns)
    return _in_tensors(tape, forest, columns, _parts(tape, forest))


def _for_a_cpu(tape: RuleTape, forest: Forest, x: ir.Value) -> ir.Value:
    """Return the sums by the kernel of ai.onnx.ml, by tensor operators, or by either as a run has few rows or many."""
    many, few = tape.branch(), tape.branch()
    plain, columns = resolve_features(many, forest, x)
    parts = list(_parts(many, plain))
    kernel = kernel_cost(forest)
    width = known_width(x)
    rows = rows_to_switch(kernel, sum((part.cost for part in parts), frame_cost(width or 0)))
    if rows and width is None:
        rows = None
    if rows == 0:
        tape.nodes += many.nodes
        return _in_tensors(tape, plain, columns, parts)
    below = "" if rows is None else f" below {rows} rows"
    tape.notes.append(
        f"{_trees(forest.n_trees, forest.depth)}: TreeEnsemble{below}, about {kernel.row:.3g} us a row on one core"
    )
    sums = forest_as_ml_operator(few, *resolve_sets(few, forest, x))
    if rows is None:
        tape.nodes += few.nodes
        return sums
    chosen = choose_by_rows(tape, x, rows, (few, sums), (many, _in_tensors(many, plain, columns, parts)))
    # Shape inference does not see the axes of a sum in a branch, which are constants outside of it.
    chosen.shape = ir.Shape([x.shape[0] if x.shape is not None else None, forest.n_outputs])
    return chosen


@dataclass(frozen=True)
class _Part:
    """A group of trees, and the form that it takes."""

    group: Group
    form: Form
    target: Target

    @property
    def cost(self) -> Cost:
        depth = plan_walk(self.group, self.target).cost if self.form == "traverse" else self.group.depth
        return form_cost(self.form, depth, len(self.group.right))


def _parts(tape: RuleTape, forest: Forest) -> Iterator[_Part]:
    """Yield the groups of a forest in the form that the options ask for, or in the cheapest."""
    operator_us = OPERATOR_US if tape.options.target == "cpu" else LAUNCH_US
    asked: Form | None = next((form for form in FORMS if form == tape.options.strategy), None)
    for group in lay_out(forest, tape.options.strategy, operator_us):
        form = cheapest(group.depth, len(group.right), oblivious=group.oblivious, operator_us=operator_us)
        yield _Part(group, asked or form, tape.options.target)


def _in_tensors(tape: RuleTape, forest: Forest, columns: ir.Value, parts: Iterable[_Part]) -> ir.Value:
    """Return the sums of the parts of a forest, each in its form; `columns` is (features, rows)."""
    sums = []
    for part in parts:
        trees = _trees(len(part.group.right), part.group.depth)
        tape.notes.append(f"{trees}: {part.form}, about {part.cost.row:.3g} us a row on one core")
        sums.append(FORMS[part.form](tape, part.group, forest.values, columns))
    total = sums[0]
    for more in sums[1:]:
        total = tape.op("Add", total, more, dtype=ir.DataType.DOUBLE)
    return tape.op("Transpose", total, perm=[1, 0], dtype=ir.DataType.DOUBLE)


def _trees(count: int, depth: int) -> str:
    return f"{count} {'tree' if count == 1 else 'trees'} to depth {depth}"
