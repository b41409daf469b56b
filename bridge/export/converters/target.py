"""TransformedTargetRegressor, and the way back through the transformers that it may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.preprocessing._data import BOUNDS_THRESHOLD

from bridge.errors import UnsupportedError
from bridge.export.builder import dtype_of
from bridge.export.converters.delegates import ask
from bridge.export.converters.elementary import log1p
from bridge.export.converters.error_function import error_function
from bridge.export.converters.function_transformer import apply_function
from bridge.export.converters.interpolation import interpolate
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

    Inverse = Callable[[Builder, Any, ir.Value], ir.Value]


@converts(TransformedTargetRegressor)
def convert_transformed_target(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    predicted = ask(b, model.regressor_, x, "predict")
    outputs = model.transformer_.n_features_in_
    restored = inverse(b, model.transformer_, b.reshape(predicted, [-1, outputs]))
    return {"predict": b.flatten_column(restored) if model._training_dim == 1 else restored}


def inverse(b: Builder, transformer: Any, value: ir.Value) -> ir.Value:
    """Return `transformer.inverse_transform(value)`; raises `UnsupportedError` where bridge does not know the way."""
    undo = _INVERSES.get(type(transformer))
    if undo is None:
        raise UnsupportedError(
            f"{type(transformer).__name__}.inverse_transform cannot be exported.\n"
            f"Use one of {', '.join(cls.__name__ for cls in _INVERSES)}, or func and inverse_func."
        )
    return undo(b, transformer, value)


def _undo_function(b: Builder, transformer: Any, value: ir.Value) -> ir.Value:
    func = transformer.inverse_func
    return value if func is None else apply_function(b, func, value, transformer.inv_kw_args)


def _undo_pipeline(b: Builder, pipeline: Any, value: ir.Value) -> ir.Value:
    for _, step in reversed(pipeline.steps):
        if step is not None and step != "passthrough":
            value = inverse(b, step, value)
    return value


def _undo_standard(b: Builder, scaler: Any, value: ir.Value) -> ir.Value:
    if scaler.with_std:
        value = b.mul(value, b.like(scaler.scale_, value))
    return b.add(value, b.like(scaler.mean_, value)) if scaler.with_mean else value


def _undo_min_max(b: Builder, scaler: Any, value: ir.Value) -> ir.Value:
    return b.in_place("Div", b.in_place("Sub", value, scaler.min_), scaler.scale_)


def _undo_max_abs(b: Builder, scaler: Any, value: ir.Value) -> ir.Value:
    return b.in_place("Mul", value, scaler.scale_)


def _undo_robust(b: Builder, scaler: Any, value: ir.Value) -> ir.Value:
    if scaler.with_scaling:
        value = b.in_place("Mul", value, scaler.scale_)
    return b.in_place("Add", value, scaler.center_) if scaler.with_centering else value


def _undo_power(b: Builder, transformer: Any, value: ir.Value) -> ir.Value:
    if transformer.standardize:
        value = _undo_standard(b, transformer._scaler, value)
    lambdas = np.asarray(transformer.lambdas_).reshape(1, -1)
    undo = _undo_box_cox if transformer.method == "box-cox" else _undo_yeo_johnson
    return b.cast(undo(b, b.cast(value, np.float64), lambdas), dtype_of(value))


def _undo_box_cox(b: Builder, y: ir.Value, lambdas: NDArray[np.float64]) -> ir.Value:
    """Return exp(log1p(lambda * y) / lambda), and exp(y) for lambda 0."""
    plain = lambdas == 0
    power = b.constant(np.where(plain, 1.0, lambdas))
    exponent = b.div(log1p(b, b.mul(power, y)), power)
    return b.op("Exp", b.where(b.constant(plain), y, exponent) if plain.any() else exponent)


def _undo_yeo_johnson(b: Builder, y: ir.Value, lambdas: NDArray[np.float64]) -> ir.Value:
    """Return (p * |y| + 1) ** (1 / p) - 1 with the sign of y, p = lambda or 2 - lambda; exp(|y|) - 1 where p is 0."""
    not_negative = b.op("GreaterOrEqual", y, b.like(0, y))
    size = b.op("Abs", y)
    results = []
    for powers in (lambdas, 2 - lambdas):
        plain = np.abs(powers) < np.spacing(1.0)
        power = np.where(plain, 1.0, powers)
        base = b.add(b.mul(size, b.constant(power)), b.like(1, y))
        grown = b.op("Pow", base, b.constant(1 / power))
        if plain.any():
            grown = b.where(b.constant(plain), b.op("Exp", size), grown)
        results.append(b.sub(grown, b.like(1, y)))
    return b.where(not_negative, results[0], b.op("Neg", results[1]))


def _undo_quantiles(b: Builder, transformer: Any, value: ir.Value) -> ir.Value:
    """Interpolate between the quantiles, from the share that the normal distribution has below the value."""
    columns = []
    for i, points in enumerate(np.asarray(transformer.quantiles_, np.float64).T):
        share = b.cast(b.take_columns(value, [i]), np.float64)
        if transformer.output_distribution == "normal":
            half = b.mul(error_function(b, b.mul(share, b.constant(np.sqrt(0.5)))), b.constant(0.5))
            share = b.add(half, b.constant(0.5))
            # scikit-learn takes what is as near to an end for the end.
            share = b.where(b.op("Less", share, b.constant(BOUNDS_THRESHOLD)), b.constant(0.0), share)
            share = b.where(b.op("Greater", share, b.constant(1 - BOUNDS_THRESHOLD)), b.constant(1.0), share)
        columns.append(interpolate(b, share, np.asarray(transformer.references_, np.float64), points))
    return b.cast(b.concat(columns), dtype_of(value))


_INVERSES: dict[type, Inverse] = {
    FunctionTransformer: _undo_function,
    MaxAbsScaler: _undo_max_abs,
    MinMaxScaler: _undo_min_max,
    Pipeline: _undo_pipeline,
    PowerTransformer: _undo_power,
    QuantileTransformer: _undo_quantiles,
    RobustScaler: _undo_robust,
    StandardScaler: _undo_standard,
}
