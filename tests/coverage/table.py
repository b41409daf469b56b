"""The table of README.md: which methods of which estimators were compared, beside skl2onnx's outcome."""

from __future__ import annotations

import textwrap
from importlib.metadata import version
from typing import TYPE_CHECKING

from tests.coverage.case import DEFAULT
from tests.coverage.exclusions import NO_INFERENCE
from tests.readme_block import ReadmeBlock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.coverage.results import Row

BLOCK = ReadmeBlock("<!-- coverage: begin -->", "<!-- coverage: end -->")
WIDTH = 120
NAMES_WIDTH = 44
"""So that a line fits the page."""
HEADER = ["methods", "skl2onnx", "cases ok", "estimators"]
SHORT = {"predict_proba": "proba", "predict_log_proba": "log_proba", "decision_function": "decision"}
"""Of methods, so that a line fits."""


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table and, below it, the sums and what is not ok."""
    cases = [row for row in rows if row.is_case]
    lines = [HEADER, ["---"] * len(HEADER), *_lines(cases)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    return "\n".join([*(_joined(line, widths) for line in lines), "", *_sums(cases)])


def _lines(cases: Sequence[Row]) -> list[list[str]]:
    """Return the estimators that have the same methods and the same outcome of skl2onnx, in one line or some."""
    by_class: dict[str, list[Row]] = {}
    for row in cases:
        by_class.setdefault(_class(row), []).append(row)
    groups: dict[tuple[str, str], list[str]] = {}
    for name, own in by_class.items():
        groups.setdefault((_methods(own), _theirs(own)), []).append(name)
    lines = []
    for (methods, theirs), names in sorted(groups.items()):
        own = [row for name in names for row in by_class[name]]
        first, *more = textwrap.wrap(", ".join(sorted(names)), NAMES_WIDTH, break_long_words=False)
        lines.append([methods, theirs, f"{sum(map(_is_ok, own))}/{len(own)}", first])
        lines += [["", "", "", line] for line in more]
    return lines


def _class(row: Row) -> str:
    return row.case.partition(":")[0]


def _is_ok(row: Row) -> bool:
    return row.cpu == "ok" == row.cuda


def _methods(own: Sequence[Row]) -> str:
    """Return the methods of the default case, or of the first one where that does not fit."""
    first = next((row for row in own if row.case.endswith(f": {DEFAULT}")), own[0])
    return ", ".join(SHORT.get(name, name) for name in first.methods)


def _theirs(own: Sequence[Row]) -> str:
    said = next((row.skl2onnx for row in own if row.skl2onnx and row.case.endswith(f": {DEFAULT}")), "")
    return said.partition(":")[0] or "not asked"


def _sums(cases: Sequence[Row]) -> list[str]:
    ok = {target: sum(getattr(row, target) == "ok" for row in cases) for target in ("cpu", "cuda", "portable")}
    classes = {_class(row) for row in cases}
    asked = [row for row in cases if row.skl2onnx and not row.skl2onnx.startswith("not asked")]
    first = [row for row in asked if row.case.endswith(f": {DEFAULT}")]
    others = [row for row in asked if row not in first]
    on_host = [row for row in cases if row.host]
    counts = f"{ok['cpu']:,} for `cpu`, {ok['cuda']:,} for `cuda` and {ok['portable']:,} for `portable`"
    summary = (
        f"{len(cases):,} cases of {len(classes)} classes, of which are ok {counts}. "
        f"skl2onnx {version('skl2onnx')} on the first cases of {len(first)} classes: {_counted(first)}; "
        f"on {len(others)} that were known to be hard: {_counted(others)}. "
        f"In {len(on_host)} files for `cuda` onnxruntime-gpu would run nodes on the CPU{_host(on_host)}."
    )
    notes = [
        summary,
        *(f"- Not ok, {_sentence(key)}: {', '.join(names)}." for key, names in _failures(cases).items()),
        f"- Without inference on new data: {', '.join(sorted(NO_INFERENCE))}.",
    ]
    return [line for note in notes for line in _wrapped(note)]


def _counted(asked: Sequence[Row]) -> str:
    theirs = [row.skl2onnx.partition(":")[0] for row in asked]
    kinds = ("ok", "wrong", "refused", "hangs")
    return ", ".join(f"{theirs.count(kind)} {kind}" for kind in kinds if theirs.count(kind))


def _host(on_host: Sequence[Row]) -> str:
    operators = sorted({operator for row in on_host for operator in row.host})
    return f": {', '.join(operators)}" if operators else ""


def _failures(cases: Sequence[Row]) -> dict[str, list[str]]:
    """Return the classes by what is said of their cases that are not ok for `cpu` or `cuda`."""
    found: dict[str, dict[str, int]] = {}
    for row in cases:
        if not _is_ok(row):
            said = row.cpu if row.cpu != "ok" else row.cuda
            counts = found.setdefault(said.partition(":")[0], {})
            counts[_class(row)] = counts.get(_class(row), 0) + 1
    return {
        key: [f"{name} ({count})" if count > 1 else name for name, count in sorted(counts.items())]
        for key, counts in sorted(found.items())
    }


def _sentence(status: str) -> str:
    return {"wrong": "another answer", "refused": "refused with the reason"}[status]


def _wrapped(text: str) -> list[str]:
    indent = "  " if text.startswith("- ") else ""
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _joined(cells: Iterable[str], widths: Sequence[int]) -> str:
    filled = ["-" * width if cell == "---" else cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return f"| {' | '.join(filled)} |"
