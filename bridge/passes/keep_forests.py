"""The operator `bridge::Forest` as files have it: one node a forest, and its function for runtimes without a kernel.

Domain `bridge`, version 1. Without attributes it sums, over all trees, the scores of the leaf that a row reaches.

Inputs, in this order; all but `x` are initializers, of the dtypes of `bridge.forest.TABLES`:

0. `x` (rows, columns), float32 or float64. Every decision is taken in float64.
1. `feature` (nodes): the column that a node asks for.
2. `threshold` (nodes), float64: a row goes left if `x[feature] <= threshold`.
3. `left` (nodes): the node to go on at; -1 at a leaf, and only there.
4. `right` (nodes): likewise; at a leaf, the leaf itself.
5. `leaf` (nodes): at a leaf, the row of `values` that it scores; elsewhere not read.
6. `missing_left` (nodes), bool: where NaN goes left; elsewhere it goes right.
7. `roots` (trees): the first node of every tree.
8. `values` (leaves, outputs), float64.
9. `category` (nodes): -1, or a set: then the threshold is not compared with. A row goes left if the integer part of x
   is in the set (no set holds NaN, numbers below zero, infinity), and on NaN as `missing_left` says.
10. `set_starts` (sets + 1), int64: set s is `set_members[set_starts[s]:set_starts[s + 1]]`.
11. `set_members`, int64: each from 0 to 2**24 - 1, those of a set in ascending order.
12. `base` (outputs), float64; may be left out.

The total of a row is the `aggregate` of its trees' scores plus the base, float64, one number an output.

Attributes, all of which may be left out:

- `aggregate`: "sum" (the default), "mean", "min" or "max" over the trees.
- `link`, from the total to y: "none" (the default), "sigmoid", "softmax", "exp"; "sigmoid_both", of one output, gives
  two columns, 1 - p and p.
- `label`: the first column of the largest "argmax" (the default) of y or "argmax_total" of the total; of one output
  whether the total is "positive" or "nonnegative".
- `squeeze`: 1 where y, its logarithm and the total are to lose the axis of columns if they have one; 0 by default.

Outputs; all but the first may be left out:

0. `y`, float64 (rows, columns): the total under the link.
1. `total`, float64 (rows, outputs).
2. `label`, int64 (rows).
3. `log`, float64: the logarithm of y.

In these files a leaf has the threshold NaN, `missing_left` false and `category` -1: `x <= NaN` is false for every x, so
that whoever arrives before the others goes on to the same leaf. A node with a set has the threshold NaN too, no such
set is empty, and there is a set with a member even where no node asks for one. The function relies on this; a kernel
needs not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError, LoweringError
from bridge.forest import TABLES, Forest
from bridge.opset import BRIDGE_DOMAIN, BRIDGE_OPSET, IR_VERSION_FUNCTIONS, MAIN_DOMAIN, MAIN_OPSET
from bridge.passes.ensure import leftover
from bridge.passes.forest_function import Needs, forest_function, is_forest
from bridge.passes.forest_results import PLAIN
from bridge.passes.fuse_behind_forests import RESULTS
from bridge.passes.initializers import add_initializer, drop_unused
from bridge.passes.lower_ops import NOTES
from bridge.passes.rule import find_rule, read_forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.passes.rule import Rule
    from bridge.targets import Target

NEEDS = "bridge.forest_needs"
"""Where `KeepForests` leaves in the model's `meta` what its forests ask of their function."""
FLOATS = (ir.DataType.FLOAT, ir.DataType.DOUBLE)


def find_other_rule(node: ir.Node, target: Target) -> Rule | None:
    """Return the rule for this node and target, or None; a Forest has none."""
    return None if is_forest(node) else find_rule(node, target)


@dataclass
class KeepForests(ir.passes.InPlacePass):
    """Bring the tables of every Forest node into the form of files; raise `LoweringError` where they are damaged."""

    target: Target

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        faults: list[str] = []
        kept: list[Forest] = []
        for node in filter(is_forest, list(model.graph.all_nodes())):
            try:
                forest = _read(node)
            except DeclinedError as reason:
                faults.append(leftover(node, str(reason)))
                continue
            kept.append(_keep(node, forest))
        if faults:
            raise LoweringError(self.target, faults)
        needs = model.meta[NEEDS] = Needs.of(kept)
        model.meta[NOTES] = (*model.meta.get(NOTES, ()), *(_note(forest, needs) for forest in kept))
        return ir.passes.PassResult(model, bool(kept))


def _note(forest: Forest, needs: Needs) -> str:
    trees = f"{forest.n_trees} {'tree' if forest.n_trees == 1 else 'trees'} to depth {forest.depth}"
    return f"{trees}: forest, by its function about {needs.row_us(forest.n_trees):.3g} us a row on one core"


def add_forest_function(model: ir.Model) -> None:
    """Give a model that holds Forest nodes the function that computes them."""
    if not any(map(is_forest, model.graph.all_nodes())):
        return
    opset = model.graph.opset_imports.get(MAIN_DOMAIN, MAIN_OPSET)
    function = forest_function(model.meta[NEEDS], opset, model.meta.get(RESULTS, PLAIN))
    model.functions[function.identifier()] = function
    model.graph.opset_imports[BRIDGE_DOMAIN] = BRIDGE_OPSET
    model.ir_version = max(model.ir_version or 0, IR_VERSION_FUNCTIONS)


def in_file_form(forest: Forest) -> Forest:
    """Return an equal forest whose tables are as files have them."""
    forest = _without_empty_sets(forest)
    is_leaf = forest.is_leaf
    has_set = ~is_leaf & (forest.category >= 0)
    return replace(
        forest,
        feature=np.where(is_leaf, 0, forest.feature),
        threshold=np.where(is_leaf | has_set, np.nan, forest.threshold),
        left=np.where(is_leaf, -1, forest.left),
        right=np.where(is_leaf, np.arange(forest.n_nodes, dtype=np.int32), forest.right),
        missing_left=forest.missing_left & ~is_leaf,
        category=np.where(has_set, forest.category, -1),
        set_starts=forest.set_starts if len(forest.set_members) else np.array([0, 1], np.int64),
        set_members=_in_order(forest) if len(forest.set_members) else np.zeros(1, np.int64),
    )


def _without_empty_sets(forest: Forest) -> Forest:
    """Return an equal forest: a set that holds nothing is `x <= inf` with the sides exchanged."""
    empty = np.diff(forest.set_starts) == 0
    asks = ~forest.is_leaf & (forest.category >= 0)
    asks[asks] = empty[forest.category[asks]]
    if not asks.any():
        return forest
    return replace(
        forest,
        threshold=np.where(asks, np.inf, forest.threshold),
        left=np.where(asks, forest.right, forest.left),
        right=np.where(asks, forest.left, forest.right),
        missing_left=forest.missing_left ^ asks,
        category=np.where(asks, -1, forest.category),
    )


def _in_order(forest: Forest) -> NDArray[np.int64]:
    owner = np.repeat(np.arange(len(forest.set_starts) - 1), np.diff(forest.set_starts))
    return forest.set_members[np.lexsort((forest.set_members, owner))]


def _read(node: ir.Node) -> Forest:
    """Return the forest of a node, or decline what the operator does not take."""
    forest = read_forest(node)
    x = node.inputs[0]
    if x is None or x.dtype not in FLOATS:
        raise DeclinedError("the input of Forest is not known to be float32 or float64")
    if x.shape is not None and len(x.shape) != 2:
        raise DeclinedError(f"the input of Forest has {len(x.shape)} axes, expected rows and columns")
    return forest


def _keep(node: ir.Node, forest: Forest) -> Forest:
    """Set the tables of a node, and the type and shape of its sums; return the forest that it then holds."""
    graph = node.graph
    if graph is None:
        raise TypeError(f"node {node.name!r} is in no graph")
    changed = in_file_form(forest)
    for i, name in enumerate(TABLES, start=1):
        table, before = getattr(changed, name), node.inputs[i]
        if table is getattr(forest, name) or before is None:
            continue
        node.replace_input_with(i, add_initializer(graph, table, f"forest_{name}"))
        drop_unused(graph, before)
    (sums,) = node.outputs
    sums.type = ir.TensorType(ir.DataType.DOUBLE)
    x = node.inputs[0]
    rows = x.shape[0] if x is not None and x.shape is not None else None
    sums.shape = ir.Shape([rows, forest.n_outputs])
    return changed
