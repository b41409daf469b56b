"""Partial least squares: center, perhaps scale, then a matrix product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression

from bridge.export.converters.linear import linear_scores
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(CCA, PLSCanonical, PLSRegression)
def convert_pls(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    centered = b.in_place("Sub", x.floats(), model._x_mean)
    values = linear_scores(b, model.coef_, model.intercept_, centered)
    rotated = b.project(b.in_place("Div", centered, model._x_std), model.x_rotations_)
    return {
        "predict": b.flatten_column(values) if model._predict_1d else values,
        "transform": x.of(rotated, model.x_rotations_.shape[1]),
    }


@converts(PLSSVD)
def convert_pls_svd(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    scaled = b.combine("Div", b.combine("Sub", x.matrix(np.float64), model._x_mean), model._x_std)
    return {"transform": x.of(b.project(scaled, model.x_weights_), model.x_weights_.shape[1])}
