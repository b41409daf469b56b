"""Lower ai.onnx.ml LinearRegressor and LinearClassifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.labels import class_labels
from bridge.passes.lowering.post_transform import POST_TRANSFORMS, one_score, transform_scores, two_classes
from bridge.passes.lowering.values import (
    TENSOR_TARGETS,
    as_matrix,
    flat,
    if_above,
    known_width,
    largest_class,
    require_number,
    shaped,
)
from bridge.passes.rule import RuleTape, lowers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray


@lowers(ML_DOMAIN, "LinearRegressor", targets=TENSOR_TARGETS)
def lower_linear_regressor(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return float32 (rows, targets).

    Intercepts whose number is not `targets` are left out, and a lone target takes no post_transform but PROBIT: so
    does onnxruntime. Its kernel reads float32 alone; other inputs are cast to it.
    """
    x = as_matrix(tape, require_number(node), "the input of LinearRegressor")
    attributes = Attributes(node)
    transform = attributes.choice("post_transform", POST_TRANSFORMS, "NONE")
    targets = attributes.integer("targets", 1)
    given = attributes.floats("intercepts")
    intercepts = given if len(given) == targets else None
    scores = _scores(tape, x, attributes.floats("coefficients"), intercepts, targets)
    result = (one_score if targets == 1 else transform_scores)(tape, scores, transform)
    return [shaped(result, x, targets)]


@lowers(ML_DOMAIN, "LinearClassifier", targets=TENSOR_TARGETS)
def lower_linear_classifier(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return int64 labels (rows,) and float32 scores (rows, classes).

    There is one score an intercept. One score with two labels makes two columns; without labels it answers 1 or 0.
    """
    x = as_matrix(tape, require_number(node), "the input of LinearClassifier")
    attributes = Attributes(node)
    transform = attributes.choice("post_transform", POST_TRANSFORMS, "NONE")
    labels = class_labels(node, "classlabels_ints")
    intercepts = attributes.floats("intercepts")
    if not intercepts.size:
        raise DeclinedError("attribute 'intercepts' is empty; it tells how many scores there are")
    scores = _scores(tape, x, attributes.floats("coefficients"), intercepts, len(intercepts))
    if len(intercepts) > 1:
        if len(labels) != len(intercepts):
            raise DeclinedError(f"attribute 'classlabels_ints' has {len(labels)} entries for {len(intercepts)} scores")
        answers = transform_scores(tape, scores, transform)
        return [shaped(largest_class(tape, scores, labels), x), shaped(answers, x, len(labels))]
    if len(labels) not in {0, 2}:
        raise DeclinedError(f"attribute 'classlabels_ints' has {len(labels)} entries for one score, expected 2")
    negative, positive = labels if len(labels) else (0, 1)
    label = if_above(tape, scores, 0.0, yes=tape.constant(np.int64(positive)), no=tape.constant(np.int64(negative)))
    label = shaped(flat(tape, label), x)
    if len(labels):
        return [label, shaped(two_classes(tape, scores, transform, complement=True), x, 2)]
    return [label, shaped(one_score(tape, scores, transform), x, 1)]


def _scores(
    tape: RuleTape,
    x: ir.Value,
    coefficients: NDArray[np.float32],
    intercepts: NDArray[np.float32] | None,
    targets: int,
) -> ir.Value:
    """Return float32 x @ coefficients.T + intercepts, as one Gemm: the kernel that onnxruntime's own operators call."""
    width = known_width(x)
    if targets < 1 or not coefficients.size or len(coefficients) % targets:
        raise DeclinedError(f"attribute 'coefficients' has {len(coefficients)} entries for {targets} scores")
    if width is not None and width * targets != len(coefficients):
        raise DeclinedError(
            f"attribute 'coefficients' has {len(coefficients)} entries, expected {targets} x {width} columns"
        )
    x = tape.cast(x, np.float32)
    inputs = [x, tape.constant(coefficients.reshape(targets, -1))]
    if intercepts is not None:
        inputs.append(tape.constant(intercepts))
    return tape.op("Gemm", *inputs, transB=1, dtype=x.dtype)
