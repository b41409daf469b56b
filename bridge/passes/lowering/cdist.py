"""com.microsoft's CDist, which skl2onnx writes under the option `optim="cdist"`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.opset import MICROSOFT_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.distances import Distances, main_opset, require_matrix
from bridge.passes.rule import RuleTape, lowers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

POWERS = {"euclidean": 2.0, "sqeuclidean": 2.0, "manhattan": 1.0, "cityblock": 1.0}


@lowers(MICROSOFT_DOMAIN, "CDist")
def lower_cdist(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the distances from the differences of the rows.

    onnxruntime's kernel, which knows Euclidean and squared Euclidean distances alone, takes `|x|^2 + |y|^2 - 2 x.y` in
    the dtype of its inputs: its error is relative to the squares of the coordinates, the error here to the distance.
    """
    metric = Attributes(node).text("metric", "sqeuclidean")
    x, y = (require_matrix(v, f"input {i} of CDist") for i, v in enumerate(node.inputs))
    power = Attributes(node).number("p", 2.0) if metric == "minkowski" else POWERS.get(metric)
    if power is None:
        raise DeclinedError(f"attribute 'metric' is {metric!r}, expected one of {', '.join([*POWERS, 'minkowski'])}")
    sums = Distances(x, y, power, main_opset(node)).write_noted(tape)
    if metric == "euclidean" or (metric == "minkowski" and power == 2):
        return [tape.op("Sqrt", sums, dtype=x.dtype)]
    if metric == "minkowski" and power != 1:
        root = tape.constant([1 / power], np.dtype(x.dtype.numpy()) if x.dtype is not None else None)
        return [tape.op("Pow", sums, root, dtype=x.dtype)]
    return [sums]
