"""Portable files give onnxruntime's answers in other runtimes.

onnxruntime and ONNX's reference evaluator run always. BRIDGE_CONFORMANCE=all, or a list of names with commas, adds the
runtimes of the table, each installed into an environment of its own.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from models.zoo import ZOO
from tests.conformance.cases import SAMPLE, bridge_case
from tests.conformance.environments import NotInstallableError, arguments_for, command_for
from tests.conformance.measure import measure
from tests.conformance.results import read_rows
from tests.conformance.runtimes import RUNTIMES, Runtime

if TYPE_CHECKING:
    from pathlib import Path


NAN_IS_BELOW = "tinygrad takes NaN <= c for true, so that a missing value which a tree sends right goes left"
KNOWN_LIMITS = {
    ("tinygrad", "tree-missing"): NAN_IS_BELOW,
    ("tinygrad", "forest-digits"): NAN_IS_BELOW,
    ("tinygrad", "histogram-strings"): NAN_IS_BELOW,
    ("tinygrad", "isolation-forest"): NAN_IS_BELOW,
    ("tinygrad", "scaler-forest"): NAN_IS_BELOW,
    ("tinygrad", "indicator-histogram"): NAN_IS_BELOW,
}
"""What a runtime cannot do with a file of ours, and why."""


def _is_wanted(runtime: Runtime) -> bool:
    wanted = os.environ.get("BRIDGE_CONFORMANCE", "")
    return runtime.is_cheap or wanted == "all" or runtime.name in wanted.split(",")


def test_every_model_named_here_is_in_the_zoo() -> None:
    assert set(SAMPLE) <= {model.name for model in ZOO}


def test_known_limits_are_those_of_the_results() -> None:
    found = {
        (row.runtime, row.model)
        for row in read_rows()
        if row.exporter == "bridge" and row.model in SAMPLE and not (row.agrees and row.missing in {None, "agrees"})
    }

    assert found == set(KNOWN_LIMITS)


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
@pytest.mark.parametrize("model", [m for m in ZOO if m.name in SAMPLE], ids=str)
def test_portable_file_agrees(model, runtime: Runtime, tmp_path: Path, request) -> None:
    if not _is_wanted(runtime):
        pytest.skip(f"{runtime.name} runs where BRIDGE_CONFORMANCE=all or names it")
    try:
        command, arguments = command_for(runtime), arguments_for(runtime)
    except NotInstallableError as error:
        pytest.skip(f"{runtime.name} cannot be installed here: {error}")
    if reason := KNOWN_LIMITS.get((runtime.name, model.name)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    case = bridge_case(model, tmp_path / "files")

    results = measure(runtime, case, command, arguments, tmp_path / "run")

    assert results
    assert {r.batch: (r.verdict, r.detail) for r in results} == {r.batch: ("agrees", "") for r in results}
