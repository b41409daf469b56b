"""Something that predicts, and can be timed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.bench.differences import Difference, find_difference
from bridge.bench.measure import MOST_BATCHES, measure_together, on_batches
from bridge.data.table import row_count, spread_rows, take_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.bench.measure import Times

COMPARED_ROWS = 10_000
"""Rows on which answers are compared, spread over the table, at most."""


@dataclass(frozen=True)
class Contender:
    """Something that predicts.

    Attributes
    ----------
    run
        Returns the answer for rows.
    table
        The rows to take, in the form that it takes.
    """

    run: Callable[[Any], Any]
    table: Any


def compare_answers(own: Contender, other: Contender, *, labels: bool) -> Difference:
    """Return how far the answers are apart on the same rows of both tables."""
    answers = [one.run(spread_rows(one.table, COMPARED_ROWS)) for one in (other, own)]
    return find_difference(*answers, labels=labels)


def time_contenders(contenders: Mapping[str, Contender], size: int, seconds: float) -> dict[str, Times]:
    """Return how long each takes for `size` rows, all in one run and each on the same rows, new ones each time.

    Where a table has fewer rows, they repeat.
    """
    calls = {name: on_batches(one.run, _batches(one.table, size)) for name, one in contenders.items()}
    return measure_together(calls, seconds)


def _batches(table: Any, size: int) -> list[Any]:
    rows = row_count(table)
    count = min(MOST_BATCHES, max(1, rows // size))
    return [take_rows(table, np.arange(i * size, (i + 1) * size) % rows) for i in range(count)]
