from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import assert_same, check_parity, declined, edge_rows, lower, ml_model, op_types, run
from tests.passes.trees import LEAF, MODES, random_tables, tables, tensor

# Up to 4 trees: 4 float32 roundings where ours has one; PROBIT at most doubles that away from its poles.
BOUND = 3e-6
STUMP = [(0, 0, "BRANCH_LEQ", 0, 1.0, 1, 2), (0, 1, LEAF, 0, 0.0, 0, 0), (0, 2, LEAF, 0, 0.0, 0, 0)]
X = {"X": np.array([[0.0], [1.0], [2.0], [3.0], [40.0], [np.nan], [1.5]], np.float32)}


def regressor(x, attributes, *, n_targets=1, **more):
    return ml_model("TreeEnsembleRegressor", x, [TensorProto.FLOAT], **({"n_targets": n_targets} | attributes | more))


def stump(nodes=STUMP, scores=((0, 1, 0, 1.0), (0, 2, 0, 2.0)), **more):
    return regressor(X, tables(nodes, scores), **more)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decisions_are_bit_equal(mode, missing, dtype):
    # Every leaf's weight is its own power of two: any sum of one leaf a tree is exact.
    rng = np.random.default_rng(MODES.index(mode))
    x = {"X": edge_rows(3, dtype, rows=100)}
    attributes = random_tables(rng, 1, modes=[mode], missing=missing, scored="all")
    attributes["target_weights"] = (2.0 ** -np.arange(len(attributes["target_weights"]), dtype=float)).tolist()
    check_parity(regressor(x, attributes), x, "cuda")


@pytest.mark.parametrize("seed", range(8))
def test_random_ensembles(target, seed):
    rng = np.random.default_rng(seed)
    outputs = int(rng.integers(1, 4))
    scored = rng.choice(["all", "some", "tree", "first"])
    attributes = random_tables(
        rng, outputs, scored=0 if scored == "first" else str(scored), missing=seed % 3 == 0, modes=MODES
    )
    attributes["aggregate_function"] = ["SUM", "AVERAGE", "MIN", "MAX"][seed % 4]
    attributes["post_transform"] = str(rng.choice(["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]))
    if rng.random() < 0.5:
        attributes["base_values"] = rng.normal(size=outputs).astype(np.float32).tolist()
    x = {"X": edge_rows(3, seed=seed)}
    model = regressor(x, attributes, n_targets=outputs)
    check_parity(model, x, target, tolerance=BOUND)
    if seed % 4 == 0:
        assert_same(run(lower(model, target, strategy="gemm"), x), run(model, x), tolerance=BOUND)


def test_a_stump_is_a_gather_a_comparison_and_a_look_up():
    assert op_types(lower(stump(), strategy="traverse")) == [
        "Transpose", "Gather", "LessOrEqual", "Cast", "Sub", "GatherElements", "ReduceSum", "Transpose", "Cast",
    ]  # fmt: skip


@pytest.mark.parametrize("probit_only", ["LOGISTIC", "SOFTMAX", "PROBIT"])
def test_one_target_takes_no_transform_but_probit(target, probit_only):
    scores = ((0, 1, 0, 0.25), (0, 2, 0, 0.75))
    check_parity(stump(scores=scores, post_transform=probit_only), X, target, tolerance=BOUND)


def test_equalities_in_a_run_are_one_set(target):
    run_of_three = [(0, i, "BRANCH_EQ", 0, v, 3, i + 1 if i < 2 else 4) for i, v in enumerate([1.0, 3.0, 40.0])]
    leaves = [(0, i, LEAF, 0, 0.0, 0, 0) for i in (3, 4)]
    model = stump([*run_of_three, *leaves], ((0, 3, 0, 1.0), (0, 4, 0, 2.0)))
    check_parity(model, X, target)


def test_leaves_without_a_score_answer_their_value(target):
    nodes = [*STUMP[:2], (0, 2, LEAF, 0, 9.0, 0, 0)]
    check_parity(stump(nodes, ((0, 1, 0, 1.0),)), X, target)


def test_only_the_first_score_of_a_leaf_counts_for_one_target(target):
    check_parity(stump(scores=((0, 1, 0, 1.0), (0, 2, 0, 2.0), (0, 2, 0, 4.0))), X, target)


def test_a_target_that_no_leaf_scores_gets_no_base_value(target):
    model = stump(n_targets=2, base_values=[10.0, 20.0])
    lowered = check_parity(model, X, target)
    assert (run(lowered, X)[0][:, 1] == 0).all()


def test_a_tree_may_be_one_leaf(target):
    model = stump([*STUMP, (1, 0, LEAF, 0, 0.0, 0, 0)], ((0, 1, 0, 1.0), (0, 2, 0, 2.0), (1, 0, 0, 0.5)))
    check_parity(model, X, target)


def test_tensors_take_the_place_of_lists():
    x = {"X": X["X"].astype(np.float64)}
    attributes = tables(STUMP, ((0, 1, 0, 1.0), (0, 2, 0, 2.0)))
    del attributes["nodes_values"], attributes["target_weights"]
    model = regressor(
        x,
        attributes,
        nodes_values_as_tensor=tensor([1.5, 0, 0], np.float64),
        target_weights_as_tensor=tensor([0.1, 0.2], np.float64),
    )
    check_parity(model, x, "cuda")


def changed(**changes):
    return stump() if not changes else regressor(X, tables(STUMP, ((0, 1, 0, 1.0), (0, 2, 0, 2.0))) | changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nodes_values": [1.0]}, "'nodes_values' has 1"),
        ({"nodes_modes": ["BRANCH_LEQ", LEAF, "BRANCH"]}, "unknown mode 'BRANCH'"),
        ({"nodes_truenodeids": [7, 0, 0]}, "'nodes_truenodeids' names node 7 of tree 0, which does not exist"),
        ({"nodes_truenodeids": [0, 0, 0]}, "its own ancestor"),
        ({"nodes_falsenodeids": [1, 0, 0]}, "a node has two parents"),
        ({"nodes_nodeids": [0, 1, 1]}, "'nodes_nodeids' has node 1 of tree 0 twice"),
        ({"nodes_featureids": [3, 0, 0]}, "'nodes_featureids' asks for feature 3 of 1"),
        ({"nodes_featureids": [-1, 0, 0]}, "'nodes_featureids' asks for feature -1 of 1"),
        ({"target_nodeids": [1, 9]}, "'target_nodeids' names node 9"),
        ({"target_ids": [0, 5]}, "'target_ids' names target or class 5 of 1"),
        ({"target_weights": [1.0, float("inf")]}, "'target_weights' has a weight that is not finite"),
        ({"base_values": [1.0, 2.0]}, "'base_values' has 2 entries for 1 targets"),
        ({"n_targets": 2**40}, "'n_targets' says 1099511627776: 2 leaves need too large a table"),
        ({"aggregate_function": "MEAN"}, "'aggregate_function' is 'MEAN'"),
        ({"nodes_missing_value_tracks_true": [1]}, "'nodes_missing_value_tracks_true' has 1"),
    ],
)
def test_tables_that_contradict_each_other_are_declined(changes, reason):
    assert reason in declined(changed(**changes))


def test_a_feature_beyond_any_table_is_declined():
    attributes = tables([(0, 0, "BRANCH_EQ", 2**31 - 1, 1.0, 1, 2), *STUMP[1:]], ((0, 1, 0, 1.0), (0, 2, 0, 2.0)))
    model = ml_model(
        "TreeEnsembleRegressor", X, [TensorProto.FLOAT], shapes={"X": (None, None)}, n_targets=1, **attributes
    )
    assert "asks for feature 2147483647 of an unknown number" in declined(model)


def test_a_long_cycle_is_declined_at_once():
    size = 20_000
    nodes = [(0, i, "BRANCH_EQ", 0, 1.0, (i + 1) % size, (i + 1) % size) for i in range(size)]
    assert "its own ancestor" in declined(stump([*nodes, (0, size, LEAF, 0, 0.0, 0, 0)], ((0, size, 0, 1.0),)))


def test_a_tree_in_two_places_is_declined():
    nodes = [(tree, place, LEAF, 0, 0.0, 0, 0) for tree, place in ((0, 0), (1, 0), (0, 1))]
    assert "'nodes_treeids' goes back to a tree" in declined(stump(nodes, ((0, 0, 0, 1.0),)))
