"""Damaged attributes give an error of bridge, or a graph that answers as onnxruntime does: no crash, no wrong graph."""

from __future__ import annotations

import random

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from bridge.errors import BridgeError
from tests.passes.judge import assert_same, edge_rows, lower, ml_model, run
from tests.passes.trees import random_ensemble, random_tables

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
X = {"X": edge_rows(3, rows=4)}
EXTREMES = {
    "ints": [-1, 0, 1, 2, 3, 7, 2**31, 2**40, -(2**63), 2**63 - 1],
    "floats": [np.nan, np.inf, -np.inf, 0.0, 1e30],
    "strings": [b"LEAF", b"BRANCH_LEQ", b"BRANCH_EQ", b"", b"\xff", b"X"],
}
# Sums of a few float32 numbers, on which a mutation may have put factors of 1e30.
BOUND = 1e-5


def valid(rng):
    """Yield each operator once with attributes that are right."""
    trees = {"missing": True, "modes": ["BRANCH_LEQ", "BRANCH_EQ", "BRANCH_GT"]}
    classes = random_tables(rng, 3, kind="class", **trees)
    base = {"classlabels_int64s": [1, 2, 3], "base_values": [0.1, 0.2, 0.3], "post_transform": "NONE"}
    yield "TreeEnsembleClassifier", [INT64, FLOAT], 3, {**classes, **base}
    targets = random_tables(rng, 2, **trees)
    yield "TreeEnsembleRegressor", [FLOAT], 3, {**targets, "n_targets": 2, "aggregate_function": "MIN"}
    yield "TreeEnsemble", [FLOAT], 5, random_ensemble(rng, 2, np.float32, missing=True)
    machine = {
        "coefficients": [0.1] * 8,
        "vectors_per_class": [1, 2, 1],
        "support_vectors": [0.5] * 12,
        "rho": [0.1] * 3,
        "classlabels_ints": [0, 1, 2],
        "kernel_type": "RBF",
        "kernel_params": [0.1, 0.0, 3.0],
    }
    yield "SVMClassifier", [INT64, FLOAT], 1, machine
    linear = {"coefficients": [0.1] * 9, "intercepts": [0.1] * 3, "classlabels_ints": [0, 1, 2]}
    yield "LinearClassifier", [INT64, FLOAT], 1, linear
    yield "LabelEncoder", [INT64], 4, {"keys_floats": [0.0, 1.0], "values_int64s": [3, 4], "default_int64": 1}
    yield "OneHotEncoder", [FLOAT], 1, {"cats_int64s": [0, 1]}
    yield "Imputer", [FLOAT], 1, {"imputed_value_floats": [1.0] * 3, "replaced_value_float": 1.0}
    yield "Scaler", [FLOAT], 1, {"scale": [1.0] * 3, "offset": [1.0] * 3}


def mutate(pick, node):
    """Change one attribute of `node`: leave it out, cut it, put an extreme value in, or give it another type."""
    attribute = pick.choice(node.attribute)
    kinds = [(name, values) for name, values in EXTREMES.items() if getattr(attribute, name)]
    change = pick.randrange(4)
    if change == 0:
        node.attribute.remove(attribute)
    elif change == 1:
        attribute.type = pick.choice([1, 2, 3, 4, 6, 7, 8])
    elif attribute.HasField("t"):
        attribute.t.dims[0] = pick.randrange(5)
    elif kinds:
        name, extremes = kinds[0]
        values = getattr(attribute, name)
        if change == 2:
            del values[-pick.randrange(1, len(values) + 1) :]
        else:
            values[pick.randrange(len(values))] = pick.choice(extremes)


@pytest.mark.parametrize("seed", range(20))
def test_no_damage_makes_a_wrong_graph(seed):
    pick = random.Random(seed)
    for op_type, outputs, version, attributes in valid(np.random.default_rng(seed)):
        model = ml_model(op_type, X, outputs, version=version, **attributes)
        for _ in range(pick.randrange(1, 4)):
            if model.graph.node[0].attribute:
                mutate(pick, model.graph.node[0])
        _check(model, pick)


def _check(model: onnx.ModelProto, pick: random.Random) -> None:
    try:
        lowered = lower(model, pick.choice(["cuda", "portable"]), strategy=pick.choice(["auto", "gemm", "traverse"]))
    except BridgeError:
        return
    try:
        expected = run(model, X)
    except Exception:  # noqa: BLE001 - onnxruntime refuses the model: there is nothing to compare with
        return
    assert_same(run(lowered, X), expected, tolerance=BOUND)
