"""Random tables for the tree operators of ai.onnx.ml, and small ones written by hand."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
MEMBER = 6
THRESHOLDS = [0.0, -0.0, 1.0, 2.0, 0.5, -1.0, 3.0, 40.0, 64.5, 1e-40, np.inf, -np.inf, np.nan]
SETS = [[1, 2], [0, 2], [31, 5], [2.5, 3], [-1, 3], [64, 65, 31], [0], [30], [31], list(range(10)), [-64, 1000, 33]]
LEAF = "LEAF"


def tables(nodes, scores, kind="target"):
    """Return attributes from (tree, node, mode, feature, value, true, false) and (tree, node, output, weight) rows."""
    names = ["treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids"]
    attributes = {f"nodes_{name}": [node[i] for node in nodes] for i, name in enumerate(names)}
    for i, name in enumerate(["treeids", "nodeids", "ids", "weights"]):
        attributes[f"{kind}_{name}"] = [score[i] for score in scores]
    return attributes


def random_tables(rng, outputs, *, kind="target", modes=MODES, scored="some", missing=False, positive=False):
    """Return the attributes of one to four trees over three features.

    `scored` says which outputs a leaf scores: "all", "some" (perhaps one of them twice), "tree" (the same one in all
    leaves of a tree), or the number of the only one.
    """
    nodes, scores = [], []

    def add(tree, own, depth, output):
        place = len(own)
        own.append(None)
        if depth == 0 or rng.random() < 0.15:
            own[place] = (tree, place, LEAF, 0, 0.0, 0, 0)
            scores.extend((tree, place, int(k), weight()) for k in outputs_of(output))
            return place
        children = [add(tree, own, depth - 1, output) for _ in range(2)]
        threshold = float(np.float32(rng.choice(THRESHOLDS, p=[0.11] * 8 + [0.04] + [0.02] * 4)))
        own[place] = (tree, place, str(rng.choice(modes)), int(rng.integers(3)), threshold, *children)
        return place

    def weight():
        drawn = rng.normal() if rng.random() < 0.7 else rng.choice([0.25, 0.5, 1.0])
        return float(np.float32(abs(drawn) / 2 if positive else drawn))

    def outputs_of(output):
        if scored == "all":
            return range(outputs)
        if scored == "some":
            return rng.choice(outputs, size=rng.integers(1, outputs + 2))
        return [output if scored == "tree" else min(scored, outputs - 1)]

    for tree in range(rng.integers(1, 5)):
        own = []
        add(tree, own, rng.integers(1, 5), int(rng.integers(outputs)))
        nodes += own
    attributes = tables(nodes, scores, kind)
    if missing:
        attributes["nodes_missing_value_tracks_true"] = rng.integers(0, 2, len(nodes)).tolist()
    return attributes


def tensor(values, dtype):
    array = np.array(values, dtype)
    return helper.make_tensor("t", helper.np_dtype_to_tensor_dtype(array.dtype), array.shape, array)


def random_ensemble(rng, outputs, dtype, *, missing=False):
    """Return the attributes of a TreeEnsemble (version 5) with all modes over three features."""
    nodes, leaves, roots = [], [], []

    def add(depth):
        place = len(nodes)
        nodes.append(None)
        children = []
        for _ in range(2):
            if depth <= 1 or rng.random() < 0.2:
                leaves.append((int(rng.integers(outputs)), np.float32(rng.normal())))
                children.append((len(leaves) - 1, 1))
            else:
                children.append((add(depth - 1), 0))
        threshold = np.float32(rng.choice(THRESHOLDS[:9]))
        nodes[place] = (int(rng.integers(3)), threshold, int(rng.choice([0, 1, 2, 3, 4, 5, 6, 6])), *children)
        return place

    roots.extend(add(rng.integers(1, 5)) for _ in range(rng.integers(1, 5)))
    sets = [SETS[rng.integers(len(SETS))] for node in nodes if node[2] == MEMBER]
    members = [number for numbers in sets for number in (*numbers, np.nan)]
    attributes = {
        "n_targets": outputs,
        "tree_roots": roots,
        "nodes_featureids": [n[0] for n in nodes],
        "nodes_splits": tensor([n[1] for n in nodes], dtype),
        "nodes_modes": helper.make_tensor("m", TensorProto.UINT8, [len(nodes)], [n[2] for n in nodes]),
        "nodes_truenodeids": [n[3][0] for n in nodes],
        "nodes_trueleafs": [n[3][1] for n in nodes],
        "nodes_falsenodeids": [n[4][0] for n in nodes],
        "nodes_falseleafs": [n[4][1] for n in nodes],
        "leaf_targetids": [leaf[0] for leaf in leaves],
        "leaf_weights": tensor([leaf[1] for leaf in leaves], dtype),
    }
    if members:
        attributes["membership_values"] = tensor(members, dtype)
    if missing:
        attributes["nodes_missing_value_tracks_true"] = rng.integers(0, 2, len(nodes)).tolist()
    return attributes
