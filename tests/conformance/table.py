"""The table of README.md: what each runtime made of the files of bridge and of skl2onnx."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, get_args

from tests.conformance.cases import Family
from tests.conformance.runtimes import RUNTIMES
from tests.readme_block import ReadmeBlock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.conformance.results import Row

BLOCK = ReadmeBlock("<!-- conformance: begin -->", "<!-- conformance: end -->")
WIDTH = 120
"""Of a line of README.md's prose."""
FAMILIES: tuple[Family, ...] = get_args(Family)


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table and, below it, what to know of each runtime."""
    header = ["runtime", "loads", *FAMILIES, "NaN", "skl2onnx", "agrees"]
    lines = [header, ["---"] * len(header)]
    versions = {row.runtime: row.version for row in rows}
    names = [runtime.name for runtime in RUNTIMES if runtime.name in versions]
    lines += [_line(name, rows) for name in names]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    table = [_joined(line, widths) for line in lines]
    measured = f"Measured with {', '.join(f'{name} {versions[name]}' for name in names)}."
    notes = [_wrapped(f"- {runtime.name}: {runtime.note}.", "  ") for runtime in RUNTIMES if runtime.note]
    return "\n".join([*table, "", _wrapped(measured), "", *notes])


def _line(runtime: str, rows: Iterable[Row]) -> list[str]:
    own = [row for row in rows if row.runtime == runtime]
    ours, theirs = ([row for row in own if row.exporter == exporter] for exporter in ("bridge", "skl2onnx"))
    return [
        runtime,
        _share(ours, lambda row: row.loads),
        *(_share([r for r in ours if r.family == family], lambda row: row.agrees) for family in FAMILIES),
        _share([r for r in ours if r.missing], lambda row: row.missing == "agrees"),
        _share(theirs, lambda row: row.loads),
        _share(theirs, lambda row: row.agrees),
    ]


def _share(rows: Sequence[Row], holds: Callable[[Row], bool]) -> str:
    return f"{sum(map(holds, rows))}/{len(rows)}"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    filled = ["-" * width if cell == "---" else cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return f"| {' | '.join(filled)} |"
