"""Estimators that are made of others: pipelines, column transformers, unions, searches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.semi_supervised import SelfTrainingClassifier

from bridge.errors import UnsupportedError
from bridge.export.block import Block, side_by_side
from bridge.export.builder import dtype_of
from bridge.export.registry import Answer, convert, converts, transform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.export.builder import Builder


@converts(Pipeline)
def convert_pipeline(b: Builder, pipeline: Any, x: Block) -> Mapping[str, Answer]:
    steps = [(name, step) for name, step in pipeline.steps if step is not None and step != "passthrough"]
    if not steps:
        return {"transform": x}
    for name, step in steps[:-1]:
        x = _named(name, transform, b, step, x)
    last_name, last = steps[-1]
    if pipeline.steps[-1][1] is not last:  # a passthrough at the end leaves only transform
        return {"transform": _named(last_name, transform, b, last, x)}
    answers: Mapping[str, Answer] = _named(last_name, convert, b, last, x)
    return answers


@converts(ColumnTransformer)
def convert_column_transformer(b: Builder, estimator: Any, x: Block) -> Mapping[str, Answer]:
    blocks = []
    # The fitted order, not that of `transformers`: the remainder comes last, and columns are resolved to positions.
    for name, transformer, columns in estimator.transformers_:
        chosen = x.select(_positions(estimator, name, columns, x))
        if transformer == "drop" or not chosen.parts:
            continue
        weight = (estimator.transformer_weights or {}).get(name)
        block = chosen if transformer == "passthrough" else _named(name, transform, b, transformer, chosen)
        blocks.append(block if weight is None else _scaled(b, block, weight))
    if not blocks:
        raise UnsupportedError("the ColumnTransformer drops every column: nothing is left to compute")
    return {"transform": replace(side_by_side(blocks), sparse=estimator.sparse_output_)}


@converts(FeatureUnion)
def convert_feature_union(b: Builder, union: Any, x: Block) -> Mapping[str, Answer]:
    blocks = []
    for name, transformer in union.transformer_list:
        if transformer == "drop":
            continue
        block = x if transformer == "passthrough" else _named(name, transform, b, transformer, x)
        weight = (union.transformer_weights or {}).get(name)
        blocks.append(block if weight is None else _scaled(b, block, weight))
    return {"transform": replace(side_by_side(blocks), sparse=any(block.sparse for block in blocks))}


@converts(
    GridSearchCV,
    RandomizedSearchCV,
    "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",  # experimental: its import is a switch
    "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
)
def convert_search(b: Builder, search: Any, x: Block) -> Mapping[str, Answer]:
    return convert(b, search.best_estimator_, x)


@converts(SelfTrainingClassifier)
def convert_self_training(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return convert(b, model.estimator_, x)


def _positions(estimator: Any, name: str, columns: Any, x: Block) -> list[int]:
    """Return the positions that a ColumnTransformer resolved `columns` to when it was fitted."""
    indices = estimator._transformer_to_input_indices.get(name)
    if indices is not None:
        return [int(i) for i in indices]
    return [int(i) for i in np.arange(x.width)[columns]]


def _scaled(b: Builder, block: Block, weight: float) -> Block:
    value = block.matrix()
    scaled = b.combine("Mul", value, np.asarray(weight, dtype_of(value)))
    return replace(block.of(scaled, block.width), sparse=block.sparse)


def _named(name: str, call: Any, b: Builder, step: Any, x: Block) -> Any:
    """Call a converter; an error says in which step of the pipeline it happened."""
    try:
        return call(b, step, x)
    except UnsupportedError as error:
        raise UnsupportedError(f"step {name!r} ({type(step).__name__}): {error}") from error
