"""Many rows like those of a data set, that no model has seen, and rows on a model's own thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.table import numbers_at, replace_columns, row_count, take_rows
from bridge.errors import InputError
from bridge.verify.rows import boundary_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.data.schema import Schema

BATCH = 50_000
THRESHOLD_DRAWS = 10
"""Each finds thresholds between 256 pairs of rows."""


def unseen_rows(data: Any, schema: Schema, count: int, *, seed: int = 1) -> Iterator[Any]:
    """Yield `count` rows in batches: each number is that of one of two rows of the data, or lies between them.

    What is between them is a float64, also where the data are whole numbers; missing values stay missing. Text and
    integers are those of the first row.
    """
    rng = np.random.default_rng(seed)
    positions = [p for c in schema.columns if c.tensor.startswith("float") for p in range(c.index, c.index + c.width)]
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        first, second = rng.integers(row_count(data), size=(2, size))
        rows = take_rows(data, first)
        if positions:
            a, b = (numbers_at(take_rows(data, pick), positions).astype(np.float64) for pick in (first, second))
            share = rng.choice([0.0, 1.0, np.nan], a.shape)
            mixed = a + np.where(np.isnan(share), rng.random(a.shape), share) * (b - a)
            rows = replace_columns(rows, {p: mixed[:, i] for i, p in enumerate(positions)})
        yield rows


def threshold_rows(estimator: Any, method: str, data: Any, schema: Schema) -> Iterator[Any]:
    """Yield rows on the estimator's thresholds and one representable number beside them."""
    for seed in range(THRESHOLD_DRAWS):
        try:
            rows = boundary_rows(estimator, method, data, schema, seed=seed)
        except InputError:  # the estimator refuses numbers between those of the data
            return
        if rows is not None:
            yield rows
