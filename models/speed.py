"""Forests large enough to measure a kernel by; their data is drawn, so that any machine can fit them."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from models.data import Data
from models.zoo import Model

ROWS = 20_000
COLUMNS = 28
LEVELS = 30
"""Steps in a unit: columns have about 200 different numbers, as those of a histogram."""


@cache
def _drawn(classes: int) -> Data:
    """Return float32 rows, and labels by noisy quantiles of a sum."""
    rng = np.random.default_rng(0)
    x = (np.round(rng.normal(size=(ROWS + 1000, COLUMNS)) * LEVELS) / LEVELS).astype(np.float32)
    score = x[:, :8].sum(axis=1) + rng.normal(size=len(x))
    labels = np.searchsorted(np.quantile(score, np.arange(1, classes) / classes), score)
    return Data(x[:ROWS], labels[:ROWS], x[ROWS:])


_forest = partial(RandomForestClassifier, max_features=4, random_state=0, n_jobs=-1)

SPEED: tuple[Model, ...] = (
    Model("speed-depth8", partial(_drawn, 2), partial(_forest, 500, max_depth=8)),
    Model("speed-unlimited", partial(_drawn, 2), partial(_forest, 30)),
    Model("speed-ten-classes", partial(_drawn, 10), partial(_forest, 100, max_depth=8)),
)
