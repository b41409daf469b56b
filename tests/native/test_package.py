"""The Python package finds the library, and bridge's predictor takes it."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

import bridge
from bridge.runtime.native import describe_native, find_native
from models.trees import TREES
from tests.native.conftest import SOURCE


@pytest.fixture
def package(library, tmp_path, monkeypatch):
    """Make `bridge_custom_ops` importable, as pip would."""
    folder = tmp_path / "bridge_custom_ops"
    shutil.copytree(SOURCE / "bridge_custom_ops", folder)
    shutil.copy(library, folder)
    spec = importlib.util.spec_from_file_location("bridge_custom_ops", folder / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "bridge_custom_ops", module)
    find_native.cache_clear()
    yield module
    find_native.cache_clear()


def test_predictor_takes_the_kernel(package):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 6)).astype(np.float32)
    forest = RandomForestClassifier(20, max_depth=7, random_state=0).fit(x, rng.integers(3, size=500))
    model = bridge.export(forest, x, target="cpu", strategy="forest")
    del model.functions[:]  # without its function, only a kernel can run it

    predictor = bridge.load(model, device="cpu")

    np.testing.assert_array_equal(predictor.predict(x), forest.predict(x))
    np.testing.assert_allclose(predictor.predict_proba(x), forest.predict_proba(x), rtol=1e-15)
    assert describe_native() == f"the kernel of bridge_custom_ops, {package.kernels()}"


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("model", [pytest.param(model, id=f"trees:{model}") for model in TREES])
def test_every_kind_of_trees_answers_as_its_estimator(model):
    data = model.data()
    graph = bridge.export(model.fitted(), data.train, target="cpu", strategy="forest", check=False)
    del graph.functions[:]

    report = bridge.verify(model.fitted(), graph, data.held_out)

    assert report.ok, str(report)


def test_package_without_its_library_says_what_to_do(package):
    package.library_path().unlink()

    with pytest.raises(FileNotFoundError, match=r"pip install \./custom_ops"):
        package.library_path()
