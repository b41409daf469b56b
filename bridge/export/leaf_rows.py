"""Collect what the leaves of a forest score, equal rows once where many are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_KNOWN = 2**12
"""So many rows at most are looked for among new ones: with more of them, to search costs more than to write."""


class LeafRows:
    """Rows of a forest's `values`, numbered in the order in which they come.

    The leaves of a classifier's full trees are pure: a forest of a million leaves has as many rows as classes. Where
    most rows are new, as in trees that regress, none is looked for.
    """

    def __init__(self, outputs: int) -> None:
        self._parts = [np.zeros((0, outputs))]
        self._count = self._seen = 0
        self._factors = np.random.default_rng(0).integers(2**63, size=outputs, dtype=np.uint64) * 2 + 1
        # What is looked for: keys in order, and beside each its row and that row's number. The last key is of no row.
        self._keys = np.full(1, np.iinfo(np.uint64).max)
        self._known = np.full((1, outputs), np.nan)
        self._numbers = np.full(1, -1, np.int32)

    def add(self, rows: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return the number of each of these rows, (leaves, outputs)."""
        rows = np.ascontiguousarray(rows, np.float64)
        is_worth = 2 * self._count <= self._seen
        self._seen += len(rows)
        if not is_worth:
            return self._append(rows)
        bits = rows.view(np.uint64)
        keys = (bits ^ bits >> 32) @ self._factors  # the low bits of most numbers are all zero
        place = np.searchsorted(self._keys, keys)
        is_new = self._keys[place] != keys
        if is_new.any() and len(self._keys) < MOST_KNOWN:
            self._learn(keys[is_new], rows[is_new])
            place = np.searchsorted(self._keys, keys)
        numbers, known = self._numbers[place], self._known.take(place, axis=0)
        if not np.array_equal(known.view(np.uint64), bits):  # beyond MOST_KNOWN, or of the same key by chance
            other = (known.view(np.uint64) != bits).any(axis=1)
            numbers[other] = self._append(rows[other])
        return numbers

    def values(self) -> NDArray[np.float64]:
        """Return all rows, (rows, outputs)."""
        return np.concatenate(self._parts)

    def _append(self, rows: NDArray[np.float64]) -> NDArray[np.int32]:
        self._parts.append(rows)
        self._count += len(rows)
        return np.arange(self._count - len(rows), self._count, dtype=np.int32)

    def _learn(self, keys: NDArray[np.uint64], rows: NDArray[np.float64]) -> None:
        """Add those of these rows that differ, and look for them from now on."""
        keys, first = np.unique(keys, return_index=True)
        keys = np.append(self._keys, keys)
        order = np.argsort(keys)
        self._numbers = np.append(self._numbers, self._append(rows[first]))[order]
        self._known = np.concatenate([self._known, rows[first]])[order]
        self._keys = keys[order]
