"""Fitted estimators beside what bridge makes of them, each exported once."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import bridge
from bridge.errors import BridgeError

RNG = np.random.default_rng(0)
ARRAY = RNG.normal(size=(200, 3))
LABELS = np.where(ARRAY[:, 0] + ARRAY[:, 1] > 0, "late", "early")
NAMED = pd.DataFrame(ARRAY, columns=["dist", "delay", "fare"])
MIXED = pd.DataFrame(
    {
        "note": "not used",
        "dist": ARRAY[:, 0],
        "delay": np.where(np.arange(200) % 7 == 0, np.nan, ARRAY[:, 1]),
        "year": RNG.integers(2000, 2010, 200),
        "paid": RNG.random(200) < 0.5,
        "town": RNG.choice(["x", "y", "z"], 200),
        "code": RNG.choice([1, 2, 3], 200),
    }
)


def forest():
    return RandomForestClassifier(5, max_depth=4, random_state=0)


def pipeline(handle_unknown):
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["dist", "year", "paid"]),
            ("holes", SimpleImputer(), ["delay"]),
            ("text", OneHotEncoder(handle_unknown=handle_unknown), ["town", "code"]),
        ]
    )
    return make_pipeline(columns, forest())


SPARSE = sparse.csr_matrix(np.where(ARRAY > 0, ARRAY, 0))
INTEGERS = (ARRAY * 10).astype(np.int64)
CASES = {
    "forest": (forest(), ARRAY),
    "named forest": (forest(), NAMED),
    "histogram": (HistGradientBoostingClassifier(max_iter=5), ARRAY),
    "scaler": (StandardScaler(), NAMED),
    "sparse forest": (forest(), SPARSE),
    "integer forest": (forest(), INTEGERS),
    "pipeline": (pipeline("ignore"), MIXED),
    "strict pipeline": (pipeline("error"), MIXED),
}


@cache
def fitted(name):
    """Return a fitted estimator and its sample, by name."""
    estimator, sample = CASES[name]
    return estimator.fit(sample, LABELS), sample


@cache
def served(name, target="cpu"):
    """Return the estimator and its predictor."""
    estimator, sample = fitted(name)
    return estimator, load_export(estimator, sample, target=target)


def load_export(estimator, sample, **options):
    """Return the predictor for an export without the check, which takes most of its time and is tested elsewhere."""
    return bridge.load(bridge.export(estimator, sample, check=False, **options), device="cpu")


def ask(model, table):
    """Return the model's answer, or the error with which it refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = model.predict(table) if hasattr(model, "predict") else model.transform(table)
    except Exception as error:  # noqa: BLE001 -- the error is the answer
        return error
    return answer


def assert_same(name, table, *, target="cpu"):
    """Assert that the predictor answers as the estimator does, or refuses what it refuses, with an error of ours."""
    estimator, predictor = served(name, target)
    expected, found = ask(estimator, table), ask(predictor, table)
    if isinstance(expected, Exception):
        assert isinstance(found, BridgeError), found
        assert isinstance(found, (ValueError, TypeError)), found
        return found
    assert not isinstance(found, Exception), f"the estimator takes this: {found}"
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    else:
        np.testing.assert_array_equal(found, expected)
    return None
