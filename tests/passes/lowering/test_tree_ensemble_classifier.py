from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto

from tests.passes.judge import check_parity, declined, edge_rows, lower, ml_model, op_types
from tests.passes.trees import LEAF, MODES, random_tables, tables

BOUND = 3e-6
LABELS = [5, 7, -9, 2]
TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]
X = {"X": np.array([[0.0], [1.0], [np.nan]], np.float32)}


def classifier(x, attributes, classes, **more):
    outputs = [TensorProto.INT64, TensorProto.FLOAT]
    return ml_model("TreeEnsembleClassifier", x, outputs, classlabels_int64s=LABELS[:classes], **(attributes | more))


def stump(left, right, classes=2, **more):
    """Return a model of one decision whose sides score (class, weight) pairs."""
    nodes = [(0, 0, "BRANCH_LEQ", 0, 0.5, 1, 2), (0, 1, LEAF, 0, 0.0, 0, 0), (0, 2, LEAF, 0, 0.0, 0, 0)]
    scores = [(0, side, k, w) for side, pairs in ((1, left), (2, right)) for k, w in pairs]
    return classifier(X, tables(nodes, scores, "class"), classes, **more)


TWO_CLASSES = {
    "first, all positive": ([(0, 0.25)], [(0, 0.75)]),
    "first, mixed": ([(0, -0.25)], [(0, 0.75)]),
    "second, all positive": ([(1, 0.25)], [(1, 0.75)]),
    "second, mixed": ([(1, -0.25)], [(1, 0.75)]),
    "both": ([(0, 0.25), (1, 0.75)], [(0, 0.75), (1, -0.25)]),
    "one a side": ([(0, 0.25)], [(1, 0.75)]),
    "second on one side": ([(0, 0.25)], [(0, 0.5), (1, -0.75)]),
}


@pytest.mark.parametrize("case", TWO_CLASSES)
@pytest.mark.parametrize("transform", [*TRANSFORMS, "PROBIT"])
@pytest.mark.parametrize("base", [[], [0.125], [0.125, 0.25]], ids=["no-base", "one-base", "two-bases"])
def test_two_classes(target, case, transform, base):
    more = {"post_transform": transform} | ({"base_values": base} if base else {})
    model = stump(*TWO_CLASSES[case], **more)
    lone_score = "second," not in case and case != "both" and len(base) < 2
    if lone_score and (transform == "PROBIT" or (base and "first" not in case)):
        assert "class" in declined(model, target)  # onnxruntime leaves the second column unset
    else:
        check_parity(model, X, target, tolerance=BOUND)


@pytest.mark.parametrize("transform", [*TRANSFORMS, "PROBIT"])
@pytest.mark.parametrize("base", [{}, {"base_values": [0.5]}])
def test_one_class_answers_one_or_zero(target, transform, base):
    check_parity(
        stump([(0, 0.25)], [(0, -0.75)], classes=1, post_transform=transform, **base), X, target, tolerance=BOUND
    )


@pytest.mark.parametrize("seed", range(8))
def test_random_ensembles(target, seed):
    rng = np.random.default_rng(seed)
    scored = ["all", "some", "tree", 0][seed % 4]
    classes = int(rng.integers(3, 5)) if scored == "some" else int(rng.integers(2, 5))
    attributes = random_tables(
        rng, classes, kind="class", scored=scored, missing=seed % 3 == 0, positive=seed % 2 == 0, modes=MODES
    )
    if rng.random() < 0.5 and classes > 2:
        attributes["base_values"] = rng.normal(size=classes).astype(np.float32).tolist()
    dtype = [np.float32, np.int64, np.int32][seed % 3]
    x = {"X": edge_rows(3, dtype, seed=seed)}
    model = classifier(x, attributes, classes, post_transform=TRANSFORMS[seed % 4])
    check_parity(model, x, target, tolerance=BOUND)


@pytest.mark.parametrize("seed", range(4))
def test_float64_input_decides_in_float64(seed):
    rng = np.random.default_rng(seed)
    x = {"X": edge_rows(3, np.float64, seed=seed)}
    check_parity(classifier(x, random_tables(rng, 3, kind="class"), 3), x, "cuda", tolerance=BOUND)


def test_votes_that_tie_are_summed_as_float32_sums_them(target):
    # Ten votes of float32 0.1: five of them are 0.5 in float32, and 0.5000000075 in float64.
    nodes, scores = [], []
    for tree in range(10):
        nodes += [
            (tree, 0, "BRANCH_LEQ", 0, tree - 4.5, 1, 2),
            (tree, 1, LEAF, 0, 0.0, 0, 0),
            (tree, 2, LEAF, 0, 0.0, 0, 0),
        ]
        scores += [(tree, 1, 0, 0.0), (tree, 2, 0, 0.1)]
    x = {"X": np.arange(-6, 8, dtype=np.float32)[:, None]}
    check_parity(classifier(x, tables(nodes, scores, "class"), 2), x, target, tolerance=BOUND)


def test_operators_of_many_classes():
    model = stump([(0, 1.0), (1, 2.0), (2, 3.0)], [(0, 3.0), (1, 2.0), (2, 1.0)], classes=3, post_transform="SOFTMAX")
    walk, sums = ["Transpose", "Gather", "LessOrEqual", "Cast", "Sub"], ["GatherElements", "ReduceSum"] * 3
    label = ["Concat", "Transpose", "Cast", "ArgMax", "Gather", "Softmax"]
    assert sorted(op_types(lower(model, strategy="traverse"))) == sorted([*walk, *sums, *label])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"class_ids": [0, 4]}, "'class_ids' names target or class 4 of 2"),
        ({"base_values": [1.0, 2.0, 3.0]}, "'base_values' has 3 entries for 2 classes"),
        ({"post_transform": "CUBE"}, "'post_transform' is 'CUBE'"),
        ({"classlabels_int64s": [1, 2, 3], "base_values": [1.0]}, "'base_values' has 1 entries for 3 classes"),
    ],
)
def test_attributes_that_do_not_fit_are_declined(changes, reason):
    nodes = [(0, 0, "BRANCH_LEQ", 0, 0.5, 1, 2), (0, 1, LEAF, 0, 0.0, 0, 0), (0, 2, LEAF, 0, 0.0, 0, 0)]
    attributes = tables(nodes, [(0, 1, 0, 1.0), (0, 2, 0, 2.0)], "class") | {"classlabels_int64s": [0, 1]} | changes
    outputs = [TensorProto.INT64, TensorProto.FLOAT]
    assert reason in declined(ml_model("TreeEnsembleClassifier", X, outputs, **attributes))
