"""What was measured, as data and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.bench.differences import Difference
    from bridge.bench.machine import Machine
    from bridge.bench.measure import Times

Clock = Literal["wall", "cpu"]

OWN = "own"
"""The estimator itself: what the others are measured against."""


@dataclass(frozen=True)
class Comparison:
    """The times of one method of one estimator.

    Attributes
    ----------
    model
        The estimator.
    method
        The method.
    own
        The library that the estimator comes from.
    columns, dtype
        Of the rows: their number, and the type of the numbers or "table".
    sample_rows
        The rows that the batches were taken from; larger batches repeat them.
    threads
        How many each contender has.
    times
        By number of rows, and by contender.
    differences
        By contender, how far its answer is from the estimator's.
    left_out
        The contenders that were not timed, and why.
    """

    model: str
    method: str
    own: str
    columns: int
    dtype: str
    sample_rows: int
    threads: int
    times: dict[int, dict[str, Times]]
    differences: dict[str, Difference]
    left_out: dict[str, str] = field(default_factory=dict)

    def title(self, name: str) -> str:
        return self.own if name == OWN else name

    def seconds(self, name: str, rows: int, clock: Clock) -> float:
        return float(getattr(self.times[rows][name], clock))

    def ratio(self, name: str, rows: int, clock: Clock, *, against: str = OWN) -> float:
        """Return how many times as fast as `against` a contender is."""
        return self.seconds(against, rows, clock) / max(self.seconds(name, rows, clock), 1e-9)

    def to_json(self) -> dict[str, Any]:
        about = {key: getattr(self, key) for key in ("model", "method", "own", "columns", "dtype", "sample_rows")}
        cells = [self._cell(name, rows) for rows, times in self.times.items() for name in times]
        differences = {name: found.to_json() for name, found in self.differences.items()}
        return about | {
            "threads": self.threads,
            "cells": cells,
            "differences": differences,
            "left_out": self.left_out,
        }

    def _cell(self, name: str, rows: int) -> dict[str, Any]:
        times = self.times[rows][name]
        cell: dict[str, Any] = {"contender": name, "rows": rows, "runs": times.runs}
        for clock in ("wall", "cpu"):
            seconds = getattr(times, clock)
            cell[f"{clock}_us"] = seconds * 1e6
            cell[f"{clock}_spread"] = getattr(times, f"{clock}_spread")
            cell[f"{clock}_rows_per_second"] = rows / seconds if seconds else None
            if OWN in self.times[rows]:
                cell[f"{clock}_ratio"] = self.seconds(OWN, rows, clock) / seconds if seconds else None
        return cell


def to_json(machine: Machine, comparisons: list[Comparison], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return all of a measurement as JSON objects; times in microseconds, medians; spreads as parts of them."""
    return {"machine": machine.to_json(), "comparisons": [c.to_json() for c in comparisons], **(more or {})}
