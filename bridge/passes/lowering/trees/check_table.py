"""Check the attributes of ai.onnx.ml tree operators: for the rules, and where an operator stays as the file has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.post_transform import POST_TRANSFORMS
from bridge.passes.lowering.trees.aggregate import MOST_CELLS
from bridge.passes.lowering.trees.decisions import checked_width
from bridge.passes.lowering.trees.node_table import floats_or_tensor, read_lists, read_tree_ensemble
from bridge.passes.lowering.values import require_number
from bridge.passes.packed_lists import LEAF
from bridge.passes.rule import require_dtype

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.passes.lowering.trees.node_table import NodeTable


MOST_UNSCORED = 16
"""Refuse large score tables of which less than one cell in this many is used."""


@dataclass(frozen=True)
class ScoreNames:
    """The attributes that say what the leaves score: which output, how much, and how many outputs there are."""

    ids: str
    weights: str
    count: str


SCORES = {
    "TreeEnsembleClassifier": ScoreNames("class_ids", "class_weights", "classlabels_*"),
    "TreeEnsembleRegressor": ScoreNames("target_ids", "target_weights", "n_targets"),
    "TreeEnsemble": ScoreNames("leaf_targetids", "leaf_weights", "n_targets"),
}


def sum_dtype(x: ir.Value) -> np.dtype[Any]:
    """Return the dtype that onnxruntime adds leaves in: float64 for float64 input, float32 for all else."""
    return np.dtype(np.float64 if require_dtype(x, "the input of a tree ensemble") == np.float64 else np.float32)


def check_scores(table: NodeTable, targets: int, op_type: str) -> None:
    """Decline scores of targets or classes that do not exist."""
    names = SCORES[op_type]
    if targets < 1:
        raise DeclinedError(f"attribute '{names.count}' says {targets} targets or class labels, expected at least 1")
    n_leaves = int((table.mode == LEAF).sum())
    if n_leaves * targets > max(MOST_CELLS, MOST_UNSCORED * len(table.score_target)):
        raise DeclinedError(f"attribute '{names.count}' says {targets}: {n_leaves} leaves need too large a table")
    wrong = (table.score_target < 0) | (table.score_target >= targets)
    if wrong.any():
        raise DeclinedError(
            f"attribute '{names.ids}' names target or class {table.score_target[wrong][0]} of {targets}"
        )


def check_tree_operator(node: ir.Node) -> None:
    """Decline a tree operator of the file that onnxruntime refuses to load, or fails to run, for its attributes.

    Tables that it loads, though ONNX's text forbids them, pass: nodes with two parents, for one.
    """
    x = require_number(node)
    attributes, dtype = Attributes(node), sum_dtype(x)
    targets = attributes.integer("n_targets", 0)
    if node.op_type == "TreeEnsemble":
        table = read_tree_ensemble(node, dtype)
    else:
        if node.op_type == "TreeEnsembleClassifier":
            targets = len(attributes.strings("classlabels_strings") or attributes.ints("classlabels_int64s"))
        table = read_lists(node, SCORES[node.op_type].ids.partition("_")[0], dtype)
        attributes.choice("post_transform", POST_TRANSFORMS, "NONE")
        base = len(floats_or_tensor(node, "base_values", dtype))
        if base not in ({0, 1, 2} if targets == 2 else {0, targets}):
            raise DeclinedError(f"attribute 'base_values' has {base} entries for {targets} targets or classes")
    check_scores(table, targets, node.op_type)
    checked_width(table, x)
    _check_ends(table)


def _check_ends(table: NodeTable) -> None:
    """Decline a node that is its own ancestor: no path is longer than there are nodes.

    Nearly all files write a node before its children, and then no path goes back.
    """
    inner = np.flatnonzero(table.mode != LEAF)
    if (np.minimum(table.true_child[inner], table.false_child[inner]) > inner).all():
        return
    frontier: NDArray[np.int64] = table.roots
    for _ in range(len(table.mode)):
        frontier = frontier[table.mode[frontier] != LEAF]
        if not frontier.size:
            return
        frontier = np.unique(np.concatenate([table.true_child[frontier], table.false_child[frontier]]))
    raise DeclinedError("a node is its own ancestor: 'nodes_truenodeids', 'nodes_falsenodeids'")
