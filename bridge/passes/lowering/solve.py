"""com.microsoft's Solve, which skl2onnx writes for Gaussian process classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.opset import MICROSOFT_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.distances import require_matrix
from bridge.passes.rule import RuleTape, lowers, require_constant, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir


@lowers(MICROSOFT_DOMAIN, "Solve")
def lower_solve(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return `inverse(a) @ b`, the inverse and the product in float64.

    onnxruntime has no kernel of this name: a file with it opens nowhere. skl2onnx means `scipy.linalg.solve(a, b,
    transposed=...)`, which takes no notice of `lower` for a general matrix.
    """
    right = require_matrix(node.inputs[1], "the right side of Solve")
    matrix = require_constant(node.inputs[0], "the matrix of Solve, which must be inverted beforehand,")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise DeclinedError("the matrix of Solve is not square, or not finite")
    try:
        inverse = np.linalg.inv(matrix.astype(np.float64))
    except np.linalg.LinAlgError as error:
        raise DeclinedError("the matrix of Solve is singular") from error
    if Attributes(node).integer("transposed", 0):
        inverse = inverse.T
    wide = tape.cast(right, np.float64)
    solved = tape.op("MatMul", tape.constant(inverse), wide, dtype=wide.dtype)
    return [tape.cast(solved, require_dtype(right, "the right side of Solve"))]
