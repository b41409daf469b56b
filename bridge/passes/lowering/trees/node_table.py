"""Read the attributes of ai.onnx.ml tree operators into one form, whichever version they are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.lowering.attributes import Attributes, check_same_length
from bridge.passes.packed_lists import LEAF, MODES, NUMBER_OF_MODE, is_packed

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(len(MODES))


@dataclass(frozen=True)
class NodeTable:
    """The nodes of all trees, as their operator writes them, and what the leaves score.

    Attributes
    ----------
    feature, value, mode, true_child, false_child, missing_true
        One entry a node; children are positions in this table, and -1 at leaves. `mode` is LEQ, ..., MEMBER or LEAF;
        `missing_true` is whether NaN takes the true branch, whatever the comparison says of it.
    members
        The set of each MEMBER node, by its position.
    roots
        The position of the first node of each tree.
    score_leaf, score_target, score_weight
        One entry a score: the position of its leaf, the output that it adds to, and how much.
    copies_shared
        Whether a node may have several parents. So it is in TreeEnsemble, whose smallest tree is a decision with one
        leaf on both sides. Of the older operators onnxruntime loads some such tables, but adds shared leaves twice.
    """

    feature: NDArray[np.int64]
    value: NDArray[np.float64]
    mode: NDArray[np.uint8]
    true_child: NDArray[np.int64]
    false_child: NDArray[np.int64]
    missing_true: NDArray[np.bool_]
    members: dict[int, NDArray[np.float64]]
    roots: NDArray[np.int64]
    score_leaf: NDArray[np.int64]
    score_target: NDArray[np.int64]
    score_weight: NDArray[np.float64]
    copies_shared: bool = False


def floats_or_tensor(node: ir.Node, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the attribute `name` or `name`_as_tensor in `dtype`, the one that onnxruntime computes in."""
    attributes = Attributes(node)
    floats, tensor = attributes.floats(name), attributes.tensor(f"{name}_as_tensor")
    if tensor is None or not tensor.size:
        return floats.astype(dtype)
    if floats.size:
        raise DeclinedError(f"both '{name}' and '{name}_as_tensor' are given")
    return require_tensor_dtype(tensor, f"{name}_as_tensor", dtype)


def require_tensor_dtype(tensor: NDArray[Any] | None, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
    if tensor is None:
        raise DeclinedError(f"attribute '{name}' is missing")
    if tensor.dtype != dtype:
        raise DeclinedError(f"attribute '{name}' is {tensor.dtype}, expected {dtype}")
    return tensor.ravel()


def read_lists(node: ir.Node, score: str, dtype: np.dtype[Any]) -> NodeTable:
    """Return the table of a TreeEnsembleClassifier (`score` is "class") or TreeEnsembleRegressor ("target")."""
    attributes = Attributes(node)
    names = ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")
    lists = {name: attributes.ints(f"nodes_{name}") for name in names}
    value = floats_or_tensor(node, "nodes_values", dtype)
    mode = _mode_numbers(node)
    missing = attributes.ints("nodes_missing_value_tracks_true")
    check_same_length(
        {f"nodes_{name}": len(ids) for name, ids in lists.items()}
        | {"nodes_values": len(value), "nodes_modes": len(mode)}
        | ({"nodes_missing_value_tracks_true": len(missing)} if missing.size else {})
    )
    if not mode.size:
        raise DeclinedError("attribute 'nodes_nodeids' is empty: there is no tree")
    inner = mode != LEAF
    find = _Finder(lists["treeids"], lists["nodeids"])
    children = {}
    for side in ("truenodeids", "falsenodeids"):
        children[side] = np.full(len(mode), -1, np.int64)
        children[side][inner] = find(lists["treeids"][inner], lists[side][inner], f"nodes_{side}")
    leaf, target, weight = _scores(node, score, dtype, find)
    at_leaf = ~inner[leaf]  # old onnxmltools wrote scores for inner nodes too; onnxruntime looks past them
    return NodeTable(
        feature=lists["featureids"],
        value=value.astype(np.float64),
        mode=mode,
        true_child=children["truenodeids"],
        false_child=children["falsenodeids"],
        missing_true=missing == 1 if missing.size else np.zeros(len(mode), np.bool_),
        members={},
        roots=_first_of_each_tree(lists["treeids"]),
        score_leaf=leaf[at_leaf],
        score_target=target[at_leaf],
        score_weight=weight[at_leaf].astype(np.float64),
    )


def _scores(
    node: ir.Node, score: str, dtype: np.dtype[Any], find: _Finder
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    attributes = Attributes(node)
    trees, nodes, targets = (attributes.ints(f"{score}_{name}") for name in ("treeids", "nodeids", "ids"))
    weights = floats_or_tensor(node, f"{score}_weights", dtype)
    check_same_length(
        {f"{score}_treeids": len(trees), f"{score}_nodeids": len(nodes), f"{score}_ids": len(targets)}
        | {f"{score}_weights": len(weights)}
    )
    return find(trees, nodes, f"{score}_nodeids"), targets, weights


def _mode_numbers(node: ir.Node) -> NDArray[np.uint8]:
    attribute = node.attributes.get("nodes_modes")
    if attribute is not None and is_packed(attribute):
        return attribute.as_tensor().numpy()
    modes = Attributes(node).strings("nodes_modes")
    unknown = set(modes) - set(NUMBER_OF_MODE)
    if unknown:
        raise DeclinedError(f"attribute 'nodes_modes' has the unknown mode {min(unknown)!r}")
    return np.array([NUMBER_OF_MODE[m] for m in modes], np.uint8)


def _first_of_each_tree(trees: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first node of each run of equal tree ids: onnxruntime takes it for the root."""
    roots = np.flatnonzero(np.concatenate([[True], trees[1:] != trees[:-1]]))
    if len(np.unique(trees[roots])) != len(roots):
        raise DeclinedError("attribute 'nodes_treeids' goes back to a tree after another one: its root is ambiguous")
    return roots


class _Finder:
    """Finds the position of the node with a given tree and node id.

    Nearly all files number the nodes of a tree in their order, from 0: that is tried before the ids are searched.
    """

    def __init__(self, trees: NDArray[np.int64], nodes: NDArray[np.int64]) -> None:
        if not (_are_ids(trees) and _are_ids(nodes)):
            raise DeclinedError("attribute 'nodes_treeids' or 'nodes_nodeids' has an id outside of 0..2147483647")
        self.keys = trees * 2**31 + nodes
        self.order: NDArray[np.int64] | None = None
        if (self.keys[1:] <= self.keys[:-1]).any():
            self.order = np.argsort(self.keys, kind="stable")
            self.keys = self.keys[self.order]
            twice = np.flatnonzero(self.keys[1:] == self.keys[:-1])
            if twice.size:
                tree, name = divmod(int(self.keys[twice[0]]), 2**31)
                raise DeclinedError(f"attribute 'nodes_nodeids' has node {name} of tree {tree} twice")
        first_keys = np.arange(min(int(trees.max(initial=0)) + 1, len(trees))) * 2**31
        self.first = np.searchsorted(self.keys, first_keys)

    def __call__(self, trees: NDArray[np.int64], nodes: NDArray[np.int64], name: str) -> NDArray[np.int64]:
        last = len(self.keys) - 1
        wanted = trees * 2**31 + nodes
        if not (_are_ids(trees) and _are_ids(nodes)):
            wanted[(nodes < 0) | (nodes >= 2**31) | (trees < 0) | (trees >= 2**31)] = -1
        place: NDArray[np.int64] = np.clip(self.first.take(trees, mode="clip") + nodes, 0, last)
        if not np.array_equal(self.keys[place], wanted):
            place = np.minimum(np.searchsorted(self.keys, wanted), last)
            lost = np.flatnonzero(self.keys[place] != wanted)
            if lost.size:
                raise DeclinedError(
                    f"attribute '{name}' names node {nodes[lost[0]]} of tree {trees[lost[0]]}, which does not exist"
                )
        return place if self.order is None else self.order[place]


def _are_ids(numbers: NDArray[np.int64]) -> bool:
    return bool(numbers.min(initial=0) >= 0 and numbers.max(initial=0) < 2**31)


def read_tree_ensemble(node: ir.Node, dtype: np.dtype[Any]) -> NodeTable:
    """Return the table of a TreeEnsemble (version 5): its nodes, then its leaves."""
    attributes = Attributes(node)
    feature = attributes.ints("nodes_featureids")
    splits = require_tensor_dtype(attributes.tensor("nodes_splits"), "nodes_splits", dtype)
    mode = require_tensor_dtype(attributes.tensor("nodes_modes"), "nodes_modes", np.dtype(np.uint8))
    lists = {n: attributes.ints(f"nodes_{n}") for n in ("truenodeids", "falsenodeids", "trueleafs", "falseleafs")}
    missing = attributes.ints("nodes_missing_value_tracks_true")
    check_same_length(
        {"nodes_featureids": len(feature), "nodes_splits": len(splits), "nodes_modes": len(mode)}
        | {f"nodes_{name}": len(ids) for name, ids in lists.items()}
        | ({"nodes_missing_value_tracks_true": len(missing)} if missing.size else {})
    )
    targets = attributes.ints("leaf_targetids")
    weights = require_tensor_dtype(attributes.tensor("leaf_weights"), "leaf_weights", dtype)
    check_same_length({"leaf_targetids": len(targets), "leaf_weights": len(weights)})
    if mode.size and mode.max() > MEMBER:
        raise DeclinedError(f"attribute 'nodes_modes' has the unknown mode {mode.max()}")
    n_nodes, n_leaves = len(mode), len(targets)
    children = [
        _children(lists[f"{side}nodeids"], lists[f"{side}leafs"], n_nodes, n_leaves, f"nodes_{side}nodeids")
        for side in ("true", "false")
    ]
    roots = attributes.ints("tree_roots")
    if not roots.size or roots.min() < 0 or roots.max() >= n_nodes:
        raise DeclinedError("attribute 'tree_roots' is empty or names a node that does not exist")
    none = np.full(n_leaves, -1)
    return NodeTable(
        feature=np.concatenate([feature, np.zeros(n_leaves, np.int64)]),
        value=np.concatenate([splits, np.zeros(n_leaves)]).astype(np.float64),
        mode=np.concatenate([mode, np.full(n_leaves, LEAF, np.uint8)]),
        true_child=np.concatenate([children[0], none]),
        false_child=np.concatenate([children[1], none]),
        missing_true=np.concatenate([missing == 1 if missing.size else np.zeros(n_nodes, bool), none > 0]),
        members=_members(np.flatnonzero(mode == MEMBER), attributes.tensor("membership_values"), dtype),
        roots=roots,
        score_leaf=n_nodes + np.arange(n_leaves),
        score_target=targets,
        score_weight=weights.astype(np.float64),
        copies_shared=True,
    )


def _children(
    ids: NDArray[np.int64], is_leaf: NDArray[np.int64], n_nodes: int, n_leaves: int, name: str
) -> NDArray[np.int64]:
    leaf = is_leaf != 0
    wrong = (ids < 0) | (ids >= np.where(leaf, n_leaves, n_nodes))
    if wrong.any():
        first = np.flatnonzero(wrong)[0]
        kind = "leaf" if leaf[first] else "node"
        raise DeclinedError(f"attribute '{name}' names {kind} {ids[first]}, which does not exist")
    return np.where(leaf, n_nodes + ids, ids)


def _members(
    nodes: NDArray[np.int64], values: NDArray[Any] | None, dtype: np.dtype[Any]
) -> dict[int, NDArray[np.float64]]:
    """Return the sets, which stand one after another, each ended by NaN."""
    if not nodes.size:
        return {}
    flat = require_tensor_dtype(values, "membership_values", dtype).astype(np.float64)
    ends = np.flatnonzero(np.isnan(flat))
    starts = np.concatenate([[0], ends + 1])
    ends = np.append(ends, len(flat))
    if len(ends) < len(nodes) or any(starts[i] >= ends[i] for i in range(len(nodes))):
        raise DeclinedError(f"attribute 'membership_values' has no set for each of {len(nodes)} BRANCH_MEMBER nodes")
    return {int(n): flat[starts[i] : ends[i]] for i, n in enumerate(nodes)}
