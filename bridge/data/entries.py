"""Few entries a row, as two tensors: their positions, and their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

COUNT_DTYPES = ("float64", "float32", "int64", "int32")
"""Of values: those that graphs have, and scikit-learn's matrices too."""


def fill_rows(
    owners: NDArray[np.int64], places: NDArray[np.int64], values: NDArray[Any], *, rows: int, width: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return positions, int64, and values, both (rows, k), with k the most entries of a row, at least 1.

    `owners`, in ascending order, says which row an entry is of. Rows of fewer are filled up with `width` and 0.
    """
    lengths = np.bincount(owners, minlength=rows)
    positions = np.full((rows, max(int(lengths.max(initial=0)), 1)), width, np.int64)
    filled = np.zeros(positions.shape, values.dtype)
    is_used = np.arange(positions.shape[1]) < lengths[:, np.newaxis]
    positions[is_used] = places
    filled[is_used] = values
    return positions, filled


def sum_alike(
    owners: NDArray[np.int64], places: NDArray[np.int64], values: NDArray[Any], *, width: int, dtype: DTypeLike
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Return each row's different places, in order, and the sum of their values in `dtype`, which may be 0."""
    keys = owners * width + places
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    ordered = values[order].astype(dtype)
    sums = np.add.reduceat(ordered, starts) if len(starts) else ordered
    return keys[starts] // width, keys[starts] % width, sums
