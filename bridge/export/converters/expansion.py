"""Transformers that make several columns of one: PolynomialFeatures and KBinsDiscretizer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import KBinsDiscretizer, PolynomialFeatures

from bridge.errors import UnsupportedError
from bridge.export.builder import dtype_of
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(PolynomialFeatures)
def convert_polynomial_features(b: Builder, features: Any, x: Block) -> Mapping[str, Answer]:
    value = x.floats()
    terms = []
    if features.include_bias:
        terms.append(b.repeat_row(np.ones(1, dtype_of(value)), value))
    if features._min_degree <= 1 <= features._max_degree:
        terms.append(value)
    product = value
    for degree, (shorter, factor) in enumerate(_products(x.width, features), start=2):
        if not shorter:
            break
        product = b.mul(b.take_columns(product, shorter), b.take_columns(value, factor))
        if degree >= features._min_degree:
            terms.append(product)
    if not terms:
        raise UnsupportedError("PolynomialFeatures makes no columns: raise the degree or set include_bias=True")
    return {"transform": replace(x.of(b.concat(terms), features.n_output_features_), sparse=x.sparse)}


def _products(width: int, features: Any) -> Iterator[tuple[list[int], list[int]]]:
    """Yield for degree 2, 3, ... which term of one degree less each term takes, and which column it is multiplied by.

    The order of `PolynomialFeatures.transform`: column after column, each with the terms that start at it or behind it.
    """
    starts = [*range(width), width]
    for _ in range(2, features._max_degree + 1):
        shorter: list[int] = []
        factor: list[int] = []
        new_starts = []
        for column in range(width):
            start = starts[column]
            new_starts.append(len(shorter))
            if features.interaction_only:
                start += starts[column + 1] - starts[column]
            if start >= starts[-1]:
                break
            shorter += range(start, starts[-1])
            factor += [column] * (starts[-1] - start)
        new_starts.append(len(shorter))
        starts = new_starts
        yield shorter, factor


@converts(KBinsDiscretizer)
def convert_k_bins_discretizer(b: Builder, discretizer: Any, x: Block) -> Mapping[str, Answer]:
    """Count the inner edges that a value reaches (`numpy.searchsorted(side="right")`), in the edges' dtype."""
    dtype = np.dtype(discretizer.dtype) if discretizer.dtype is not None else x.float_dtype
    inner = [edges[1:-1] for edges in discretizer.bin_edges_]
    widest = max(1, *[len(edges) for edges in inner])
    # No value reaches NaN, so it fills up the shorter rows.
    edges = np.array([np.pad(e, (0, widest - len(e)), constant_values=np.nan) for e in inner])[np.newaxis]
    value = b.op("Unsqueeze", b.cast(x.matrix(dtype), np.result_type(dtype, edges.dtype)), b.constant([2], np.int64))
    reached = b.op("GreaterOrEqual", value, b.constant(edges))
    if discretizer.encode == "ordinal":
        return {"transform": x.of(b.sum(b.cast(reached, dtype), axis=2), x.width)}
    bins = b.sum(b.cast(reached, np.int64), axis=2)
    numbers = [np.arange(n) for n in discretizer.n_bins_]
    owners = np.repeat(np.arange(x.width), discretizer.n_bins_)
    hot = b.op("Equal", b.take_columns(bins, owners), b.constant(np.concatenate(numbers)[np.newaxis], np.int64))
    return {"transform": replace(x.of(b.cast(hot, dtype), len(owners)), sparse=discretizer.encode == "onehot")}
