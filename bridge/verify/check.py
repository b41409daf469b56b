"""Decide whether a model may be handed out, and compare a model with its estimator on request."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.artifact import as_model, get_metadata
from bridge.data.objects import as_objects
from bridge.data.table import in_fitted_order, spread_rows
from bridge.errors import InputError
from bridge.runtime.predictor import Predictor, load, load_reference
from bridge.verify.compare import compare
from bridge.verify.rows import accepted_rows, boundary_rows, special_rows

if TYPE_CHECKING:
    import os

    import onnx

    from bridge.data.schema import Schema
    from bridge.verify.report import Report

CHECK_ROWS = 10_000
"""An export is checked on at most this many rows of its sample, evenly spaced."""
CHECK_VALUES = 2**26
"""And on fewer, where their answers would take more than 512 MB: those of a vectorizer have a column for each term."""
ENTRIES = 1000
"""What a row of a sparse matrix may hold, whatever its number of columns."""
ROWS_ALONE = 500
"""A graph that chooses its form by the number of rows is checked row by row, too, on this many of the sample."""
REFERENCE_ROWS = 200
"""The reference evaluator takes milliseconds a row."""


def verify(
    estimator: Any,
    model: onnx.ModelProto | str | os.PathLike[str] | Predictor,
    X: Any,  # noqa: N803
) -> Report:
    """Return how equal a model is to its estimator on all rows of `X`, method by method.

    Parameters
    ----------
    estimator
        The fitted estimator.
    model
        A model, a file, or a loaded predictor (which may run on a GPU).
    X
        Any data that both take.

    Returns
    -------
    Report
        `report.ok`, and per method: rows, labels differing, largest errors, worst rows. Prints as a table.
    """
    predictor = model if isinstance(model, Predictor) else load(model, device="cpu")
    if not predictor.methods:
        raise InputError("the model has no method to compare: its outputs carry no names that bridge knows")
    schema = predictor.metadata.schema
    rows = as_objects(X) if schema.reads_objects else X
    return compare(estimator, predictor, _as_new(in_fitted_order(rows, schema.feature_names)))


def check_model(estimator: Any, model: onnx.ModelProto | os.PathLike[str], sample: Any) -> Report:
    """Return the comparison on the sample, on rows on the estimator's thresholds, and on rows of special values.

    Runs in onnxruntime on the CPU, or in ONNX's reference evaluator where there is no onnxruntime.
    """
    metadata = get_metadata(as_model(model))
    if metadata is None:
        raise InputError("the model has no bridge metadata")
    has_runtime = find_spec("onnxruntime") is not None
    predictor = load(model, device="cpu") if has_runtime else load_reference(as_model(model))
    widest = max(ENTRIES if m.entries else prod(m.shape) * m.each * len(m.outputs) for m in metadata.methods)
    most = min(CHECK_ROWS, CHECK_VALUES // max(widest, 1)) if has_runtime else REFERENCE_ROWS
    rows = _as_new(spread_rows(sample, max(most, 1)))
    report = compare(estimator, predictor, rows)
    parts = list(report.methods)
    chooses = metadata.row_bytes and any(node.op_type == "If" for node in as_model(model).graph.node)
    alone = predictor.in_blocks(1) if chooses else None
    if alone is not None:
        parts += compare(estimator, alone, spread_rows(rows, ROWS_ALONE), suffix=", row by row").methods
    on_thresholds = _boundary_rows(estimator, steepest(metadata.methods), rows, metadata.schema)
    if on_thresholds is not None:
        found = compare(estimator, predictor, on_thresholds, suffix=", on thresholds")
        methods = found.methods
        if alone is not None:
            methods += compare(estimator, alone, on_thresholds, suffix=", on thresholds, row by row").methods
        parts += [replace(m, held=metadata.exact_decisions) for m in methods]
    special = special_rows(
        rows,
        metadata.schema,
        wide=metadata.precision == "exact" and not metadata.sums_float32,
        negative=not _is_for_positive(estimator),
    )
    if special is not None:
        special = accepted_rows(estimator, steepest(metadata.methods), special)
    if special is not None:
        parts += compare(estimator, predictor, special, suffix=", special values").methods
        if alone is not None:
            parts += compare(estimator, alone, special, suffix=", special values, row by row").methods
    notes = () if has_runtime else ("checked in onnx.reference, because no onnxruntime is installed",)
    return replace(report, methods=tuple(parts), notes=notes)


def _as_new(data: Any) -> Any:
    """Return the same rows in another array: asked about the very array that it was fitted on, a search knows its rows.

    `sklearn.metrics.pairwise_distances` then has 0 from each row to itself, whatever the metric says.
    """
    return data.copy() if isinstance(data, np.ndarray) else data


def _boundary_rows(estimator: Any, method: str, rows: Any, schema: Schema) -> Any | None:
    try:
        return boundary_rows(estimator, method, rows, schema)
    except InputError:
        return None


def _is_for_positive(estimator: Any) -> bool:
    """Return whether an estimator says that it is for numbers that are not negative.

    MiniBatchNMF takes others too, and then moves by 1e5 when its data move by 1e-15.
    """
    tags = getattr(estimator, "__sklearn_tags__", None)
    return tags is not None and bool(getattr(getattr(tags(), "input_tags", None), "positive_only", False))


def steepest(methods: Any) -> str:
    """Return the method whose answer changes at every threshold: probabilities and scores before labels."""
    names = [m.name for m in methods]
    preferred = ("predict_proba", "decision_function", "score_samples", "transform", "predict")
    return next((n for n in preferred if n in names), names[0])
