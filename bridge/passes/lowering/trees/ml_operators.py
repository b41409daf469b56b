"""Lower ai.onnx.ml TreeEnsembleRegressor, TreeEnsembleClassifier and TreeEnsemble."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.labels import class_labels
from bridge.passes.lowering.post_transform import POST_TRANSFORMS, one_score, transform_scores
from bridge.passes.lowering.trees.aggregate import AGGREGATES, aggregate
from bridge.passes.lowering.trees.check_table import SCORES, check_scores, sum_dtype
from bridge.passes.lowering.trees.classify import ClassScores, classify
from bridge.passes.lowering.trees.node_table import (
    NodeTable,
    floats_or_tensor,
    read_lists,
    read_tree_ensemble,
)
from bridge.passes.lowering.trees.presence import find_presence, with_counts
from bridge.passes.lowering.values import TENSOR_TARGETS, as_matrix, require_number, shaped
from bridge.passes.packed_lists import LEAF
from bridge.passes.rule import RuleTape, lowers, require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

V5_TRANSFORMS = POST_TRANSFORMS
"""What the numbers 0 to 4 of TreeEnsemble mean to onnxruntime 1.31.1; to ONNX's text 1 is SOFTMAX and 2 LOGISTIC."""


@lowers(ML_DOMAIN, "TreeEnsembleRegressor", targets=TENSOR_TARGETS)
def lower_tree_ensemble_regressor(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return float32 (rows, targets). A lone target takes no post_transform but PROBIT, as in onnxruntime."""
    x = as_matrix(tape, require_number(node), "the input of TreeEnsembleRegressor")
    attributes = Attributes(node)
    dtype = sum_dtype(x)
    targets = attributes.integer("n_targets", 0)
    table = _checked(read_lists(node, "target", dtype), targets, node.op_type)
    transform = attributes.choice("post_transform", POST_TRANSFORMS, "NONE")
    function = attributes.choice("aggregate_function", AGGREGATES, "SUM")
    base = floats_or_tensor(node, "base_values", dtype)
    if len(base) not in {0, targets}:
        raise DeclinedError(f"attribute 'base_values' has {len(base)} entries for {targets} targets")
    scores = tape.cast(_scores(tape, table, x, targets, function, base=base), np.float32)
    result = (one_score if targets == 1 else transform_scores)(tape, scores, transform)
    return [shaped(result, x, targets)]


@lowers(ML_DOMAIN, "TreeEnsemble", targets=TENSOR_TARGETS)
def lower_tree_ensemble(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return (rows, targets) in the dtype of the input; float16 and post_transforms compute in float32.

    onnxruntime has no kernel for float16.
    """
    x = as_matrix(tape, require_number(node), "the input of TreeEnsemble")
    attributes = Attributes(node)
    dtype = require_dtype(x, "the input of TreeEnsemble")
    if not np.issubdtype(dtype, np.floating):
        raise DeclinedError(f"the input of TreeEnsemble is {dtype}, expected a floating-point number")
    x = tape.cast(x, np.float32) if dtype == np.float16 else x
    targets = attributes.integer("n_targets", 0)
    table = _checked(read_tree_ensemble(node, dtype), targets, node.op_type)
    function, transform = attributes.integer("aggregate_function", 1), attributes.integer("post_transform", 0)
    if not 0 <= function < len(AGGREGATES) or not 0 <= transform < len(V5_TRANSFORMS):
        raise DeclinedError(f"attribute 'aggregate_function' is {function} and 'post_transform' {transform}")
    scores = _scores(tape, table, x, targets, AGGREGATES[function])
    if transform:
        apply = one_score if targets == 1 else transform_scores
        scores = apply(tape, tape.cast(scores, np.float32), V5_TRANSFORMS[transform])
    return [shaped(tape.cast(scores, dtype), x, targets)]


@lowers(ML_DOMAIN, "TreeEnsembleClassifier", targets=TENSOR_TARGETS)
def lower_tree_ensemble_classifier(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return int64 labels (rows,) and float32 scores (rows, classes)."""
    x = as_matrix(tape, require_number(node), "the input of TreeEnsembleClassifier")
    transform = Attributes(node).choice("post_transform", POST_TRANSFORMS, "NONE")
    labels = class_labels(node, "classlabels_int64s")
    dtype = sum_dtype(x)
    table = _checked(read_lists(node, "class", dtype), len(labels), node.op_type)
    base = floats_or_tensor(node, "base_values", dtype)
    presence = find_presence(table, len(labels))
    counting = with_counts(table, len(labels), presence.sometimes)
    given = ClassScores(
        scores=_scores(tape, counting, x, len(labels) + len(presence.sometimes), "SUM"),
        n_classes=len(labels),
        presence=dict.fromkeys(presence.always, True) | dict.fromkeys(presence.never, False),
        counts={k: len(labels) + i for i, k in enumerate(presence.sometimes)},
        one_class_scored=bool(np.ptp(table.score_target) == 0),
        all_positive=not (table.score_weight < 0).any(),
    )
    label, answers = classify(tape, given, labels, base, transform)
    return [shaped(label, x), shaped(answers, x, len(labels))]


def _scores(
    tape: RuleTape,
    table: NodeTable,
    x: ir.Value,
    targets: int,
    function: str,
    *,
    base: NDArray[Any] | None = None,
) -> ir.Value:
    """Return the aggregated leaf scores (rows, targets), plus base values, in the dtype that onnxruntime uses.

    Sums are taken in float64 and rounded once, where onnxruntime adds float32 numbers one after another (in an order
    that depends on its threads): they differ by rounding, at most trees x 2**-24 of the sum of magnitudes.
    """
    dtype = sum_dtype(x)
    base = base if base is not None and base.size else np.zeros(targets)
    return aggregate(tape, table, x, function, base.astype(np.float64), dtype=dtype)


def _checked(table: NodeTable, targets: int, op_type: str) -> NodeTable:
    """Return the table with one score a leaf if there is one target; decline scores of targets that do not exist.

    For one target onnxruntime reads one number a leaf: its first score, or without one its entry of `nodes_values`.
    """
    check_scores(table, targets, op_type)
    if targets == 1:
        weight = table.value.copy()
        weight[table.score_leaf[::-1]] = table.score_weight[::-1]
        leaves = np.flatnonzero(table.mode == LEAF)
        table = replace(table, score_leaf=leaves, score_target=np.zeros_like(leaves), score_weight=weight[leaves])
    if not np.isfinite(table.score_weight).all():
        raise DeclinedError(f"attribute '{SCORES[op_type].weights}' has a weight that is not finite")
    return table
