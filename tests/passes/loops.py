"""Models with the loop over rows that skl2onnx computes distances by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tests.passes.judge import element

if TYPE_CHECKING:
    from collections.abc import Sequence

SQUARED = (("Sub", "carried", "row"), ("ReduceSumSquare", "0"))
MANHATTAN = (("Sub", "carried", "row"), ("Abs", "0"), ("ReduceSum", "1"))
CUBED = (("Sub", "row", "carried"), ("Abs", "0"), ("Pow", "1", "three"), ("ReduceSum", "2"))


def distance_loop(
    known: np.ndarray,
    steps: Sequence[tuple[str, ...]] = SQUARED,
    *,
    after: Sequence[onnx.NodeProto] = (),
    constants: dict[str, np.ndarray] | None = None,
    outputs: dict[str, int] | None = None,
    opset: int = 13,
    known_is_input: bool = False,
    carried: str = "carried",
    **attributes: list[int],
) -> onnx.ModelProto:
    """Return a model of input X and output "distances", or what `after` makes of these.

    A step is an operator and its inputs: the loop's own, "three", or the number of an earlier step. `carried` is what
    the loop carries along to its next turn.
    """
    kind = element(known)
    nodes = [_step(i, step, opset) for i, step in enumerate(steps)]
    nodes += [
        helper.make_node("Identity", [carried], ["next"]),
        helper.make_node("Identity", [nodes[-1].output[0]], ["out"]),
    ]
    tables = {"axes": np.array([1]), "three": np.array([3], known.dtype)}
    body = helper.make_graph(
        nodes,
        "body",
        [
            helper.make_tensor_value_info("carried", kind, [None, None]),
            helper.make_tensor_value_info("row", kind, [None]),
        ],
        [helper.make_tensor_value_info("next", kind, [None, None]), helper.make_tensor_value_info("out", kind, [None])],
        [numpy_helper.from_array(array, name) for name, array in tables.items()],
    )
    loop = helper.make_node(
        "Scan", ["X", "known"], ["last", "by_row"], name="the_node", body=body, num_scan_inputs=1, **attributes
    )
    turned = helper.make_node("Transpose", ["by_row"], ["distances"], perm=[1, 0])
    inputs = [helper.make_tensor_value_info("X", kind, [None, known.shape[1]])]
    arrays = dict(constants or {})
    if known_is_input:
        inputs.append(helper.make_tensor_value_info("known", kind, [None, known.shape[1]]))
    else:
        arrays["known"] = known
    graph = helper.make_graph(
        [loop, turned, *after],
        "g",
        inputs,
        [helper.make_tensor_value_info(n, t, None) for n, t in (outputs or {"distances": kind}).items()],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def _step(number: int, step: tuple[str, ...], opset: int) -> onnx.NodeProto:
    op_type, *inputs = step
    if op_type == "ReduceSum" or (op_type.startswith("Reduce") and opset >= 18):
        return helper.make_node(op_type, [*inputs, "axes"], [str(number)], keepdims=0)
    attributes = {"axes": [1], "keepdims": 0} if op_type.startswith("Reduce") else {}
    return helper.make_node(op_type, inputs, [str(number)], **attributes)
