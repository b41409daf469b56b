"""Fit one model on flights, export it for every target, compare on the flights it has not seen, and time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.compile import export
from bridge.demo import flights
from bridge.demo.timing import median_seconds
from bridge.runtime.predictor import load
from bridge.runtime.providers import cuda_is_usable
from bridge.targets import TARGETS, Target
from bridge.verify.check import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bridge.verify.report import Report

TO_FIT = 100_000
SIZES = (1, 100, 10_000)
"""Rows of the timed calls; all held-out rows come last."""
METHODS = ("predict", "predict_proba")
MOST_DIFFERING = {"portable": 3e-5, "cuda": 0.0, "cpu": 0.0}
"""The part of labels that may differ: float32 decides otherwise where two classes are as good as equally likely."""
MOST_ERROR = {"portable": 1e-4, "cuda": 1e-6, "cpu": 1e-6}


@dataclass(frozen=True)
class Case:
    """A model of the demo: its name, what builds it, and whether it sees the numbers alone, as an array."""

    name: str
    build: Callable[[], Any]
    numbers_only: bool = False

    def table(self) -> Any:
        """Return all flights as this model sees them."""
        frame, _ = flights.load_flights()
        return frame[flights.NUMBERS].to_numpy() if self.numbers_only else frame


CASES = (
    Case("logistic", flights.build_logistic),
    Case("random forest", flights.build_forest),
    Case("boosting", flights.build_histogram),
    Case("numbers forest", flights.build_numbers_forest, numbers_only=True),
)


@dataclass(frozen=True)
class Line:
    """What the demo found for one model and target."""

    case: str
    target: Target
    report: Report
    operators: int
    seconds: tuple[float, ...]
    explained: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether labels and probabilities are as equal as this target promises."""
        few = self.labels_differing <= MOST_DIFFERING[self.target] * self.rows
        return few and self.worst_error <= MOST_ERROR[self.target] and not any(m.problem for m in self.report.methods)

    @property
    def rows(self) -> int:
        return self.report.methods[0].rows

    @property
    def labels_differing(self) -> int:
        return max(m.labels_differing for m in self.report.methods)

    @property
    def worst_error(self) -> float:
        return max(m.max_absolute for m in self.report.methods)


@dataclass
class Trial:
    """One case, from the fit to the figures.

    Attributes
    ----------
    case
        The model.
    rows
        How many flights to use: 100,000 to fit on, or half of them if there are fewer.
    folder
        Where the .onnx files go.
    """

    case: Case
    rows: int
    folder: Path
    seconds: tuple[float, ...] = ()
    lines: list[Line] = field(default_factory=list)

    def steps(self) -> Iterator[str]:
        """Do the work, yielding what comes next before each step."""
        name = self.case.name
        table, (_, labels) = self.case.table(), flights.load_flights()
        cut = min(TO_FIT, self.rows // 2)
        fit, held_out = table[:cut], table[cut : self.rows]
        yield f"{name}: fitting on {cut:,} flights"
        unfitted = self.case.build()
        with one_openmp_thread():
            estimator = Remembering(unfitted.fit(fit, labels[:cut]), held_out)
        yield f"{name}: timing scikit-learn"
        self.seconds = time_estimator(estimator.estimator, held_out)
        for target in TARGETS:
            file = self.folder / f"{name.replace(' ', '-')}.{target}.onnx"
            yield f"{name}: exporting for {target}"
            with one_openmp_thread():
                model = export(estimator.estimator, fit, file, target=target, methods=METHODS)
            predictor = load(file, device="cuda" if target == "cuda" and cuda_is_usable() else "cpu")
            yield f"{name}: comparing {len(held_out):,} flights, {target}"
            report = verify(estimator, predictor, held_out)
            explained = explain(estimator, predictor, held_out) if report.methods[0].labels_differing else ()
            yield f"{name}: timing {target}"
            seconds = time_predict(predictor, held_out)
            self.lines.append(Line(name, target, report, len(model.graph.node), seconds, explained))

    @staticmethod
    def count_steps() -> int:
        return 2 + 3 * len(TARGETS)


@dataclass
class Remembering:
    """An estimator that answers for the same rows once: three targets are compared with the same answers."""

    estimator: Any
    rows: Any
    answers: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.estimator, name)
        return partial(self._answer, name) if name in METHODS else value

    def _answer(self, method: str, rows: Any) -> Any:
        if rows is not self.rows:
            return getattr(self.estimator, method)(rows)
        if method not in self.answers:
            self.answers[method] = getattr(self.estimator, method)(rows)
        return self.answers[method]


def one_openmp_thread() -> AbstractContextManager[object]:
    """Return a context in which scikit-learn's OpenMP loops take one thread.

    On cores that other processes use too, their threads spin while they wait for one another: the fit of histogram
    boosting took 96 s instead of 7.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="openmp")
    return limits


def sizes_within(rows: int) -> list[int]:
    """Return those of `SIZES` that are less than all rows."""
    return [size for size in SIZES if size < rows]


def time_predict(model: Any, held_out: Any) -> tuple[float, ...]:
    """Return the median seconds of `predict` for each of `sizes_within` and for all rows."""
    sized = [median_seconds(partial(model.predict, held_out[:size])) for size in sizes_within(len(held_out))]
    return (*sized, median_seconds(partial(model.predict, held_out), warm_up=False))


def time_estimator(estimator: Any, held_out: Any) -> tuple[float, ...]:
    """Return what `time_predict` does, with scikit-learn's own threads or with one: for each size the faster.

    Where other processes use the cores too, its threads wait for one another: one row of histogram boosting took
    712 ms with two of them and 5 ms with one. A ratio to the slower would flatter.
    """
    as_it_comes = time_predict(estimator, held_out)
    with one_openmp_thread():
        alone = time_predict(estimator, held_out)
    return tuple(map(min, as_it_comes, alone))


def explain(estimator: Any, predictor: Any, held_out: Any) -> tuple[str, ...]:
    """Return one line for each row whose label differs: the probabilities that decided."""
    rows = np.flatnonzero(estimator.predict(held_out) != predictor.predict(held_out))
    ours, theirs = predictor.predict_proba(held_out), estimator.predict_proba(held_out)
    late = list(estimator.classes_).index(flights.LATE)
    return tuple(
        f"flight {row}: P(late) is {theirs[row, late]:.9f} in scikit-learn, {ours[row, late]:.9f} here" for row in rows
    )
