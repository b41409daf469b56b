"""The data sets of the cases: rows to fit on, a sample of them to export with, and rows that neither has seen.

The numbers are float64 that no float32 holds, beside columns of few values, so that rows tie and lie on thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ROWS = 160
"""To fit on, and as many that are held out."""
SAMPLE_ROWS = 60
MISSING = 0.1


@dataclass(frozen=True)
class Data:
    """Rows and what to predict of them; `unseen` are like `X`, and no fit or export gets them."""

    X: Any
    y: Any
    unseen: Any

    @property
    def sample(self) -> Any:
        """Some of the fitted rows, to export with."""
        return self.X[:SAMPLE_ROWS] if not hasattr(self.X, "iloc") else self.X.iloc[:SAMPLE_ROWS]


Source = "Callable[[], Data]"


def of(columns: str = "numbers", target: str = "real") -> Callable[[], Data]:
    """Return what makes the data of a kind of columns with a kind of target."""
    return partial(table, columns, target)


@cache
def table(columns: str, target: str) -> Data:
    X = COLUMNS[columns](np.random.default_rng(7), 2 * ROWS)
    y = TARGETS[target](_score(X), np.random.default_rng(8))
    return Data(X[:ROWS], None if y is None else y[:ROWS], X[ROWS:])


def _numbers(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    return np.column_stack(
        [
            rng.normal(size=rows),
            rng.normal(3, 10, rows),
            np.round(rng.normal(size=rows), 1),
            rng.integers(5, size=rows),
            rng.exponential(size=rows),
            np.where(rng.random(rows) < 0.7, 0.0, rng.normal(size=rows)),
        ]
    )


def _blobs(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    centres = rng.normal(0, 4, (4, 3))
    return centres[rng.integers(4, size=rows)] + rng.normal(size=(rows, 3))


def _text(rng: np.random.Generator, rows: int) -> NDArray[Any]:
    towns = np.array(["Aachen", "Bonn", "Köln", "Zürich", "東京"], object)
    sizes = np.array(["small", "medium", "large"], object)
    return np.column_stack([towns[rng.integers(5, size=rows)], sizes[np.minimum(rng.geometric(0.6, rows), 3) - 1]])


COLUMNS: dict[str, Callable[[np.random.Generator, int], NDArray[Any]]] = {
    "numbers": _numbers,
    "blobs": _blobs,
    "one column": lambda rng, rows: _numbers(rng, rows)[:, :1],
    "positive": lambda rng, rows: np.abs(_numbers(rng, rows)) + 0.01,
    "shares": lambda rng, rows: 1 / (1 + np.exp(-_numbers(rng, rows) / 3)),
    "counts": lambda rng, rows: rng.poisson(2.0, (rows, 8)).astype(np.float64),
    "on a globe": lambda rng, rows: rng.uniform([-1.5, -3.1], [1.5, 3.1], (rows, 2)),
    "bits": lambda rng, rows: (rng.random((rows, 6)) < 0.4).astype(np.float64),
    "lattice": lambda rng, rows: rng.integers(4, size=(rows, 4)).astype(np.float64),
    "categories": _text,
}


def _score(X: NDArray[Any]) -> NDArray[np.float64]:
    numbers = X.astype(np.float64) if X.dtype.kind == "f" else np.array([[len(v) for v in row] for row in X], float)
    scaled = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    return np.asarray(scaled @ np.linspace(1, -0.5, X.shape[1]) + np.sin(2 * scaled[:, 0]))


def _noisy(score: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.asarray(score + 0.4 * rng.normal(size=len(score)))


def _cut(score: NDArray[np.float64], rng: np.random.Generator, labels: list[Any]) -> NDArray[Any]:
    noisy = _noisy(score, rng)
    edges = np.quantile(noisy, np.linspace(0, 1, len(labels) + 1)[1:-1])
    return np.array(labels)[np.searchsorted(edges, noisy)]


def _several(labels: list[list[Any]]) -> Callable[[NDArray[np.float64], np.random.Generator], NDArray[Any]]:
    return lambda score, rng: np.column_stack([_cut(np.roll(score, i), rng, one) for i, one in enumerate(labels)])


# "counted" is for the temperatures of CalibratedClassifierCV: scikit-learn 1.9.1 takes integer labels for positions,
# and reads beyond its arrays for others.
TARGETS: dict[str, Callable[[NDArray[np.float64], np.random.Generator], Any]] = {
    "none": lambda _score, _rng: None,
    "real": _noisy,
    "column": lambda score, rng: _noisy(score, rng)[:, None],
    "two": lambda score, rng: np.column_stack([_noisy(score, rng), _noisy(-(score**2), rng)]),
    "above zero": lambda score, rng: np.exp(_noisy(score, rng) / 2),
    "binary": lambda score, rng: _cut(score, rng, [0, 1]),
    "signs": lambda score, rng: _cut(score, rng, [-1, 1]),
    "counted": lambda score, rng: _cut(score, rng, [0, 1, 2]),
    "three": lambda score, rng: _cut(score, rng, [2, 5, 11]),
    "binary text": lambda score, rng: _cut(score, rng, ["no", "yes"]),
    "three text": lambda score, rng: _cut(score, rng, ["großer", "kleiner", "mittel"]),
    "objects": lambda score, rng: _cut(score, rng, ["a", "b", "c"]).astype(object),
    "bools": lambda score, rng: _cut(score, rng, [False, True]),
    "floats": lambda score, rng: _cut(score, rng, [1.0, 2.0, 7.0]),
    "one class": lambda score, _rng: np.zeros(len(score), np.int64),
    "multilabel": _several([[0, 1], [1, 0], [0, 1]]),
    "multioutput": _several([[0, 1], [3, 4, 5]]),
    "multioutput text": _several([["a", "b"], ["c", "d", "e"]]),
}


def as_frame(data: Data) -> Data:
    """Return the data with columns that have names."""
    names = [f"column {i}" for i in range(data.X.shape[1])]
    return replace(data, X=pd.DataFrame(data.X, columns=names), unseen=pd.DataFrame(data.unseen, columns=names))


def as_sparse(data: Data) -> Data:
    return replace(data, X=sparse.csr_matrix(data.X), unseen=sparse.csr_matrix(data.unseen))


def as_float32(data: Data) -> Data:
    return replace(data, X=data.X.astype(np.float32), unseen=data.unseen.astype(np.float32))


def as_integers(data: Data) -> Data:
    """Return the data rounded to integers, in which rows tie."""
    return replace(data, X=np.round(data.X).astype(np.int64), unseen=np.round(data.unseen).astype(np.int64))


def with_missing(data: Data) -> Data:
    """Return the data with NaN in the fitted and in the unseen rows."""
    rng = np.random.default_rng(9)

    def punch(X: Any) -> Any:
        return np.where(rng.random(X.shape) < MISSING, np.nan, X)

    return replace(data, X=punch(data.X), unseen=punch(data.unseen))
