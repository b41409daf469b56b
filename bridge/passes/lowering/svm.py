"""Lower ai.onnx.ml SVMRegressor and SVMClassifier."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.opset import ML_DOMAIN
from bridge.passes.lowering.attributes import Attributes, check_same_length
from bridge.passes.lowering.labels import class_labels
from bridge.passes.lowering.post_transform import POST_TRANSFORMS, one_score, transform_scores, two_classes
from bridge.passes.lowering.svm_kernels import Kernel
from bridge.passes.lowering.svm_probability import LEAST, couple
from bridge.passes.lowering.values import (
    TENSOR_TARGETS,
    as_matrix,
    flat,
    if_above,
    known_width,
    largest_class,
    largest_of_row,
    less_or_equal,
    like,
    require_number,
    shaped,
    where,
)
from bridge.passes.rule import RuleTape, lowers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray


@lowers(ML_DOMAIN, "SVMRegressor", targets=TENSOR_TARGETS)
def lower_svm_regressor(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return float32 (rows, 1); with `one_class` 1 or -1. onnxruntime ignores its post_transform, and so does this."""
    x = as_matrix(tape, require_number(node), "the input of SVMRegressor")
    attributes = Attributes(node)
    coefficients, rho = attributes.finite_floats("coefficients"), attributes.finite_floats("rho")
    count = attributes.integer("n_supports", 0)
    _check_counts(rho, 1, coefficients, max(count, 1))
    if count > 0:
        similar = Kernel.of(node).between(tape, x, _vectors(attributes, count, x))
        weights = coefficients[:count]
    else:  # liblinear: the coefficients are the weights of the features
        _check_width(x, len(coefficients), "coefficients")
        similar, weights = tape.cast(x, np.float64), coefficients
    score = _weighted(tape, similar, weights[:, None].astype(np.float64), rho[:1])
    if attributes.integer("one_class", 0):
        score = if_above(tape, score, 0.0, yes=like(tape, [[1.0]], score), no=like(tape, [[-1.0]], score))
    return [shaped(score, x, 1)]


@lowers(ML_DOMAIN, "SVMClassifier", targets=TENSOR_TARGETS)
def lower_svm_classifier(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return int64 labels (rows,) and float32 scores.

    Without `vectors_per_class` (liblinear) there is a score a class, else one for each pair of classes, or with
    `prob_a` and `prob_b` a probability a class. Labels of pairs are by votes, whatever the probabilities are.
    """
    x = as_matrix(tape, require_number(node), "the input of SVMClassifier")
    attributes = Attributes(node)
    transform = attributes.choice("post_transform", POST_TRANSFORMS, "NONE")
    labels = class_labels(node, "classlabels_ints")
    if not labels.size:
        raise DeclinedError("attribute 'classlabels_ints' is empty")
    per_class = attributes.ints("vectors_per_class")
    if not per_class.sum():
        label, scores = _by_class(tape, node, x, labels, transform)
        return [shaped(label, x), shaped(scores, x, len(labels))]
    check_same_length({"vectors_per_class": len(per_class), "classlabels_ints": len(labels)})
    if per_class.min() < 0 or len(labels) < 2:
        raise DeclinedError(
            f"attribute 'vectors_per_class' is {per_class.tolist()}, expected counts of 2 or more classes"
        )
    pairs = _pair_scores(tape, node, x, per_class)
    label = largest_class(tape, _votes(tape, pairs, len(labels)), labels)
    a, b = attributes.finite_floats("prob_a"), attributes.finite_floats("prob_b")
    check_same_length({"prob_a": len(a), "prob_b": len(b)})
    if a.size:
        scores = transform_scores(tape, _probabilities(tape, pairs, a, b, len(labels)), transform)
    elif len(labels) == 2:
        scores = two_classes(tape, pairs, transform, complement=transform != "NONE")
    else:
        scores = transform_scores(tape, pairs, transform)
    width = len(labels) if a.size or len(labels) == 2 else len(labels) * (len(labels) - 1) // 2
    return [shaped(label, x), shaped(scores, x, width)]


def _by_class(
    tape: RuleTape, node: ir.Node, x: ir.Value, labels: NDArray[np.int64], transform: str
) -> tuple[ir.Value, ir.Value]:
    """Return labels and scores of the liblinear form.

    All classes get the first `rho`, where ONNX's text suggests one a class. Of two classes the second wins where the
    larger score is above 0 (0.5 where no coefficient is negative), whichever class that score is of.
    """
    attributes = Attributes(node)
    coefficients, rho = attributes.finite_floats("coefficients"), attributes.finite_floats("rho")
    classes = len(labels)
    _check_counts(rho, 1, coefficients, classes)
    _check_width(x, len(coefficients) // classes, "coefficients")
    weights = coefficients[: len(coefficients) // classes * classes].reshape(classes, -1).T.astype(np.float64)
    scores = _weighted(tape, tape.cast(x, np.float64), weights, np.repeat(rho[:1], classes))
    label = largest_class(tape, scores, labels)
    if classes == 2:
        largest = largest_of_row(tape, scores)
        kept = tape.op("Reshape", label, tape.constant([-1, 1], np.int64), dtype=label.dtype)
        second = tape.constant(labels[1:])
        if (coefficients >= 0).all():
            label = where(tape, less_or_equal(tape, like(tape, 0.5, scores), largest), second, kept)
        else:
            label = if_above(tape, largest, 0.0, yes=second, no=kept)
        label = flat(tape, label)
    return label, (one_score if classes == 1 else transform_scores)(tape, scores, transform)


def _vectors(attributes: Attributes, count: int, x: ir.Value) -> NDArray[np.float32]:
    vectors = attributes.finite_floats("support_vectors")
    if not vectors.size or len(vectors) % count:
        raise DeclinedError(f"attribute 'support_vectors' has {len(vectors)} entries for {count} vectors")
    _check_width(x, len(vectors) // count, "support_vectors")
    return vectors.reshape(count, -1)


def _check_width(x: ir.Value, expected: int, name: str) -> None:
    width = known_width(x)
    if width is not None and width != expected:
        raise DeclinedError(f"attribute '{name}' is for {expected} features, but the input has {width} columns")


def _check_counts(rho: NDArray[np.float32], rhos: int, coefficients: NDArray[np.float32], least: int) -> None:
    if len(rho) < rhos:
        raise DeclinedError(f"attribute 'rho' has {len(rho)} entries, expected {rhos}")
    if len(coefficients) < least:
        raise DeclinedError(f"attribute 'coefficients' has {len(coefficients)} entries, expected at least {least}")


def _weighted(tape: RuleTape, similar: ir.Value, weights: NDArray[np.float64], rho: NDArray[np.float32]) -> ir.Value:
    """Return float32 similar @ weights + rho, summed in float64."""
    total = tape.op("MatMul", similar, tape.constant(weights), dtype=similar.dtype)
    return tape.cast(tape.op("Add", total, like(tape, rho, total), dtype=total.dtype), np.float32)


def _pair_scores(tape: RuleTape, node: ir.Node, x: ir.Value, per_class: NDArray[np.int64]) -> ir.Value:
    """Return float32 (rows, pairs): above 0 where the first class of the pair wins."""
    attributes = Attributes(node)
    classes, count = len(per_class), int(per_class.sum())
    rho, flat_coefficients = attributes.finite_floats("rho"), attributes.finite_floats("coefficients")
    n_pairs = classes * (classes - 1) // 2
    _check_counts(rho, n_pairs, flat_coefficients, (classes - 1) * count)
    coefficients = flat_coefficients[: (classes - 1) * count].reshape(classes - 1, count)
    owner = np.repeat(np.arange(classes), per_class)
    weights = np.zeros((count, n_pairs))
    for k, (i, j) in enumerate(combinations(range(classes), 2)):
        weights[owner == i, k] = coefficients[j - 1, owner == i]
        weights[owner == j, k] = coefficients[i, owner == j]
    similar = Kernel.of(node).between(tape, x, _vectors(attributes, count, x))
    return _weighted(tape, similar, weights, rho[:n_pairs])


def _votes(tape: RuleTape, pairs: ir.Value, classes: int) -> ir.Value:
    """Return float32 (rows, classes): how many pairs each class wins."""
    both = list(combinations(range(classes), 2))
    if_first, if_second = np.zeros((len(both), classes), np.float32), np.zeros((len(both), classes), np.float32)
    for k, (i, j) in enumerate(both):
        if_first[k, i] = if_second[k, j] = 1
    first = if_above(tape, pairs, 0.0, yes=tape.constant(np.float32(1)), no=tape.constant(np.float32(0)))
    moved = tape.op("MatMul", first, tape.constant(if_first - if_second), dtype=first.dtype)
    return tape.op("Add", moved, tape.constant(if_second.sum(axis=0)), dtype=first.dtype)


def _probabilities(
    tape: RuleTape, pairs: ir.Value, a: NDArray[np.float32], b: NDArray[np.float32], classes: int
) -> ir.Value:
    n_pairs = classes * (classes - 1) // 2
    if len(a) < n_pairs:
        raise DeclinedError(f"attribute 'prob_a' has {len(a)} entries, expected {n_pairs}")
    slope = tape.op("Mul", pairs, like(tape, a[:n_pairs], pairs), dtype=pairs.dtype)
    score = tape.op("Add", slope, like(tape, b[:n_pairs], pairs), dtype=pairs.dtype)
    wins = tape.op("Sub", like(tape, 1, pairs), tape.op("Sigmoid", score, dtype=pairs.dtype), dtype=pairs.dtype)
    wins = tape.op("Max", wins, like(tape, LEAST, pairs), dtype=pairs.dtype)
    most = like(tape, np.float32(1) - np.float32(LEAST), pairs)
    return couple(tape, where(tape, less_or_equal(tape, most, wins), most, wins), classes)
