"""`bridge.compile` makes what is fastest on this machine: it writes trees for the native operator where that is."""

import importlib

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import bridge
from bridge.opset import BRIDGE_DOMAIN, FOREST
from bridge.runtime.native import NativeLibrary

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
Y = X[:, 0] + X[:, 1] > 0
TREES = RandomForestClassifier(40, max_depth=4, random_state=0).fit(X, Y)


@pytest.fixture(params=["/somewhere/library.so", None], ids=["installed", "not installed"])
def library(request, monkeypatch):
    """Have the compiler find the library, or not; sessions look for themselves, and run functions without it."""
    found = NativeLibrary(request.param, "the kernel" if request.param else "its function")
    monkeypatch.setattr(importlib.import_module("bridge.compile"), "find_native", lambda: found)
    return request.param


def forests(model):
    return sum((node.domain, node.op_type) == (BRIDGE_DOMAIN, FOREST) for node in model.graph.node)


def test_compile_keeps_trees_as_a_forest_where_the_library_is_installed(library):
    predictor = bridge.compile(TREES, X, device="cpu")

    assert forests(predictor._model) == (library is not None)
    assert ("forest" in " ".join(predictor.metadata.forms)) == (library is not None)
    np.testing.assert_array_equal(predictor.predict(X), TREES.predict(X))
    assert bridge.verify(TREES, predictor, X).ok


@pytest.mark.usefixtures("library")
def test_compile_takes_other_models_with_or_without_the_library():
    model = LogisticRegression().fit(X, Y)

    assert bridge.verify(model, bridge.compile(model, X, device="cpu"), X).ok


@pytest.mark.usefixtures("library")
def test_exported_files_do_not_hang_on_what_is_installed():
    assert not forests(bridge.export(TREES, X, target="cpu"))
