"""Compare one model in one precision with its estimator on many rows, and weigh its graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import bridge
from bridge.data.table import row_count, take_rows
from bridge.errors import ParityError
from bridge.passes.precision.device_cost import constant_bytes, device_seconds, largest_intermediate
from bridge.passes.read import read_model
from bridge.passes.shapes import infer_shapes
from bridge.verify.check import steepest
from bridge.verify.compare import _margins, ask
from bridge.verify.tolerance import bounds_for, scaled_error
from tests.precision.rows import threshold_rows, unseen_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import onnx
    from numpy.typing import NDArray

    from bridge.runtime.predictor import Predictor
    from bridge.targets import Precision
    from models.zoo import Model

WEIGHED_ROWS = 100_000
"""Rows of the run whose intermediates and time on a GPU are predicted."""


@dataclass(frozen=True)
class Measured:
    """What one model was found to be in one precision.

    Attributes
    ----------
    rows, labels, ties, loose
        Rows compared, labels that differ among them, those where the estimator's two best scores agree to within the
        margin of the precision, and rows with a number beyond its bound.
    on_thresholds, labels_on_thresholds
        The same for rows on the estimator's thresholds.
    relative
        The largest error of a probability relative to it; 0.0 without probabilities.
    scaled, typical
        The largest scaled error of any number, and the median over the rows, both of the unseen rows.
    refused
        Why the export refused it; all else is 0 then.
    constants, intermediate
        Bytes of the constants, and of the largest value of a run of 100,000 rows.
    seconds
        The predicted time of that run on a GPU.
    """

    model: str
    precision: str
    rows: int = 0
    labels: int = 0
    ties: int = 0
    loose: int = 0
    on_thresholds: int = 0
    labels_on_thresholds: int = 0
    relative: float = 0.0
    scaled: float = 0.0
    typical: float = 0.0
    refused: str = ""
    constants: int = 0
    intermediate: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class _Errors:
    rows: int = 0
    labels: int = 0
    ties: int = 0
    loose: int = 0
    relative: float = 0.0
    scaled: float = 0.0
    typical: float = 0.0


def measure(model: Model, precisions: Sequence[Precision], rows: int) -> list[Measured]:
    """Return what `model` is in these precisions, target "cuda", run on the CPU, on so many unseen rows."""
    estimator, data = model.fitted(), model.data()
    graphs, found = {}, []
    for precision in precisions:
        try:
            graphs[precision] = bridge.export(estimator, data.train, target="cuda", precision=precision)
        except ParityError as error:
            found.append(Measured(model.name, precision, refused=str(error).splitlines()[0]))
    predictors = {precision: bridge.load(graph, device="cpu") for precision, graph in graphs.items()}
    unseen: dict[str, list[_Errors]] = {precision: [] for precision in predictors}
    for batch in unseen_rows(data.held_out, next(iter(predictors.values())).metadata.schema, rows):
        answers = _answers(estimator, predictors.values(), batch)
        for precision, predictor in predictors.items():
            unseen[precision].append(_errors(estimator, answers, predictor, batch))
    for precision, predictor in predictors.items():
        method = steepest(predictor.methods)
        edges = [
            _errors(estimator, _answers(estimator, [predictor], batch), predictor, batch)
            for batch in threshold_rows(estimator, method, data.held_out, predictor.metadata.schema)
        ]
        found.append(_measured(model.name, precision, unseen[precision], edges, graphs[precision]))
    return found


def _measured(
    name: str, precision: str, unseen: list[_Errors], edges: list[_Errors], graph: onnx.ModelProto
) -> Measured:
    constants, intermediate, seconds = weigh(graph)
    return Measured(
        name,
        precision,
        rows=sum(part.rows for part in unseen),
        labels=sum(part.labels for part in unseen),
        ties=sum(part.ties for part in unseen),
        loose=sum(part.loose for part in unseen),
        on_thresholds=sum(part.rows for part in edges),
        labels_on_thresholds=sum(part.labels for part in edges),
        relative=max(part.relative for part in unseen),
        scaled=max(part.scaled for part in unseen),
        typical=float(np.median([part.typical for part in unseen])),
        constants=constants,
        intermediate=intermediate,
        seconds=seconds,
    )


def weigh(graph: onnx.ModelProto) -> tuple[int, int, float]:
    """Return the bytes of a graph's constants and of its largest intermediate, and its predicted time on a GPU."""
    model = read_model(graph)
    infer_shapes(known_too=True)(model)
    return (
        constant_bytes(model.graph),
        largest_intermediate(model.graph, WEIGHED_ROWS),
        device_seconds(model.graph, WEIGHED_ROWS),
    )


def _answers(estimator: Any, predictors: Iterable[Predictor], rows: Any) -> dict[str, NDArray[Any]]:
    """Return the estimator's answers to all methods of the predictors."""
    methods = {method.name for predictor in predictors for method in predictor.methods}
    return {name: np.asarray(ask(estimator, name, rows)) for name in methods - {"predict_log_proba"}}


def _errors(estimator: Any, answers: Mapping[str, NDArray[Any]], predictor: Predictor, rows: Any) -> _Errors:
    is_float32 = predictor.metadata.sums_float32 or any(m.dtype == "float32" for m in predictor.methods)
    bounds = bounds_for(predictor.metadata.precision, float32_library=is_float32)
    labels, ties, relative, scaled = 0, 0, 0.0, np.zeros(row_count(rows))
    for method in predictor.methods:
        if method.name == "predict_log_proba":  # said by the probabilities
            continue
        want, got = answers[method.name], np.asarray(ask(predictor, method.name, rows))
        if method.labels or want.dtype.kind != "f":
            differ = np.flatnonzero(got != want)
            labels = differ.size
            ties = int((_margins(estimator, take_rows(rows, differ), labels) <= bounds.margin).sum()) if labels else 0
            continue
        if method.name == "predict_proba":
            with np.errstate(divide="ignore", invalid="ignore"):
                error = np.where(got == want, 0.0, np.abs(got - want) / np.abs(want))
            relative = max(relative, float(error.max(initial=0.0)))
        one = bounds.absolute_probabilities and method.name == "predict_proba"
        scaled = np.maximum(scaled, scaled_error(got, want, one=one).reshape(len(scaled), -1).max(axis=1, initial=0.0))
    loose = int((scaled > bounds.scaled).sum())
    return _Errors(len(scaled), labels, ties, loose, relative, float(scaled.max(initial=0.0)), float(np.median(scaled)))
