"""Covariance estimators and EllipticEnvelope: the squared Mahalanobis distance to a fitted location."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.covariance import (
    OAS,
    EllipticEnvelope,
    EmpiricalCovariance,
    GraphicalLasso,
    GraphicalLassoCV,
    LedoitWolf,
    MinCovDet,
    ShrunkCovariance,
)

from bridge.export.converters.distances import quadratic_form
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(EmpiricalCovariance, GraphicalLasso, GraphicalLassoCV, LedoitWolf, MinCovDet, OAS, ShrunkCovariance)
def convert_covariance(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return {"mahalanobis": _squared_distance(b, model, x)}


@converts(EllipticEnvelope)
def convert_elliptic_envelope(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    squares = _squared_distance(b, model, x)
    scores = b.op("Neg", squares)
    decision = b.combine("Sub", scores, np.asarray(model.offset_))
    inside = b.op("GreaterOrEqual", decision, b.like(0, decision))
    return {
        "predict": b.where(inside, b.constant(1, np.int64), b.constant(-1, np.int64)),
        "decision_function": decision,
        "score_samples": scores,
        "mahalanobis": squares,
    }


def _squared_distance(b: Builder, model: Any, x: Block) -> ir.Value:
    """Return (rows,), d @ precision @ d for d = x - location, in float64 as SciPy's `cdist` has it.

    NaN where a precision that is not positive makes it negative: scikit-learn takes the root, and squares it.
    """
    apart = b.combine("Sub", x.matrix(np.float64), np.asarray(model.location_, np.float64).reshape(1, -1))
    distance = b.op("Sqrt", quadratic_form(b, apart, np.asarray(model.get_precision(), np.float64)))
    return b.mul(distance, distance)
