"""The rows that a case is asked about: unseen, one alone, between fitted values, on thresholds, special ones."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bridge.verify.rows import boundary_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.data.schema import Schema
    from tests.coverage.data import Data

PREDICT_STD = "predict_std"
"""The second answer of `predict(X, return_std=True)`."""
BETWEEN = 96
OTHERS = 40
SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 5e-324, 1e-40, 1e6)


def take(table: Any, indices: Any) -> Any:
    """Return some rows of a table, an array of any rank, or a list."""
    if hasattr(table, "iloc"):
        return table.iloc[indices]
    return [table[i] for i in indices] if isinstance(table, list) else table[indices]


def ordinary_rows(data: Data) -> Iterator[tuple[str, Any]]:
    """Return unseen rows, and where there are columns of floats rows between the fitted ones."""
    yield "unseen rows", data.unseen
    if _is_float_table(data.X):
        yield "rows between fitted ones", _between(data)


def threshold_rows(estimator: Any, method: str, data: Data, schema: Schema) -> Any | None:
    """Return unseen rows moved onto the estimator's thresholds and beside them, or None where it has none."""
    if not _is_float_table(data.X) and not hasattr(data.X, "iloc"):
        return None
    return boundary_rows(estimator, method, data.unseen, schema, seed=1)


def special_rows(data: Data) -> Iterator[tuple[float, Any]]:
    """Return by special value a table with a row for each column of floats, in which the value stands."""
    for value in SPECIAL if _is_float_table(data.X) else ():
        rows = np.array(data.unseen[: data.X.shape[1]])
        with np.errstate(all="ignore"):
            rows[np.arange(len(rows)), np.arange(len(rows))] = value
        yield value, rows
    floats = [c for c in data.X.columns if data.X[c].dtype.kind == "f"] if hasattr(data.X, "iloc") else []
    for value in SPECIAL if floats else ():
        rows = data.unseen.iloc[: len(floats)].reset_index(drop=True)
        for i, column in enumerate(floats):
            rows.loc[i, column] = value
        yield value, rows


def answer(model: Any, method: str, rows: Any) -> Any:
    """Return what an estimator, or a predictor, answers, without its warnings."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return model.predict(rows, return_std=True)[1] if method == PREDICT_STD else getattr(model, method)(rows)


def offers(estimator: Any, method: str) -> bool:
    """Return whether an estimator, or the last step of a pipeline, has a method."""
    if method != PREDICT_STD:
        return hasattr(estimator, method)
    predict = getattr(getattr(estimator, "_final_estimator", estimator), "predict", None)
    return predict is not None and "return_std" in inspect.signature(predict).parameters


def is_taken(estimator: Any, method: str, rows: Any) -> bool:
    """Return whether an estimator, or a predictor, answers."""
    try:
        answer(estimator, method, rows)
    except Exception:  # noqa: BLE001 - estimators refuse with whatever their code happens to raise
        return False
    return True


def with_others(table: Any, rows: Any) -> Any:
    """Return some unseen rows and below them `rows`, which alone do not say how large the numbers of a column are."""
    others = take(table, range(OTHERS))
    return pd.concat([others, rows]) if hasattr(rows, "iloc") else np.concatenate([others, rows])


def accepted_rows(estimator: Any, method: str, rows: Any) -> list[int]:
    """Return the positions of the rows that an estimator takes one by one."""
    count = rows.shape[0] if hasattr(rows, "shape") else len(rows)
    return [i for i in range(count) if is_taken(estimator, method, take(rows, [i]))]


def _is_float_table(X: Any) -> bool:
    return isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind == "f"


def _between(data: Data) -> Any:
    """Return unseen rows with a number from the middle between two fitted neighbours, where trees and bins divide.

    Every third has the fitted number itself.
    """
    rng = np.random.default_rng(11)
    rows = np.array(data.unseen[rng.integers(len(data.unseen), size=BETWEEN)])
    for i, row in enumerate(rows):
        column = i % rows.shape[1]
        known = np.unique(data.X[:, column][np.isfinite(data.X[:, column])])
        at = rng.integers(max(1, len(known) - 1))
        row[column] = known[at] if i % 3 == 0 or len(known) == 1 else known[at] / 2 + known[at + 1] / 2
    return rows
