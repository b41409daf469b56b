"""PowerTransformer: Yeo-Johnson and Box-Cox, and the StandardScaler inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import PowerTransformer

from bridge.export.builder import dtype_of
from bridge.export.converters.elementary import expm1, log1p
from bridge.export.registry import Answer, converts, transform

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder

HIGHEST_POWER = 7
"""(3.4e38) ** 7 is 5e269."""


@converts(PowerTransformer)
def convert_power_transformer(b: Builder, transformer: Any, x: Block) -> Mapping[str, Answer]:
    value = x.floats()
    lambdas = np.asarray(transformer.lambdas_)
    if transformer.method == "box-cox":
        too_small = b.op("LessOrEqual", value, b.like(0, value))
        b.refuse(too_small, "PowerTransformer(method='box-cox') takes numbers above 0")
    power = _box_cox if transformer.method == "box-cox" else _yeo_johnson
    transformed = power(b, value, lambdas)
    if _may_overflow(transformer.method, lambdas):
        b.may_break(transformed)
    block = x.of(transformed, x.width)
    return {"transform": transform(b, transformer._scaler, block) if transformer.standardize else block}


def _may_overflow(method: str, lambdas: NDArray[np.float64]) -> bool:
    """Return whether numbers that float32 has could go beyond float64, or those near 0 in Box-Cox."""
    lowest = 0 if method == "box-cox" else 2 - HIGHEST_POWER
    return bool((lambdas < lowest).any() or (lambdas > HIGHEST_POWER).any())


def _yeo_johnson(b: Builder, x: ir.Value, lambdas: NDArray[np.float64]) -> ir.Value:
    """Return scipy.stats.yeojohnson: both branches are (exp(p * log1p(|x|)) - 1) / p, with p = lambda or 2 - lambda."""
    not_negative = b.op("GreaterOrEqual", x, b.like(0, x))
    eps = np.finfo(np.result_type(dtype_of(x), lambdas.dtype)).eps
    plain = np.abs(lambdas) < eps, np.abs(lambdas - 2) <= eps
    powers = [np.where(flat, 1.0, p) for p, flat in zip((lambdas, 2 - lambdas), plain, strict=True)]
    wide = np.result_type(dtype_of(x), lambdas.dtype)
    log = b.cast(log1p(b, b.op("Abs", x)), wide)
    power = b.where(not_negative, *[b.constant(p.reshape(1, -1), wide) for p in powers])
    result = b.div(expm1(b, b.mul(power, log)), power)
    if np.any(plain):
        is_plain = b.where(not_negative, *[b.constant(flat.reshape(1, -1), np.int64) for flat in plain])
        result = b.where(b.op("Equal", is_plain, b.constant(1, np.int64)), log, result)
    return b.cast(b.where(not_negative, result, b.op("Neg", result)), dtype_of(x))


def _box_cox(b: Builder, x: ir.Value, lambdas: NDArray[np.float64]) -> ir.Value:
    """Return scipy.special.boxcox: log(x) where |lambda| < 1e-19, else (exp(lambda * log(x)) - 1) / lambda."""
    wide = np.result_type(dtype_of(x), lambdas.dtype)
    plain = np.abs(lambdas) < 1e-19
    power = b.constant(np.where(plain, 1.0, lambdas).reshape(1, -1), wide)
    log = b.op("Log", b.cast(x, wide))
    result = b.div(expm1(b, b.mul(power, log)), power)
    if plain.any():
        result = b.where(b.constant(plain.reshape(1, -1)), log, result)
    return b.cast(result, dtype_of(x))
