"""What was measured: one row for a runtime and a file, kept in results.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.conformance.cases import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.conformance.cases import Family
    from tests.conformance.measure import Result, Verdict

RESULTS = Path(__file__).parent / "results.json"
Exporter = Literal["bridge", "skl2onnx"]


@dataclass(frozen=True)
class Row:
    """What a runtime made of one file.

    Attributes
    ----------
    agrees
        Whether a batch of one and a batch of many gave onnxruntime's answers.
    missing
        What became of the rows with NaN; None for a model that takes none.
    reason
        What the first batch that did not agree says.
    """

    runtime: str
    version: str
    exporter: Exporter
    family: Family
    model: str
    loads: bool
    agrees: bool
    missing: Verdict | None
    reason: str


def row_of(results: Sequence[Result], *, version: str, exporter: Exporter, family: Family) -> Row:
    """Return the row of one file from the results of its batches."""
    verdicts = {result.batch: result.verdict for result in results}
    return Row(
        runtime=results[0].runtime,
        version=version,
        exporter=exporter,
        family=family,
        model=results[0].case,
        loads="does not load" not in verdicts.values(),
        agrees=all(verdict == "agrees" for batch, verdict in verdicts.items() if batch != MISSING),
        missing=verdicts.get(MISSING),
        reason=next((f"{r.batch}: {r.detail}" for r in results if r.verdict != "agrees"), ""),
    )


def read_rows(path: Path = RESULTS) -> list[Row]:
    return [Row(**row) for row in json.loads(path.read_text())] if path.exists() else []


def write_rows(rows: Iterable[Row], path: Path = RESULTS) -> None:
    """Write the rows one a line, so that a change of one is a change of one line."""
    lines = ",\n".join(json.dumps(asdict(row)) for row in rows)
    path.write_text(f"[\n{lines}\n]\n")


def with_new(rows: Iterable[Row], new: Sequence[Row]) -> list[Row]:
    """Return `rows` with those of the runtimes and files of `new` replaced, by runtime, exporter and model."""
    by_file = {(row.runtime, row.exporter, row.model): row for row in (*rows, *new)}
    return [by_file[key] for key in sorted(by_file)]
