"""What the tests of boosters fit: whole numbers and normal ones with missing values, and targets made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def booster_data(rows: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 12, rows), rng.normal(size=(rows, 3))])
    X[rng.random(X.shape) < 0.05] = np.nan
    return X


def value(X: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nan_to_num(X[:, 1]) + np.nan_to_num(X[:, 0]) % 3


def two_classes(X: NDArray[np.float64]) -> NDArray[Any]:
    return np.where(value(X) > 1, "high", "low")


def four_classes(X: NDArray[np.float64]) -> NDArray[Any]:
    return np.digitize(value(X), [0, 1, 2])
