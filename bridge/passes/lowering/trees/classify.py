"""From the class scores of trees to labels and probabilities, case by case as onnxruntime 1.31.1 does it.

ONNX's text says little of two classes. What stands here was read off the kernel: with two class labels it depends on
which classes the leaves score at all, on whether a weight is negative, and on how many base values there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.lowering.post_transform import one_score, transform_scores, two_classes
from bridge.passes.lowering.values import (
    column_of,
    columns,
    flat,
    if_above,
    largest_class,
    less_or_equal,
    like,
    where,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.passes.rule import RuleTape


@dataclass(frozen=True)
class ClassScores:
    """The sums of the leaves' scores, and what is known of which classes they score.

    Attributes
    ----------
    scores
        (rows, classes and counts), without base values.
    n_classes
        The number of class labels.
    presence
        For the classes where it is the same for all rows: whether a row gets a score of it.
    counts
        For all other classes: the column of `scores` that is above 0 where a row got a score of it.
    one_class_scored
        Whether the leaves score one class only.
    all_positive
        Whether no leaf's weight is negative.
    """

    scores: ir.Value
    n_classes: int
    presence: Mapping[int, bool]
    counts: Mapping[int, int]
    one_class_scored: bool
    all_positive: bool

    def absent(self, tape: RuleTape, index: int) -> ir.Value:
        """Return bool (rows, 1): whether a row got no score of a class in `counts`."""
        count = column_of(tape, self.scores, self.counts[index])
        return less_or_equal(tape, count, like(tape, 0.5, count))


def classify(
    tape: RuleTape, given: ClassScores, labels: NDArray[np.int64], base: NDArray[np.float64], transform: str
) -> tuple[ir.Value, ir.Value]:
    """Return int64 labels (rows,) and float32 scores (rows, classes)."""
    if given.n_classes > 2:
        label, scores = _many_classes(tape, given, labels, base)
        return label, transform_scores(tape, tape.cast(scores, np.float32), transform)
    if given.n_classes == 1:
        return _one_class(tape, given, base, transform)
    if len(base) > 2:
        raise DeclinedError(f"attribute 'base_values' has {len(base)} entries for 2 classes")
    if 1 in given.presence:
        return _two_classes(tape, given, labels, base, transform, second=given.presence[1])
    absent = given.absent(tape, 1)
    without = _two_classes(tape, given, labels, base, transform, second=False)
    present = _two_classes(tape, given, labels, base, transform, second=True)
    return where(tape, flat(tape, absent), without[0], present[0]), where(tape, absent, without[1], present[1])


def _many_classes(
    tape: RuleTape, given: ClassScores, labels: NDArray[np.int64], base: NDArray[np.float64]
) -> tuple[ir.Value, ir.Value]:
    """Return the label of the largest score among the classes that a row got a score of, and all scores."""
    scores = given.scores
    if given.counts:
        scores = tape.op("Gather", scores, tape.constant(np.arange(given.n_classes)), axis=1, dtype=scores.dtype)
    if base.size:
        if len(base) != given.n_classes:
            raise DeclinedError(f"attribute 'base_values' has {len(base)} entries for {given.n_classes} classes")
        scores = tape.op("Add", scores, like(tape, base, scores), dtype=scores.dtype)
        return largest_class(tape, scores, labels), scores
    candidates = []
    for k in range(given.n_classes):
        if given.presence.get(k) is True:
            candidates.append(column_of(tape, scores, k))
        elif k in given.counts:
            column = column_of(tape, scores, k)
            candidates.append(where(tape, given.absent(tape, k), like(tape, [[-np.inf]], column), column))
    if all(given.presence.get(k) is True for k in range(given.n_classes)):
        return largest_class(tape, scores, labels), scores
    scored = [k for k in range(given.n_classes) if given.presence.get(k) is not False]
    return largest_class(tape, columns(tape, *candidates), labels[scored]), scores


def _one_class(
    tape: RuleTape, given: ClassScores, base: NDArray[np.float64], transform: str
) -> tuple[ir.Value, ir.Value]:
    """Return 1 where the score is above 0, else 0, whatever the one class label is; and the score."""
    if len(base) > 1:
        raise DeclinedError(f"attribute 'base_values' has {len(base)} entries for 1 class")
    score = given.scores
    if base.size:
        score = tape.op("Add", score, like(tape, base, score), dtype=score.dtype)
    label = _label(tape, score, 0.0, 1, 0)
    return label, one_score(tape, tape.cast(score, np.float32), transform)


def _two_classes(
    tape: RuleTape,
    given: ClassScores,
    labels: NDArray[np.int64],
    base: NDArray[np.float64],
    transform: str,
    *,
    second: bool,
) -> tuple[ir.Value, ir.Value]:
    """Return labels and scores of the rows that got a score of the second class, or of those that did not.

    The deciding score is the second class's own, where there is one. It answers the labels only where the leaves score
    one class; where they score both, the answer is 1 or 0 whatever the labels are.
    """
    low, high = _with_base(tape, given, base, second=second)
    deciding = low if high is None or not second else high
    above = 0.5 if given.one_class_scored and given.all_positive else 0.0
    negative, positive = labels.tolist() if given.one_class_scored else (0, 1)
    label = _label(tape, deciding, above, positive, negative)
    if high is not None:
        both = tape.cast(columns(tape, low, high), np.float32)
        return label, transform_scores(tape, both, transform)
    if base.size and not given.one_class_scored:
        raise DeclinedError("attribute 'base_values' has 1 entry: rows without a score of class 1 get no probability")
    complement = given.one_class_scored and given.all_positive
    return label, two_classes(tape, tape.cast(low, np.float32), transform, complement=complement)


def _with_base(
    tape: RuleTape, given: ClassScores, base: NDArray[np.float64], *, second: bool
) -> tuple[ir.Value, ir.Value | None]:
    """Return the scores of the two classes with base values; None for the second where the kernel drops it.

    With two base values and a score of the second class, the kernel takes the first class's score and the second base
    value for the second class, and their negative for the first.
    """
    low, high = column_of(tape, given.scores, 0), column_of(tape, given.scores, 1)
    if len(base) == 2 and second:
        high = tape.op("Add", low, like(tape, base[1:], low), dtype=low.dtype)
        return _zero_if_absent(tape, given, tape.op("Neg", high, dtype=high.dtype)), high
    if base.size:
        low = _zero_if_absent(tape, given, tape.op("Add", low, like(tape, base[:1], low), dtype=low.dtype))
    if second:
        return low, high
    if len(base) == 2:
        return low, tape.op("Mul", high, like(tape, 0, high), dtype=high.dtype)
    return low, None


def _zero_if_absent(tape: RuleTape, given: ClassScores, low: ir.Value) -> ir.Value:
    """Return the first class's score where a row got one, else 0: the kernel reads a class without a score as 0."""
    if given.presence.get(0) is True:
        return low
    if given.presence.get(0) is False:
        return tape.op("Mul", column_of(tape, given.scores, 0), like(tape, 0, low), dtype=low.dtype)
    return where(tape, given.absent(tape, 0), like(tape, 0, low), low)


def _label(tape: RuleTape, score: ir.Value, above: float, positive: int, negative: int) -> ir.Value:
    constants = [tape.constant(np.int64(v)) for v in (positive, negative)]
    return flat(tape, if_above(tape, score, above, yes=constants[0], no=constants[1]))
