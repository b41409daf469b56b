"""Run rows in blocks: as many as the caches hold, or just as many as a file with a fixed number of rows takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Feeds = dict[str, NDArray[Any]]
    Run = Callable[[Feeds], Sequence[NDArray[Any]]]


@dataclass(frozen=True)
class Blocks:
    """How many rows go into one run.

    Attributes
    ----------
    rows
        The most rows, or with `is_fixed` the only number of rows, that a run takes; None for any number.
    is_fixed
        Whether the file has the number of rows written in: the last block is then filled up with copies of its last
        row, whose answers are dropped.
    """

    rows: int | None
    is_fixed: bool = False

    def at_most(self, rows: int) -> Blocks:
        """Return blocks of no more rows, where their number is free."""
        if self.is_fixed or (self.rows is not None and self.rows <= rows):
            return self
        return Blocks(rows)

    def run(self, run: Run, feeds: Feeds, count: int) -> Sequence[NDArray[Any]]:
        """Return the outputs for the `count` rows of `feeds`, which may be none; `run` is called once a block."""
        if self.rows is None or (count <= self.rows and not self.is_fixed):
            return run(feeds)
        parts = [self._run_block(run, feeds, start, self.rows) for start in range(0, max(count, 1), self.rows)]
        return parts[0] if len(parts) == 1 else [joined_rows(column) for column in zip(*parts, strict=True)]

    def _run_block(self, run: Run, feeds: Feeds, start: int, size: int) -> Sequence[NDArray[Any]]:
        block = {name: array[start : start + size] for name, array in feeds.items()}
        given = len(next(iter(block.values()), ()))
        if not self.is_fixed or given == size:
            return run(block)
        found = run({name: _filled(array, size) for name, array in block.items()})
        return [array[: given * (len(array) // size)] for array in found]  # patches are several a row


def joined_rows(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays one below the other; where rows are of different lengths, short ones are filled up with -1."""
    if len({array.shape[1:] for array in arrays}) == 1 or arrays[0].ndim != 2:
        return np.concatenate(arrays)
    longest = max(array.shape[1] for array in arrays)
    return np.concatenate(
        [np.pad(array, [(0, 0), (0, longest - array.shape[1])], constant_values=-1) for array in arrays]
    )


def _filled(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return `size` rows: those of `array`, then copies of the last; zeros or empty text where there is none."""
    if len(array):
        return np.concatenate([array, np.repeat(array[-1:], size - len(array), axis=0)])
    return np.full((size, *array.shape[1:]), "" if array.dtype == object else 0, array.dtype)
