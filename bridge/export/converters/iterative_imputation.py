"""IterativeImputer: the fitted regressors, round after round."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.impute._iterative import IterativeImputer  # sklearn.impute has it only once it is enabled

from bridge.errors import UnsupportedError
from bridge.export.block import Block, Part
from bridge.export.builder import dtype_of
from bridge.export.converters.delegates import ask, column
from bridge.export.converters.imputation import mark_missing
from bridge.export.registry import Answer, converts, transform

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.builder import Builder


@converts(IterativeImputer)
def convert_iterative_imputer(b: Builder, imputer: Any, x: Block) -> Mapping[str, Answer]:
    if imputer.sample_posterior:
        raise UnsupportedError(
            "IterativeImputer with sample_posterior=True draws its values at random: no two answers are alike.\n"
            "Fit it with sample_posterior=False."
        )
    value = x.floats()
    first = transform(b, imputer.initial_imputer_, x.of(value, x.width))
    mask = mark_missing(b, imputer.missing_values, value)
    filled = _rounds(b, imputer, first, mask) if imputer.n_iter_ else first.matrix()
    parts = [Part(filled, first.width)]
    if imputer.add_indicator:
        features = imputer.indicator_.features_
        parts.append(Part(b.cast(b.take_columns(mask, features), dtype_of(filled)), len(features)))
    return {"transform": Block(b, tuple(p for p in parts if p.width))}


def _rounds(b: Builder, imputer: Any, first: Block, mask: ir.Value) -> ir.Value:
    """Return the columns after every regressor has had its turn.

    Where nothing at all is known, of no row, scikit-learn leaves it at the first guess: so a row hangs on the others.
    """
    empty = imputer._is_empty_feature
    kept = np.ones_like(empty) if imputer.keep_empty_features else ~empty
    mask = b.op("And", b.take_columns(mask, np.flatnonzero(kept)), b.constant(~empty[kept][np.newaxis]))
    start = value = first.matrix()
    wanted: dict[int, ir.Value] = {}
    for turn in imputer.imputation_sequence_:
        feature = int(turn.feat_idx)
        if feature not in wanted:
            is_feature = np.arange(first.width)[np.newaxis] == feature
            wanted[feature] = b.op("And", mask, b.constant(is_feature))
        asked = b.take_columns(mask, [feature])
        neighbours = first.of(b.take_columns(value, turn.neighbor_feat_idx), len(turn.neighbor_feat_idx))
        before = len(b.refusals)
        guess = column(b, ask(b, turn.estimator, neighbours, "predict"))
        # A regressor is asked about the rows alone in which its feature is missing.
        b.refusals[before:] = [replace(r, condition=b.op("And", r.condition, asked)) for r in b.refusals[before:]]
        guess = _held(b, guess, float(imputer._min_value[feature]), float(imputer._max_value[feature]))
        value = b.where(wanted[feature], b.cast(guess, dtype_of(value)), value)
    known = b.op("ReduceSum", b.cast(b.op("Not", mask), np.int64), keepdims=0)
    return b.where(b.op("Greater", known, b.constant(0, np.int64)), value, start)


def _held(b: Builder, guess: ir.Value, lowest: float, highest: float) -> ir.Value:
    return guess if np.isinf([lowest, highest]).all() else b.clip(guess, lowest, highest)
