"""Files of other exporters go through the commands that take a file."""

from __future__ import annotations

import numpy as np
import onnx
import pandas as pd
import pytest

import bridge
from tests.passes.exporters.boundary import rows_for
from tests.passes.exporters.catalogue import exported

FILES = [
    "lightgbm: three names, matrix",
    "lightgbm: two classes",
    "xgboost: two numbers",
    "catboost: three names",
    "catboost: number",
    "skl2onnx: three classes, a column each",
    "ml.net: two classes of FastTree",
    "ml.net: several classes",
]


@pytest.mark.parametrize("target", ["portable", "cuda", "cpu"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_lowered_shown_and_served(run, tmp_path, monkeypatch, name, target):
    monkeypatch.chdir(tmp_path)
    old, new = "old.onnx", "new.onnx"
    onnx.save(exported(name), old)

    shown = [run("inspect", old), run("lower", old, "-o", new, "--target", target), run("inspect", new)]

    assert [result.exit_code for result in shown] == [0, 0, 0], [result.output for result in shown]
    assert max(len(line) for result in shown for line in result.output.splitlines()) <= 80
    found = bridge.load(new, device="cpu").run(_table(exported(name)))
    assert list(found) == [output.name for output in onnx.load(new).graph.output]
    assert all(len(output) in {1, 3} for output in found.values())


def _table(model):
    """Return three rows for all inputs, as a DataFrame where each is a column of its own."""
    feeds = {name: x[:3] for name, x in rows_for(model).items()}
    if len(feeds) == 1 or any(x.shape[1] > 1 for x in feeds.values()):
        return np.concatenate(list(feeds.values()), axis=1)
    return pd.DataFrame({name: x[:, 0] for name, x in feeds.items()})
