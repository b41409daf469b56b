"""How long calls take."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_RUNS = 1000
BUDGET = 0.3
"""Seconds after which no further run is begun."""
WARM_UP = 0.05
"""Seconds of runs that do not count: the first hundred calls of a few microseconds take twice as long as later ones."""


def median_seconds(call: Callable[[], object], *, warm_up: bool = True) -> float:
    """Return the median time of a call, in seconds: of 1,000 runs, or of as many as begin within 0.3 s."""
    if warm_up:
        _run(call, WARM_UP)
    return median(_run(call, BUDGET))


def _run(call: Callable[[], object], budget: float) -> list[float]:
    """Return the seconds of each run, of which there is at least one."""
    seconds: list[float] = []
    while len(seconds) < MOST_RUNS and sum(seconds) < budget:
        start = perf_counter()
        call()
        seconds.append(perf_counter() - start)
    return seconds
