"""Time calls. Needs Python alone: gpu_check.py and bench_hummingbird.py, in scripts/, take this file without bridge."""

from __future__ import annotations

import time
from itertools import cycle
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Call = Callable[[], object]

ROUNDS = 4
MOST_RUNS = 200
"""Runs of a call in a round."""
WARM_UP = 0.05
"""Seconds of calls that do not count, at least two: the first hundred of a few microseconds take twice as long."""
LEAST_RUN = 100e-6
"""Seconds of a run, which is as many calls as that takes: reading both clocks takes a microsecond."""
MOST_BATCHES = 64


class Times(NamedTuple):
    """How long a call takes: medians in seconds, by the clock, and of this process on all cores.

    The spreads are the middle halves of the runs, as parts of the medians.
    """

    wall: float
    cpu: float
    wall_spread: float = 0.0
    cpu_spread: float = 0.0
    runs: int = 1


def on_new_rows(run: Callable[[Any], object], rows: Any, size: int) -> Call:
    """Return a call that runs on the next `size` of `rows` each time.

    On the same row again and again a processor learns every branch: of 100 trees of depth 10, onnxruntime's tree kernel
    then takes 5.5 us, and 12.6 us for a new row each time.
    """
    count = min(MOST_BATCHES, max(1, len(rows) // size))
    return on_batches(run, [rows[i * size : (i + 1) * size].copy() for i in range(count)])


def on_batches(run: Callable[[Any], object], batches: Iterable[Any]) -> Call:
    """Return a call that runs on the next of `batches` each time."""
    ahead = cycle(batches)
    return lambda: run(next(ahead))


def measure(call: Call, budget: float = 1.0) -> Times:
    """Return the times of a call, from runs of `budget` seconds after some that warm up."""
    return measure_together({"": call}, budget)[""]


def measure_together(calls: Mapping[str, Call], budget: float = 1.0) -> dict[str, Times]:
    """Return the times of each call, from rounds in which each has its turn: a busy machine slows all alike."""
    repeats = {name: _warm_up(call, min(WARM_UP, budget)) for name, call in calls.items()}
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            spent = sum(wall for wall, _ in runs[name]) * repeats[name]
            if not runs[name] or spent < budget:
                runs[name] += _run(call, repeats[name], budget / ROUNDS)
    return {name: _times(found) for name, found in runs.items()}


def _warm_up(call: Call, budget: float) -> int:
    """Return how many calls make a run."""
    seconds: list[float] = []
    while len(seconds) < 2 or sum(seconds) < budget:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return max(1, round(LEAST_RUN / median(seconds)))


def _run(call: Call, repeats: int, budget: float) -> list[tuple[float, float]]:
    """Return the seconds of a call in each run, of which there is at least one, by both clocks."""
    found: list[tuple[float, float]] = []
    end = time.perf_counter() + budget
    while not found or (time.perf_counter() < end and len(found) < MOST_RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            call()
        found.append(((time.perf_counter() - wall) / repeats, (time.process_time() - cpu) / repeats))
    return found


def _times(found: Sequence[tuple[float, float]]) -> Times:
    walls, cpus = zip(*found, strict=True)
    return Times(median(walls), median(cpus), _spread(walls), _spread(cpus), len(found))


def _spread(values: Sequence[float]) -> float:
    """Return the width of the middle half, as a part of the median."""
    if len(values) < 2:
        return 0.0
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return (high - low) / middle if middle else 0.0
