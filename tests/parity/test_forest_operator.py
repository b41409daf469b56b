"""Estimators whose trees are kept as `bridge::Forest` answer as they do, in onnxruntime and the reference evaluator."""

from __future__ import annotations

import numpy as np
import pytest

import bridge
from bridge.runtime.predictor import load_reference
from models.trees import TREES

NAMES = {
    "tree-one-class",
    "tree-strings-missing",
    "tree-two-texts",
    "forest-bools-stumps",
    "forest-regressor-two",
    "extra-trees-missing",
    "boosting-floats",
    "histogram-categories",
    "histogram-strings-missing",
    "isolation-few-features",
}
MODELS = [pytest.param(model, id=f"trees:{model}") for model in TREES if model.name in NAMES]
REFERENCE_ROWS = 40
ROUNDING = 1e-13
"""Of float64 sums in another order, and of links; a wrong leaf is off by far more."""


@pytest.mark.parametrize(
    ("target", "precision"), [("cpu", "exact"), ("cuda", "exact"), ("cuda", "float32")], ids=lambda value: value
)
@pytest.mark.parametrize("model", MODELS)
def test_every_method_agrees(model, target, precision):
    data = model.data()

    graph = bridge.export(model.fitted(), data.train, target=target, precision=precision, strategy="forest")

    assert [n.op_type for n in graph.graph.node].count("Forest") == 1
    assert bridge.verify(model.fitted(), graph, data.held_out).ok


@pytest.mark.parametrize("model", MODELS)
def test_reference_evaluator_gives_the_answers_of_onnxruntime(model):
    data = model.data()
    graph = bridge.export(model.fitted(), data.train, target="cuda", check=False, strategy="forest")
    fast, slow = bridge.load(graph, device="cpu"), load_reference(graph)
    rows = data.held_out[:REFERENCE_ROWS]

    for method in fast.methods:
        for got, expected in zip(*(_as_list(getattr(p, method.name)(rows)) for p in (slow, fast)), strict=True):
            if got.dtype.kind == "f":
                np.testing.assert_allclose(got, expected, rtol=ROUNDING, atol=ROUNDING)
            else:
                np.testing.assert_array_equal(got, expected)


def _as_list(answer):
    return answer if isinstance(answer, list) else [answer]
