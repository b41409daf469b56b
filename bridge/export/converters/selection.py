"""Feature selectors: every class with a support mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.utils._set_output import _get_output_config

from bridge.errors import UnsupportedError
from bridge.export.registry import Answer, convert, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
def convert_selector(b: Builder, selector: Any, x: Block) -> Mapping[str, Answer]:
    return {"transform": _selected(selector, x)}


@converts(RFE, RFECV)
def convert_recursive_elimination(b: Builder, selector: Any, x: Block) -> Mapping[str, Answer]:
    """Select, and for the other methods ask the estimator that was fitted on the selected columns."""
    selected = _selected(selector, x)
    return {**convert(b, selector.estimator_, selected), "transform": selected}


def _selected(selector: Any, x: Block) -> Block:
    support = np.flatnonzero(selector.get_support()).tolist()
    if not support:
        raise UnsupportedError(f"{type(selector).__name__} selects no column: nothing is left to compute")
    keeps_frame = _get_output_config("transform", estimator=selector)["dense"] != "default"
    return (x if keeps_frame else x.of_one_dtype()).select(support)
