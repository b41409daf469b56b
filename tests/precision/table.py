"""README's table of precisions: how far each model's answers are from the estimator's, and what its graph weighs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.readme_block import ReadmeBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.precision.measure import Measured

BLOCK = ReadmeBlock("<!-- precision: begin -->", "<!-- precision: end -->")
HEADER = [
    "model", "labels", "exact", "float32", "float16", "float16: constants", "largest value", "time, predicted"
]  # fmt: skip
LEAST_GAIN = 0.995
"""Of a ratio that is shown; a larger one is a graph that stayed in float32."""


def as_markdown(rows: Sequence[Measured]) -> str:
    """Return the table and, above it, the sums."""
    by_model: dict[str, dict[str, Measured]] = {}
    for row in rows:
        by_model.setdefault(row.model, {})[row.precision] = row
    lines = [HEADER, ["---"] * len(HEADER)]
    lines += [_line(name, found) for name, found in by_model.items() if len(found) == 3]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    table = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    return "\n".join([*_sums(rows), "", *table])


def _line(name: str, found: dict[str, Measured]) -> list[str]:
    narrow, mixed = found["float32"], found["float16"]
    labels = " / ".join(str(found[p].labels - found[p].ties) for p in ("exact", "float32", "float16"))
    errors = [f"{found[p].scaled:.0e}" if not found[p].refused else "refused" for p in ("exact", "float32", "float16")]
    return [
        name,
        labels,
        *errors,
        _ratio(mixed.constants, narrow.constants),
        _ratio(mixed.intermediate, narrow.intermediate),
        _ratio(mixed.seconds, narrow.seconds),
    ]


def _ratio(mixed: float, narrow: float) -> str:
    share = mixed / narrow if narrow else 1.0
    return f"{share:.2f}" if share < LEAST_GAIN or share > 1 / LEAST_GAIN else "="


def _sums(rows: Sequence[Measured]) -> list[str]:
    lines = []
    for precision in ("exact", "float32", "float16"):
        own = [row for row in rows if row.precision == precision and not row.refused]
        compared, edges = sum(r.rows for r in own), sum(r.on_thresholds for r in own)
        differ, ties = sum(r.labels for r in own), sum(r.ties for r in own)
        on_edges = sum(r.labels_on_thresholds for r in own)
        lines += [
            f"- `{precision}`: {len(own)} models, {compared:,} unseen rows: {differ:,} labels differ, {ties:,} tied;",
            f"  {edges:,} rows on thresholds: {on_edges:,} differ.",
        ]
    return lines
