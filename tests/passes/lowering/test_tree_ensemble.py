from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.passes.judge import assert_same, check_parity, declined, edge_rows, element, lower, ml_model, run
from tests.passes.trees import MEMBER, SETS, random_ensemble, tensor

BOUND = 3e-6
NUMBERS = [0, 1, 2, 3, 5, 30, 31, 31.5, 33, 64, 64.5, 65, -64, -64.5, 1000, 2.5, -0.0, 0.5, -1.5, np.nan, 1e9, -1e9]


def ensemble(x, attributes):
    return ml_model("TreeEnsemble", x, [element(x["X"])], version=5, **attributes)


def member_of(members, dtype=np.float32, **more):
    """Return the attributes of one node: 1 for the members of the set, else 0."""
    return {
        "n_targets": 1,
        "tree_roots": [0],
        "nodes_featureids": [0],
        "nodes_splits": tensor([0.0], dtype),
        "nodes_modes": helper.make_tensor("m", TensorProto.UINT8, [1], [MEMBER]),
        "nodes_truenodeids": [0],
        "nodes_trueleafs": [1],
        "nodes_falsenodeids": [1],
        "nodes_falseleafs": [1],
        "leaf_targetids": [0, 0],
        "leaf_weights": tensor([1.0, 0.0], dtype),
        "membership_values": tensor([*members, np.nan], dtype),
    } | more


@pytest.mark.parametrize("members", SETS, ids=str)
@pytest.mark.parametrize(("dtype", "missing"), [(np.float32, None), (np.float32, 1), (np.float64, 0)])
def test_members_are_found_as_onnxruntime_finds_them(members, dtype, missing):
    x = {"X": np.array(NUMBERS, dtype)[:, None]}
    more = {} if missing is None else {"nodes_missing_value_tracks_true": [missing]}
    check_parity(ensemble(x, member_of(members, dtype, **more)), x, "cuda")


def test_members_on_the_portable_target():
    x = {"X": np.array(NUMBERS, np.float32)[:, None]}
    for members in SETS:
        check_parity(ensemble(x, member_of(members)), x, "portable", rows=())


@pytest.mark.parametrize("seed", range(8))
def test_random_ensembles(target, seed):
    rng = np.random.default_rng(seed)
    dtype = np.float64 if target == "cuda" and seed % 2 else np.float32
    outputs = int(rng.integers(1, 4))
    attributes = random_ensemble(rng, outputs, dtype, missing=seed % 3 == 0)
    attributes["aggregate_function"], attributes["post_transform"] = seed % 4, int(rng.integers(4))
    x = edge_rows(3, dtype, seed=seed, rows=60)
    chosen = rng.random(x.shape) < 0.4
    x[chosen] = rng.choice(NUMBERS[:-2], chosen.sum())
    model = ensemble({"X": x}, attributes)
    lowered = check_parity(model, {"X": x}, target, tolerance=BOUND)
    if seed % 4 == 0:
        lowered = lower(model, target, strategy="gemm")
        assert_same(run(lowered, {"X": x}), run(model, {"X": x}), tolerance=BOUND)


def test_post_transform_1_is_logistic_as_onnxruntime_counts():
    x = {"X": np.array([[1.0], [0.0]], np.float32)}
    attributes = member_of([1.0], n_targets=2, leaf_targetids=[0, 1], post_transform=1)
    attributes["leaf_weights"] = tensor([0.0, 0.0], np.float32)
    model = ensemble(x, attributes)
    np.testing.assert_array_equal(run(lower(model), x)[0], 0.5)
    check_parity(model, x, "cuda")


def test_a_decision_may_have_one_leaf_on_both_sides(target):
    x = {"X": np.array([[1.0], [0.0]], np.float32)}
    check_parity(ensemble(x, member_of([1.0], nodes_falsenodeids=[0])), x, target)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nodes_truenodeids": [2]}, "'nodes_truenodeids' names leaf 2, which does not exist"),
        ({"nodes_falsenodeids": [0], "nodes_falseleafs": [0]}, "its own ancestor"),
        ({"nodes_featureids": [0, 1]}, "'nodes_featureids' has 2"),
        ({"nodes_modes": tensor([9], np.uint8)}, "unknown mode 9"),
        ({"nodes_splits": tensor([0.0], np.float64)}, "'nodes_splits' is float64, expected float32"),
        ({"leaf_targetids": [0, 3]}, "'leaf_targetids' names target or class 3 of 1"),
        ({"tree_roots": [4]}, "'tree_roots' is empty or names a node that does not exist"),
        ({"membership_values": tensor([np.nan], np.float32)}, "has no set for each of 1 BRANCH_MEMBER nodes"),
        ({"membership_values": tensor([2.5, 100.0, np.nan], np.float32)}, "no 32-bit whole number"),
        ({"aggregate_function": 7}, "'aggregate_function' is 7"),
    ],
)
def test_tables_that_contradict_each_other_are_declined(changes, reason):
    x = {"X": np.array([[1.0]], np.float32)}
    assert reason in declined(ensemble(x, member_of([1.0, 40.0]) | changes))
