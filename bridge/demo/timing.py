"""How long calls take."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_RUNS = 200
BUDGET = 0.5
"""Seconds after which no further run is begun."""


def median_seconds(call: Callable[[], object], *, warm_up: bool = True) -> float:
    """Return the median time of a call, in seconds: of 200 runs, or of as many as begin within half a second."""
    if warm_up:
        call()
    runs: list[float] = []
    while len(runs) < MOST_RUNS and sum(runs) < BUDGET:
        start = perf_counter()
        call()
        runs.append(perf_counter() - start)
    return median(runs)
