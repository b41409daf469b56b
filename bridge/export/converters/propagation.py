"""Labels that spread over the rows: LabelPropagation and LabelSpreading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from bridge.errors import UnsupportedError
from bridge.export.builder import dtype_of
from bridge.export.converters.metrics import Metric
from bridge.export.converters.neighbour_search import search_of
from bridge.export.dense import to_dense
from bridge.export.registry import Answer, Labels, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(LabelPropagation, LabelSpreading)
def convert_label_propagation(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Mix the label distributions of the fitted rows by their kernel, or of the nearest of them alike."""
    if callable(model.kernel):
        raise UnsupportedError(
            f"{type(model).__name__} with a kernel that is a function cannot be exported: it is the user's code.\n"
            "Use kernel='rbf' or kernel='knn'."
        )
    spread = model.label_distributions_
    if model.kernel == "knn":
        search = search_of(model.nn_fit, x, with_distances=False)
        _, place = search.nearest(b, x, model.nn_fit.n_neighbors)
        scores = b.sum(b.op("Gather", b.constant(spread[search.order]), place, axis=0))
    else:
        points = to_dense(model.X_)
        squares = Metric("sqeuclidean", {}).reduced(b, x.matrix(np.float64), points.astype(np.float64))
        # Of float32 rows scikit-learn keeps the kernel in float32.
        squares = b.cast(squares, np.result_type(x.float_dtype, points.dtype))
        scores = b.project(_kernel(b, b.mul(squares, b.like(float(model.gamma), squares))), spread)
    shares = b.div(scores, b.sum(scores, keepdims=True))
    return {"predict": Labels(b.argmax(shares), model.classes_), "predict_proba": shares}


def _kernel(b: Builder, exponents: ir.Value) -> ir.Value:
    """Return exp(-exponents), of each row in a unit of its own: the largest is 1, and float32 has room for it.

    Beyond 700, or 80 in float32, scikit-learn's numbers lose their digits and then vanish, so that it divides 0 by 0:
    there the unit is 1.
    """
    most = 700 if dtype_of(exponents) == np.float64 else 80
    nearest = b.op("Neg", b.row_max(b.op("Neg", exponents)))
    unit = b.where(b.op("Less", nearest, b.like(most, nearest)), nearest, b.like(0, nearest))
    return b.op("Exp", b.sub(unit, exponents))
