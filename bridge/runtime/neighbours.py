"""The arguments of scikit-learn's `kneighbors` and `radius_neighbors`, on the answers that a file holds."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.method import Method


def search(
    answer: Callable[[Any], Any],
    method: Method,
    X: Any,  # noqa: N803
    size: float | None = None,
    return_distance: bool = True,  # noqa: FBT001, FBT002
    sort_results: bool = False,  # noqa: FBT001, FBT002
    **named: float | None,
) -> Any:
    """Return (distances, indices), or the indices alone, as scikit-learn does.

    `size` is `n_neighbors` or `radius`, also by that name: as many as were exported, or fewer, the first of them. Rows
    with neighbours at one distance are then refused.
    """
    distance, index = answer(X)
    wanted = named.pop("radius" if method.ragged else "n_neighbors", size)
    if named:
        raise InputError(f"{method.name} takes no {', '.join(named)}")
    if wanted is not None:
        distance, index = _fewer(method, distance, index, wanted)
    if sort_results:
        if not return_distance:
            raise InputError("return_distance must be True where sort_results is True")
        if method.ragged:
            orders = [np.argsort(row, kind="stable") for row in distance]
            distance, index = (
                _rows([a[o] for a, o in zip(arrays, orders, strict=True)]) for arrays in (distance, index)
            )
    return (distance, index) if return_distance else index


def ragged_rows(distance: Any, index: Any, dtypes: tuple[str, ...]) -> tuple[Any, Any]:
    """Return two arrays of one array a row: the columns whose index is not -1."""
    kept = index >= 0
    return (
        _rows([row[k].astype(dtypes[0]) for row, k in zip(distance, kept, strict=True)]),
        _rows([row[k].astype(dtypes[1]) for row, k in zip(index, kept, strict=True)]),
    )


def _rows(arrays: list[Any]) -> Any:
    rows = np.empty(len(arrays), object)
    rows[:] = arrays
    return rows


def _fewer(method: Method, distance: Any, index: Any, size: float) -> tuple[Any, Any]:
    if method.ragged:
        raise InputError("the radius is written into the file: leave it out, or export with another")
    if not isinstance(size, Integral) or not 1 <= size <= distance.shape[1]:
        raise InputError(
            f"n_neighbors is {size!r}, but the file holds {distance.shape[1]} neighbours of each row.\n"
            "Export an estimator with as many neighbours as you need."
        )
    few = int(size)
    if few == distance.shape[1]:
        return distance, index
    # Which of equals scikit-learn keeps, and in which order, hangs on how many it looks for.
    tied = (distance[:, 1 : few + 1] == distance[:, :few]).any(axis=1)
    if tied.any():
        raise InputError(
            f"row {int(np.argmax(tied))} has neighbours at one distance: which of them scikit-learn names first of "
            f"{few} is not in the file, which was exported for {distance.shape[1]}.\n"
            f"Export an estimator with n_neighbors={few}."
        )
    return distance[:, :few], index[:, :few]
