"""Which outputs of a tree ensemble a row is sure to get a score of: onnxruntime treats the others differently."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bridge.passes.packed_lists import LEAF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.passes.lowering.trees.node_table import NodeTable


@dataclass(frozen=True)
class Presence:
    """The outputs that every row gets a score of, that none does, and all others."""

    always: tuple[int, ...]
    never: tuple[int, ...]
    sometimes: tuple[int, ...]


def find_presence(table: NodeTable, outputs: int) -> Presence:
    """Return the presence of each output: `always` where all leaves of some tree score it.

    Each tree's nodes must stand in one run that begins with its root, as in the tables of `read_lists`.
    """
    leaves = np.flatnonzero(table.mode == LEAF)
    tree = np.searchsorted(table.roots, np.arange(len(table.mode)), side="right") - 1
    in_tree = np.bincount(tree[leaves], minlength=len(table.roots))
    pairs = np.sort(table.score_leaf * outputs + table.score_target)  # np.unique is far slower: it hashes
    leaf, output = np.divmod(pairs[np.diff(pairs, prepend=-1) > 0], outputs)
    scored = np.bincount(tree[leaf] * outputs + output, minlength=len(table.roots) * outputs)
    share = (scored.reshape(-1, outputs) / np.maximum(in_tree, 1)[:, None]).max(axis=0, initial=0).tolist()
    return Presence(
        always=tuple(k for k, s in enumerate(share) if s == 1),
        never=tuple(k for k, s in enumerate(share) if s == 0),
        sometimes=tuple(k for k, s in enumerate(share) if 0 < s < 1),
    )


def with_counts(table: NodeTable, outputs: int, counted: Sequence[int]) -> NodeTable:
    """Return a table with one more output for each of `counted`: how many leaves of a row scored it."""
    if not counted:
        return table
    leaf, target, weight = [table.score_leaf], [table.score_target], [table.score_weight]
    for i, k in enumerate(counted):
        scoring = np.unique(table.score_leaf[table.score_target == k])
        leaf.append(scoring)
        target.append(np.full(len(scoring), outputs + i))
        weight.append(np.ones(len(scoring)))
    return replace(
        table, score_leaf=np.concatenate(leaf), score_target=np.concatenate(target), score_weight=np.concatenate(weight)
    )
