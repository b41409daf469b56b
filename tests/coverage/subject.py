"""A fitted case, its rows, and what the estimator answers to them, which every target is compared with."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from tests.coverage.exclusions import RANDOM, SQUEEZED
from tests.coverage.rows import (
    PREDICT_STD,
    accepted_rows,
    is_taken,
    offers,
    ordinary_rows,
    special_rows,
    take,
    threshold_rows,
    with_others,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.data.schema import Schema
    from tests.coverage.case import Case
    from tests.coverage.data import Data

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "score_samples",
    "mahalanobis",
    PREDICT_STD,
)
"""Inference on new data. Not here: the way back (inverse_transform), what only trees have (apply, decision_path), the
same at every step of a fit (staged_*), random draws (sample)."""
SEARCHES = ("kneighbors", "radius_neighbors")
"""Asked of those that have none of the above, and in cases of their own."""
ONE = 1
"""Which unseen row is asked about alone."""
STEEPEST = ("predict_proba", "decision_function", "transform")
"""Of these the first one says which rows are taken, and where thresholds are."""


class Remembering:
    """Stands for an estimator or a predictor, and is asked once about the same rows."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._answers: dict[tuple[Any, ...], tuple[Any, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._model, name)
        return self._remembered(name, found) if name in METHODS or name in SEARCHES else found

    def _remembered(self, name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def answer(rows: Any, **options: Any) -> Any:
            key = (name, id(rows), *options.items())
            if key not in self._answers:
                self._answers[key] = rows, ask(rows, **options)  # the rows live as long, so that no others get their id
            return self._answers[key][1]

        return answer


class Spliced:
    """Stands for a model whose answer for one of `rows` is that to the row alone.

    One row does not say how large the numbers of a column are, which an error is measured by.
    """

    def __init__(self, model: Remembering, rows: Any, row: Any) -> None:
        self._model = model
        self._rows = rows
        self._row = row

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._model, name)
        return self._answering(found) if name in METHODS or name in SEARCHES else found

    def _answering(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        def answer(rows: Any, **options: Any) -> Any:
            answers = ask(rows, **options)
            return _spliced(answers, ask(self._row, **options)) if rows is self._rows else answers

        return answer


def _spliced(answer: Any, one: Any) -> Any:
    if isinstance(answer, (list, tuple)):
        return type(answer)(map(_spliced, answer, one))
    if hasattr(answer, "columns"):  # of a frame, whose container is compared elsewhere
        answer, one = answer.to_numpy(), one.to_numpy()
    if sparse.issparse(answer):
        rows = sparse.csr_matrix(answer)
        return sparse.vstack([rows[:ONE], sparse.csr_matrix(one), rows[ONE + 1 :]], format=answer.format)
    table, alone = (np.array(a) for a in (answer, one))
    if table.dtype.kind == "U":  # whose width is that of the longest text
        table = table.astype(object)
    table[ONE] = alone[0]
    return table


class Subject:
    """A fitted case; each kind of rows is made once, whatever the number of targets."""

    def __init__(self, case: Case) -> None:
        self.name = case.name
        self.fitted = case.fitted()
        self.data: Data = case.data()
        self.estimator = Remembering(self.fitted)
        offered = case.methods or offered_methods(self.fitted, take(self.data.unseen, [0, 1, 2]))
        self.methods = tuple(name for name in offered if name not in RANDOM.get(self.cls, ()))
        self._is_chosen = bool(case.methods) or self.cls in RANDOM
        self.main = next((m for m in STEEPEST if m in self.methods), next(iter(self.methods), ""))
        self._on_thresholds: dict[tuple[str, ...], Any] = {}

    @property
    def exported(self) -> tuple[str, ...] | None:
        """The methods to name in the export; None for all."""
        return self.methods if self._is_chosen else None

    @property
    def cls(self) -> str:
        return type(self.fitted).__name__

    @cached_property
    def _accepted(self) -> list[int] | None:
        """Return which unseen rows the estimator takes; None for all."""
        if is_taken(self.estimator, self.main, self.data.unseen):
            return None
        return accepted_rows(self.fitted, self.main, self.data.unseen)

    @cached_property
    def _taken(self) -> Data:
        unseen = self.data.unseen
        return self.data if self._accepted is None else replace(self.data, unseen=take(unseen, self._accepted))

    @cached_property
    def _ordinary(self) -> list[tuple[str, Any]]:
        return [
            (where, rows) for where, rows in ordinary_rows(self._taken) if is_taken(self.estimator, self.main, rows)
        ]

    @cached_property
    def one_row(self) -> Any | None:
        """The second unseen row alone, or None where scikit-learn itself loses the dimension of rows."""
        return None if self.cls in SQUEEZED else take(self._taken.unseen, [ONE])

    @property
    def unseen(self) -> Any:
        """The unseen rows that the estimator takes."""
        return self._taken.unseen

    def ordinary(self) -> list[tuple[str, Any]]:
        """Return unseen rows, and rows between fitted values, as far as the estimator takes them."""
        return self._ordinary

    def refused_rows(self) -> list[Any]:
        """Return the unseen rows that the estimator refuses, each as a table."""
        if self._accepted is None:
            return []
        others = set(range(len(self.data.unseen))) - set(self._accepted)
        return [take(self.data.unseen, [i]) for i in sorted(others)]

    def on_thresholds(self, schema: Schema) -> Any | None:
        """Return rows on the estimator's thresholds, in the numbers that a graph of this schema reads."""
        key = tuple(column.tensor for column in schema.columns)
        if key not in self._on_thresholds:
            self._on_thresholds[key] = threshold_rows(self.fitted, self.main, self._taken, schema)
        return self._on_thresholds[key]

    @cached_property
    def _special(self) -> list[tuple[float, Any, list[tuple[int, Any]]]]:
        found = []
        for value, rows in special_rows(self._taken):
            positions = range(len(rows))
            is_whole = is_taken(self.estimator, self.main, rows)
            accepted = list(positions) if is_whole else accepted_rows(self.fitted, self.main, rows)
            others = [(i, take(rows, [i])) for i in positions if i not in accepted]
            found.append((value, with_others(self.unseen, take(rows, accepted)) if accepted else None, others))
        return found

    def special(self) -> list[tuple[float, Any, list[tuple[int, Any]]]]:
        """Return for each special value the rows with it that the estimator takes, and each of the others."""
        return self._special


def offered_methods(estimator: Any, rows: Any) -> tuple[str, ...]:
    """Return the inference methods that answer; `hasattr` also finds those that only say why they are not there."""
    for names in (METHODS, SEARCHES):
        if found := tuple(name for name in names if offers(estimator, name) and is_taken(estimator, name, rows)):
            return found
    return ()
