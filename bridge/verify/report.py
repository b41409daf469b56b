"""What a comparison found, as data and as a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.verify.tolerance import ROOM

if TYPE_CHECKING:
    from bridge.verify.tolerance import Bounds


MOST_SHOWN = 2
"""Worst rows in the printed table, which fits 80 columns; `worst_rows` has more."""


@dataclass(frozen=True)
class MethodReport:
    """What one method's answers looked like beside the estimator's.

    Attributes
    ----------
    name
        The method.
    rows
        Rows compared.
    labels_differing
        Rows whose label differs; 0 for a method without labels.
    explained
        Rows beyond the bound where rounding decides: the estimator's own two best scores agree to rounding, or it
        gives the model's answer itself once the row is rounded to the model's float32 inputs.
    max_absolute, max_scaled
        The largest errors over all values; 0.0 for labels.
    max_curable
        The largest scaled error that more digits would cure: not by ties, or the estimator's own rounding in float64.
    typical_scaled
        The median over the rows of a row's largest scaled error.
    loose_rows
        Rows beyond the bound that are not explained.
    worst_rows
        Positions of the rows with the largest errors, worst first, at most five.
    held
        Whether these rows count: rows on thresholds do not where the model's decisions follow arithmetic that rounds.
    problem
        Why the answers could not be compared (shape, dtype, an error), or empty.
    """

    name: str
    rows: int
    labels_differing: int = 0
    explained: int = 0
    max_absolute: float = 0.0
    max_scaled: float = 0.0
    max_curable: float = 0.0
    typical_scaled: float = 0.0
    loose_rows: int = 0
    worst_rows: tuple[int, ...] = ()
    held: bool = True
    problem: str = ""

    def ok(self, bounds: Bounds) -> bool:
        return not self.problem and (not self.held or self.loose_rows <= bounds.loose_rows * self.rows)


@dataclass(frozen=True)
class Report:
    """The comparison of a model with its estimator, method by method; prints as a table.

    Attributes
    ----------
    methods
        One entry a method and data set.
    bounds
        What counts as equal, from the model's precision.
    precision
        That precision.
    notes
        What the reader should know beside the figures.
    """

    methods: tuple[MethodReport, ...]
    bounds: Bounds
    precision: str
    notes: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether every method agrees within its bound."""
        return bool(self.methods) and all(m.ok(self.bounds) for m in self.methods)

    @property
    def has_room(self) -> bool:
        """Whether it is ok, and no error comes so near to the bound that one of other rows is likely beyond it."""
        return self.ok and all(m.max_curable <= ROOM * self.bounds.scaled for m in self.methods if m.held)

    def __str__(self) -> str:
        header = ("method", "rows", "differ", "absolute", "scaled", "typical", "worst rows", "")
        lines = [header] + [self._line(m) for m in self.methods]
        widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
        table = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        verdict = "equal" if self.ok else "NOT equal"
        bound = f"(precision {self.precision}: scaled error <= {self.bounds.scaled:g})"
        return "\n".join([*table, f"{verdict} {bound}", *self.notes])

    def _line(self, m: MethodReport) -> tuple[str, ...]:
        differing = str(m.labels_differing)
        return (
            m.name,
            f"{m.rows:,}",
            differing,
            f"{m.max_absolute:.2g}",
            f"{m.max_scaled:.2g}",
            f"{m.typical_scaled:.2g}",
            " ".join(map(str, m.worst_rows[:MOST_SHOWN])) or "-",
            m.problem or _verdict(m, self.bounds),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the figures for a file's metadata; JSON has no infinity, so an infinite error becomes null."""
        return {
            m.name: {
                "rows": m.rows,
                "labels_differing": m.labels_differing,
                "explained": m.explained,
                "max_absolute": _finite(m.max_absolute),
                "max_scaled": _finite(m.max_scaled),
                "typical_scaled": _finite(m.typical_scaled),
            }
            for m in self.methods
        }


def _verdict(m: MethodReport, bounds: Bounds) -> str:
    if m.loose_rows <= bounds.loose_rows * m.rows:
        return f"ok, {m.explained} by rounding" if m.explained else "ok"
    return f"{m.loose_rows} rows beyond the bound" + ("" if m.held else ", as rounding decides there")


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None
