"""ONNX's own reference evaluator, with an operator of it that goes wrong put right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray
    from onnx.reference import ReferenceEvaluator


def make_reference(model: onnx.ModelProto) -> ReferenceEvaluator:
    """Return an evaluator of `model` that needs no runtime: exact, and milliseconds a row."""
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    class GatherElements(OpRun):
        """The evaluator's own (onnx 1.23) relies on numpy.choose, and fails where the axis has 64 entries or more."""

        def _run(self, data: NDArray[Any], indices: NDArray[Any], axis: int = 0) -> tuple[NDArray[Any]]:
            return (np.take_along_axis(data, indices.astype(np.int64), axis=axis),)

    class Evaluator(ReferenceEvaluator):
        """Evaluates the functions of a model too with the operator above: the evaluator's own does not hand it on."""

        def __init__(self, proto: Any, **options: Any) -> None:
            super().__init__(proto, **{"new_ops": [GatherElements], **options})

    return Evaluator(model)
