"""Columns that say whether a feature is in a set of numbers, for decisions that are no comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.forest import floor_float32
from bridge.passes.lowering.values import column_of, columns, is_nan, known_width, less_or_equal, like
from bridge.passes.rule import require_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bridge.passes.rule import RuleTape

    Intervals = tuple[tuple[float, float], ...]

LARGEST_SMALL_MEMBER = 30
FEWEST_LARGE = 31


def exactly(numbers: Sequence[float]) -> Intervals:
    """Return the set of these numbers; NaN is equal to nothing."""
    return tuple((n, n) for n in sorted({float(n) for n in numbers}) if n == n)  # noqa: PLR0124


def whole_part(members: NDArray[np.float64]) -> Intervals:
    """Return the set that onnxruntime 1.31.1 makes of BRANCH_MEMBER's members.

    It compares x itself with fewer than 31 members that are all in 0..30. In all other sets it looks up the whole part
    of x, so that 64.5 is a member of {64}; ONNX's text and the reference evaluator do not.
    """
    if len(members) < FEWEST_LARGE and members.min() >= 0 and members.max() <= LARGEST_SMALL_MEMBER:
        return exactly(members.tolist())
    if (members != np.trunc(members)).any() or (np.abs(members) >= 2**31).any():
        raise DeclinedError("attribute 'membership_values' has a member that is no 32-bit whole number")
    return tuple(
        (
            m if m > 0 else float(np.nextafter(m - 1, np.inf)),
            m if m < 0 else float(np.nextafter(m + 1, -np.inf)),
        )
        for m in sorted(set(members.tolist()))
    )


@dataclass
class SetColumns:
    """The sets that nodes ask for, and the columns that answer: 1 inside, 0 outside of the set.

    Attributes
    ----------
    width
        The number of columns before these.
    nodes
        The nodes that ask, in the order of `columns`.
    """

    width: int
    nodes: list[int] = field(default_factory=list)
    _asked: list[tuple[int, Intervals, bool]] = field(default_factory=list)

    def add(self, node: int, feature: int, intervals: Intervals, *, with_nan: bool) -> None:
        """Let `node` ask whether `feature` is in one of the closed `intervals`, or is NaN and `with_nan`."""
        self.nodes.append(node)
        self._asked.append((feature, intervals, with_nan))

    def columns(self) -> NDArray[np.int64]:
        """Return the column of each node's set; nodes with equal sets share one."""
        place = {key: self.width + i for i, key in enumerate(self._distinct())}
        return np.array([place[key] for key in self._asked], np.int64)

    def append_to(self, tape: RuleTape, x: ir.Value) -> ir.Value:
        """Return x, cut to `width`, with the columns of all sets behind it."""
        distinct = self._distinct()
        if not distinct:
            return x
        if known_width(x) is None:
            x = tape.op("Gather", x, tape.constant(np.arange(self.width)), axis=1, dtype=x.dtype)
        blocks = [x]
        for feature in sorted({f for f, _, _ in distinct}):
            column = column_of(tape, x, feature)
            blocks.append(_answer(tape, column, [(s, nan) for f, s, nan in distinct if f == feature]))
        result = columns(tape, *blocks)
        result.shape = ir.Shape([None, self.width + len(distinct)])
        return result

    def _distinct(self) -> list[tuple[int, Intervals, bool]]:
        return sorted(set(self._asked))


def _answer(tape: RuleTape, x: ir.Value, sets: list[tuple[Intervals, bool]]) -> ir.Value:
    """Return (rows, sets) for one column x."""
    parts = []
    intervals = sorted({i for s, _ in sets for i in s})
    dtype = require_dtype(x, "the input of a tree ensemble")
    if intervals:
        # Rounded inwards: no float32 lies between an end and what it is rounded to.
        low, high = (np.array([[i[side] for i in intervals]]) for side in (0, 1))
        if dtype == np.float32:
            low, high = -floor_float32(-low), floor_float32(high)
        sides = [less_or_equal(tape, tape.constant(low), x), less_or_equal(tape, x, tape.constant(high))]
        sides = [tape.cast(side, dtype) for side in sides]
        parts.append(tape.op("Mul", *sides, dtype=x.dtype))
    if any(nan for _, nan in sets):
        parts.append(tape.cast(is_nan(tape, x), dtype))
    if not parts:  # only empty sets
        return tape.cast(less_or_equal(tape, x, like(tape, [[np.nan] * len(sets)], x)), dtype)
    found = columns(tape, *parts)
    row = {interval: i for i, interval in enumerate(intervals)}
    member = np.zeros((len(intervals) + (len(parts) == 2 or not intervals), len(sets)))
    for column, (inside, nan) in enumerate(sets):
        member[[row[i] for i in inside], column] = 1
        member[-1, column] += nan
    if member.shape[0] == member.shape[1] and np.array_equal(member, np.eye(len(member))):
        return found
    return tape.op("MatMul", found, like(tape, member, x), dtype=x.dtype)
