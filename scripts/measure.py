"""Time calls, for the scripts beside this one: needs Python alone."""

from __future__ import annotations

import time
from itertools import cycle
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Call = Callable[[], object]

ROUNDS = 4
MOST_RUNS = 200
"""Runs of a call in a round."""


MOST_BATCHES = 64


class Times(NamedTuple):
    """The medians of a call in seconds: by the clock, and of this process on all cores."""

    wall: float
    cpu: float


def on_new_rows(run: Callable[[Any], object], rows: Any, size: int) -> Call:
    """Return a call that runs on the next `size` of `rows` each time.

    On the same row again and again a processor learns every branch: of 100 trees of depth 10, onnxruntime's tree kernel
    then takes 5.5 us, and 12.6 us for a new row each time.
    """
    count = min(MOST_BATCHES, max(1, len(rows) // size))
    batches = cycle([rows[i * size : (i + 1) * size].copy() for i in range(count)])
    return lambda: run(next(batches))


def measure(call: Call, budget: float = 1.0) -> Times:
    """Return the times of a call, from runs of `budget` seconds after two that warm up."""
    return measure_together({"": call}, budget)[""]


def measure_together(calls: Mapping[str, Call], budget: float = 1.0) -> dict[str, Times]:
    """Return the times of each call, from rounds in which each has its turn: a busy machine slows all alike."""
    runs: dict[str, list[Times]] = {name: [] for name in calls}
    for call in calls.values():
        call()
        call()
    for _ in range(ROUNDS):
        for name, call in calls.items():
            spent = sum(t.wall for t in runs[name])
            if not runs[name] or spent < budget:
                runs[name] += _run(call, budget / ROUNDS)
    return {name: Times(median(t.wall for t in times), median(t.cpu for t in times)) for name, times in runs.items()}


def _run(call: Call, budget: float) -> list[Times]:
    """Return the times of each run, of which there is at least one."""
    times: list[Times] = []
    while not times or (sum(t.wall for t in times) < budget and len(times) < MOST_RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        times.append(Times(time.perf_counter() - wall, time.process_time() - cpu))
    return times
