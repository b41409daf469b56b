"""Portable files give onnxruntime's answers in other runtimes.

onnxruntime and ONNX's reference evaluator run always. BRIDGE_CONFORMANCE=all, or a list of names with commas, adds the
runtimes of the table, each installed into an environment of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from models.zoo import ZOO
from tests.conformance.cases import bridge_case
from tests.conformance.environments import NotInstallableError, arguments_for, command_for
from tests.conformance.measure import measure
from tests.conformance.runtimes import RUNTIMES, Runtime

if TYPE_CHECKING:
    from pathlib import Path

MODELS = (
    "flights-logistic",
    "forest-digits",
    "histogram-strings",
    "boosting-regressor",
    "scaler-forest",
    "tree-missing",
    "indicator-histogram",
    "logistic-strings",
    "linear",
    "normalizer-forest",
    "isolation-forest",
)
"""One of each kind of graph: matrix products, trees of one and many outputs, missing values, text, transformers."""


def _is_wanted(runtime: Runtime) -> bool:
    wanted = os.environ.get("BRIDGE_CONFORMANCE", "")
    return runtime.is_cheap or wanted == "all" or runtime.name in wanted.split(",")


def test_every_model_named_here_is_in_the_zoo() -> None:
    assert set(MODELS) <= {model.name for model in ZOO}


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
@pytest.mark.parametrize("model", [m for m in ZOO if m.name in MODELS], ids=str)
def test_portable_file_agrees(model, runtime: Runtime, tmp_path: Path) -> None:
    if not _is_wanted(runtime):
        pytest.skip(f"{runtime.name} runs where BRIDGE_CONFORMANCE=all or names it")
    try:
        command, arguments = command_for(runtime), arguments_for(runtime)
    except NotInstallableError as error:
        pytest.skip(f"{runtime.name} cannot be installed here: {error}")
    case = bridge_case(model, tmp_path / "files")

    results = measure(runtime, case, command, arguments, tmp_path / "run")

    assert results
    assert {r.batch: (r.verdict, r.detail) for r in results} == {r.batch: ("agrees", "") for r in results}
