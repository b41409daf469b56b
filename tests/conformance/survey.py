"""Run every file of the reference models in a runtime."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from tests.conformance.cases import SAMPLE, NoFileError, bridge_case, family_of, skl2onnx_case
from tests.conformance.environments import arguments_for, command_for
from tests.conformance.measure import measure
from tests.conformance.results import row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from models.zoo import Model
    from tests.conformance.cases import Case, Family
    from tests.conformance.results import Exporter, Row
    from tests.conformance.runtimes import Runtime

MAKERS: dict[Exporter, Callable[[Model, Path], Case]] = {"bridge": bridge_case, "skl2onnx": skl2onnx_case}


def make_cases(
    models: Iterable[Model], exporter: Exporter, folder: Path
) -> tuple[list[tuple[Family, Case]], dict[str, str]]:
    """Return the files that there are, each with its model's family; and why there is none, by model."""
    cases, missing = [], {}
    for model in models:
        try:
            cases.append((family_of(model), MAKERS[exporter](model, folder / exporter / model.name)))
        except NoFileError as error:
            missing[model.name] = str(error)
    return cases, missing


def survey(runtime: Runtime, exporter: Exporter, cases: Iterable[tuple[Family, Case]], folder: Path) -> list[Row]:
    """Return a row for each case that the runtime is asked for; raises `NotInstallableError`."""
    command, arguments = command_for(runtime), arguments_for(runtime)
    rows = []
    for family, case in cases:
        if runtime.is_slow and case.name not in SAMPLE:
            continue
        results = measure(runtime, case, command, arguments, folder / runtime.name / exporter / case.name)
        rows.append(row_of(results, version=_version(runtime), exporter=exporter, family=family))
    return rows


def _version(runtime: Runtime) -> str:
    if runtime.packages:
        return runtime.packages[0].replace("==", "@").rpartition("@")[2]
    return version("onnx" if runtime.name == "onnx.reference" else "onnxruntime-gpu")
