"""Scalers, Normalizer and Binarizer, in the dtypes and the order of operations of scikit-learn 1.9."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import Binarizer, MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

from bridge.export.builder import dtype_of
from bridge.export.converters.text import normalized
from bridge.export.registry import Answer, converts
from bridge.export.terms import as_block

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(StandardScaler)
def convert_standard_scaler(b: Builder, scaler: Any, x: Block) -> Mapping[str, Answer]:
    """Subtract and divide in the dtype of the data, to which mean and scale are rounded first."""
    value = x.floats()
    if x.sparse:
        return _scaled(x, value if scaler.scale_ is None else _times_reciprocal(b, value, scaler.scale_))
    if scaler.with_mean:
        value = b.sub(value, b.like(scaler.mean_, value))
    if scaler.with_std:
        value = b.div(value, b.like(scaler.scale_, value))
    return _scaled(x, value)


@converts(MinMaxScaler)
def convert_min_max_scaler(b: Builder, scaler: Any, x: Block) -> Mapping[str, Answer]:
    value = b.in_place("Add", b.in_place("Mul", x.floats(), scaler.scale_), scaler.min_)
    return _scaled(x, b.clip(value, *scaler.feature_range) if scaler.clip else value)


@converts(MaxAbsScaler)
def convert_max_abs_scaler(b: Builder, scaler: Any, x: Block) -> Mapping[str, Answer]:
    value = x.floats()
    value = _times_reciprocal(b, value, scaler.scale_) if x.sparse else b.in_place("Div", value, scaler.scale_)
    return _scaled(x, b.clip(value, -1, 1) if scaler.clip else value)


@converts(RobustScaler)
def convert_robust_scaler(b: Builder, scaler: Any, x: Block) -> Mapping[str, Answer]:
    value = x.floats()
    if scaler.with_centering and not x.sparse:
        value = b.in_place("Sub", value, scaler.center_)
    if scaler.with_scaling:
        value = _times_reciprocal(b, value, scaler.scale_) if x.sparse else b.in_place("Div", value, scaler.scale_)
    return _scaled(x, value)


@converts(Normalizer)
def convert_normalizer(b: Builder, normalizer: Any, x: Block) -> Mapping[str, Answer]:
    value = x.floats()
    if value in b.terms:
        terms = b.terms[value]
        terms = replace(terms, values=normalized(b, terms.values, normalizer.norm))
        return {"transform": as_block(b, x, terms, sparse=x.sparse)}
    if normalizer.norm == "l2":
        norm = b.op("Sqrt", b.sum(b.mul(value, value), keepdims=True))
    elif normalizer.norm == "l1":
        norm = b.sum(b.op("Abs", value), keepdims=True)
    else:
        norm = b.row_max(b.op("Abs", value))
    # sklearn.preprocessing._data._handle_zeros_in_scale: a dense row shorter than 10 eps stays as it is.
    shortest = b.like(10 * np.finfo(dtype_of(value)).eps, norm)
    too_short = b.op("Equal", norm, b.like(0, norm)) if x.sparse else b.op("Less", norm, shortest)
    return _scaled(x, b.div(value, b.where(too_short, b.like(1, norm), norm)))


@converts(Binarizer)
def convert_binarizer(b: Builder, binarizer: Any, x: Block) -> Mapping[str, Answer]:
    value = x.matrix()
    floats = x.floats()
    return _scaled(x, b.cast(b.above(floats, binarizer.threshold), dtype_of(value)))


def _times_reciprocal(b: Builder, value: ir.Value, scale: NDArray[Any]) -> ir.Value:
    """Scale as `inplace_column_scale(X, 1 / scale)` does with the stored entries of a sparse matrix."""
    return b.in_place("Mul", value, 1.0 / np.asarray(scale))


def _scaled(x: Block, value: ir.Value) -> Mapping[str, Answer]:
    return {"transform": replace(x.of(value, x.width), sparse=x.sparse)}
