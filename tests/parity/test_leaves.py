"""Boosters reach the leaves that their library says; scripts/leaf_check.py shows it for all kinds and forms."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("catboost")
pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

from tests.parity.leaves.check import check_kind
from tests.parity.leaves.kinds import KINDS

ROWS = 600
FORMS = ("cpu auto", "cuda auto", "cuda forest", "portable auto")
BOOSTERS = [k for k in KINDS if k.name.startswith(("LightGBM", "XGBoost", "CatBoost"))]


@pytest.mark.parametrize("kind", BOOSTERS, ids=lambda kind: kind.name)
def test_every_row_reaches_the_leaves_of_the_library(kind):
    estimator = kind.fit()

    outcomes = [o for dtype in (np.float32, np.float64) for o in check_kind(kind, estimator, dtype, ROWS, FORMS)]

    assert {o.differing for o in outcomes} == {0}, outcomes
    assert min(o.rows for o in outcomes) > ROWS / 2
