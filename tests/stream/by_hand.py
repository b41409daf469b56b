"""The loop of `partial_fit` that `bridge.stream.fit` is held to, and equality of all that an estimator holds."""

from __future__ import annotations

from copy import deepcopy
from inspect import signature

import numpy as np
import pandas as pd
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from bridge.stream.state import to_bytes


def by_hand(case, table, chunk, *, epochs=1):
    """Return a copy of the estimator that a user would have trained, one step after the other."""
    fitted = deepcopy(case.estimator)
    steps = flat(fitted)
    trained = [i for i, s in enumerate(steps) if learns(s)] or [0]
    for i in trained:
        for _ in range(epochs if i == trained[-1] else 1):
            for start in range(0, len(table), chunk):
                rows = table.iloc[start : start + chunk]
                train(steps, i, rows, case, table)
    return fitted


def train(steps, i, rows, case, table):
    X = rows["text"] if case.features == ["text"] else in_rows(rows[case.features])
    for before in steps[:i]:
        X = before.transform(X)
    if case.target is None:
        steps[i].partial_fit(X)
        return
    y = rows[case.target].to_numpy()
    y = y.astype(object) if y.dtype.kind not in "fi" else y
    kinds = signature(steps[i].partial_fit).parameters
    if isinstance(case.target, list):
        options = {"classes": [np.unique(table[t]) for t in case.target]} if "classes" in kinds else {}
    else:
        needs = "classes" in kinds or type(steps[i]).__name__ == "SelectFromModel"
        options = {"classes": np.unique(table[case.target].to_numpy().astype(object))} if needs else {}
    steps[i].partial_fit(X, y, **options)


def in_rows(frame):
    """Return the numbers in C order: a mean over the rows of a pandas table in its own order may have other bits."""
    return pd.DataFrame(np.ascontiguousarray(frame.to_numpy(float)), columns=list(frame.columns), copy=False)


def flat(estimator):
    if not isinstance(estimator, Pipeline):
        return [estimator]
    return [inner for _, step in estimator.steps if step != "passthrough" for inner in flat(step)]


def learns(step):
    stateless = {"HashingVectorizer", "FunctionTransformer", "Normalizer"}
    return (
        hasattr(step, "partial_fit") and not isinstance(step, FrozenEstimator) and type(step).__name__ not in stateless
    )


def contents(value, path="", seen=None):
    """Return the bytes of every array and every number that an estimator holds, by where it holds it."""
    seen = set() if seen is None else seen
    if isinstance(value, np.ndarray) and value.dtype != object:
        return {path: (value.dtype.str, value.shape, value.tobytes())}
    parts = _parts(value)
    if parts is None:
        return {path: repr(value) if "at 0x" not in repr(value) else to_bytes(value)}
    if id(value) in seen:
        return {}
    seen.add(id(value))
    found = {}
    for name, part in parts:
        found |= contents(part, f"{path}.{name}", seen)
    return found


def _parts(value):
    if isinstance(value, np.random.RandomState):
        value = value.get_state(legacy=True)
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    if isinstance(value, dict):
        return list(value.items())
    return list(vars(value).items()) if hasattr(value, "__dict__") and not isinstance(value, type) else None
