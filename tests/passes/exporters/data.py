"""Rows with missing values, and what the models learn from them."""

from __future__ import annotations

import numpy as np

ROWS = 300
GROUP = 20
"""Rows a query, for models that rank."""

_rng = np.random.default_rng(0)
WHOLE = np.column_stack([_rng.integers(0, 12, ROWS), _rng.normal(size=(ROWS, 3))]).astype(np.float32)
"""Four columns, the first of categories."""
MISSING = np.where(_rng.random(WHOLE.shape) < 0.08, np.float32(np.nan), WHOLE)

NUMBER = np.nan_to_num(MISSING[:, 1]) + np.nan_to_num(MISSING[:, 0]) % 3
POSITIVE = np.abs(NUMBER) + 0.1
PAIR = np.column_stack([NUMBER, 2 * NUMBER + 1])
TWO = (NUMBER > 1).astype(int)
THREE = np.digitize(NUMBER, [0, 1.5])
TEN = np.clip(2 * NUMBER + 4, 0, 9).astype(int)
TWO_NAMES = np.where(TWO, "yes", "no")
THREE_NAMES = np.array(["a", "b", "é"])[THREE]
