"""Find the nearest rows by one matrix product, and prove row by row that none was missed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.opset import MAIN_DOMAIN
from bridge.passes.lowering.attributes import Attributes
from bridge.passes.lowering.distances import DISTANCES, Distances, sum_of_squares
from bridge.passes.rule import constant_of, require_dtype, require_integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bridge.passes.rule import Rule, RuleTape
    from bridge.targets import Target

FEWEST_ROWS = 256
"""With fewer rows to choose from, all distances take less time than the search."""
LARGEST = 1e150
"""Of larger numbers the squares, added up, may be infinite in float64."""


def find_neighbour_rule(node: ir.Node, _target: Target) -> Rule | None:
    """Return the rule for a TopK, which declines where its input is not made of distances, or None."""
    return lower_nearest if node.op_type == "TopK" and node.domain == MAIN_DOMAIN else None


def lower_nearest(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the k smallest distances and their places, with the bits and the order of ties of the TopK of them all.

    A matrix product in float64 bounds all squared distances from below. The `2 k + 8` smallest bounds are the
    candidates, whose distances are computed as the graph did, in ascending order of place, so that a tie still goes to
    the first. Where the largest of the k distances found lies below every bound left out, nothing was missed; other
    rows (many equal distances, NaN, infinities) are compared with all rows, as before.
    """
    search = _search_of(tape, node)
    best, place, is_certain = search.among_candidates(tape)
    missed = tape.op("NonZero", tape.op("Not", is_certain, dtype=ir.DataType.BOOL), dtype=ir.DataType.INT64)
    again = tape.op("Reshape", missed, tape.constant([-1], np.int64), dtype=missed.dtype)
    rows = tape.op("Reshape", missed, tape.constant([-1, 1], np.int64), dtype=missed.dtype)
    found = search.among_all(tape, tape.op("Gather", search.distances.x, again, axis=0, dtype=best.dtype))
    return [
        tape.op("ScatterND", fast, rows, slow, dtype=fast.dtype)
        for fast, slow in zip((best, place), found, strict=True)
    ]


@dataclass(frozen=True)
class _Search:
    """The k nearest of `known`, a constant; by roots of the distances, or by the squares themselves."""

    distances: Distances
    known: NDArray[np.floating]
    k: int
    takes_roots: bool

    @property
    def candidates(self) -> int:
        return 2 * self.k + 8

    def among_all(self, tape: RuleTape, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        every = Distances(x, self.distances.y, 2.0, self.distances.opset).write(tape)
        return _smallest(tape, self._rooted(tape, every), self.k)

    def among_candidates(self, tape: RuleTape) -> tuple[ir.Value, ir.Value, ir.Value]:
        """Return distances and places (rows, k), and for each row whether they are known to be right (rows, 1)."""
        x, dtype = self.distances.x, self.distances.x.dtype
        lower, own = self._lower_bounds(tape)
        bounds, unordered = _smallest(tape, lower, self.candidates)
        places, _ = _smallest(tape, unordered, self.candidates)
        others = tape.op("Gather", self.distances.y, places, axis=0, dtype=dtype)
        column = tape.op("Reshape", x, tape.constant([-1, 1, self.known.shape[1]], np.int64), dtype=dtype)
        difference = tape.op("Sub", column, others, dtype=dtype)
        squares = sum_of_squares(tape, difference, axis=2, opset=self.distances.opset)
        best, among = _smallest(tape, self._rooted(tape, squares), self.k)
        place = tape.op("GatherElements", places, among, axis=1, dtype=ir.DataType.INT64)
        return best, place, self._is_certain(tape, _last(tape, best, self.k), _last(tape, bounds, self.candidates), own)

    def _rooted(self, tape: RuleTape, squares: ir.Value) -> ir.Value:
        return tape.op("Sqrt", squares, dtype=squares.dtype) if self.takes_roots else squares

    def _lower_bounds(self, tape: RuleTape) -> tuple[ir.Value, ir.Value]:
        """Return float64 (rows, rows of y) and (rows, 1), whose sum is never above the squared distance.

        With u = 2**-53, n columns and everything taken around the mean of y: the product is wrong by less than
        n u (|x|^2 + |y|^2), the two squares by n u of themselves, the two additions by 2 u (|x|^2 + |y|^2) each, and
        the centred coordinates by u of themselves, which moves the distance by 4 u (|x|^2 + |y|^2). `margin` is twice
        the sum of these, and is taken off both squares.
        """
        width = self.known.shape[1]
        margin = 4 * (width + 8) * 2.0**-53
        wide = self.known.astype(np.float64)
        center = wide.mean(axis=0)
        moved = wide - center
        x = tape.cast(self.distances.x, np.float64)
        x = tape.op("Sub", x, tape.constant(center), dtype=x.dtype)
        cross = tape.op("MatMul", x, tape.constant(-2 * moved.T), dtype=x.dtype)
        theirs = tape.constant((moved**2).sum(axis=1) * (1 - margin))
        squares = tape.op("Mul", x, x, dtype=x.dtype)
        own = tape.op("MatMul", squares, tape.constant(np.full((width, 1), 1 - margin)), dtype=x.dtype)
        return tape.op("Add", cross, theirs, dtype=x.dtype), own

    def _is_certain(self, tape: RuleTape, worst: ir.Value, bound: ir.Value, own: ir.Value) -> ir.Value:
        """Return whether the k-th distance found is below all distances left out, as the graph's dtype rounds them.

        A sum of n rounded squares of rounded differences is low by less than (n + 2) u, and its root by u more, with u
        half the spacing of the dtype at 1; underflow takes at most the smallest normal number off each square. NaN is
        not below anything.
        """
        info = np.finfo(require_dtype(self.distances.x, "a distance"))
        width = self.known.shape[1]
        worst = tape.cast(worst, np.float64)
        if self.takes_roots:
            worst = tape.op("Mul", worst, worst, dtype=worst.dtype)
        squared = tape.op("Add", bound, own, dtype=worst.dtype)
        rounded = tape.op("Mul", squared, tape.constant(1 - (width + 8) * float(info.eps)), dtype=worst.dtype)
        least = tape.op("Sub", rounded, tape.constant(width * float(info.tiny)), dtype=worst.dtype)
        # A bound that overflowed proves nothing.
        is_number = tape.op("Less", least, tape.constant(float(info.max)), dtype=ir.DataType.BOOL)
        beaten = tape.op("Less", worst, least, dtype=ir.DataType.BOOL)
        certain = tape.op("And", beaten, is_number, dtype=ir.DataType.BOOL)
        return tape.op("Reshape", certain, tape.constant([-1], np.int64), dtype=ir.DataType.BOOL)


def _search_of(tape: RuleTape, node: ir.Node) -> _Search:
    attributes = Attributes(node)
    if attributes.integer("largest", 1) or not attributes.integer("sorted", 1):
        raise DeclinedError("TopK takes the largest, or in no order")
    if attributes.integer("axis", -1) not in (-1, 1):
        raise DeclinedError("TopK along another axis than the second")
    distances, takes_roots = _distances_of(node.inputs[0])
    known = constant_of(distances.y)
    if known is None or distances.power != 2:
        raise DeclinedError("the rows to choose from are computed, or the distances are not Euclidean")
    distances = replace(distances, y=tape.constant(known))
    search = _Search(distances, known, require_integer(node.inputs[1], "k"), takes_roots)
    if len(known) < max(FEWEST_ROWS, 4 * search.candidates) or search.k < 1:
        raise DeclinedError("there are too few rows to choose from")
    if not (np.abs(known.astype(np.float64)) <= LARGEST).all():
        raise DeclinedError("the rows to choose from hold NaN, or numbers whose squares have no room in float64")
    return search


def _distances_of(value: ir.Value | None) -> tuple[Distances, bool]:
    """Return the distances that `value` holds, rows of x by rows of y, and whether it holds their roots."""
    turned = takes_roots = False
    while value is not None:
        if DISTANCES in value.meta and not turned:
            return value.meta[DISTANCES], takes_roots
        node = value.producer()
        if node is None or len(value.uses()) > 1 or value.is_graph_output():
            break
        if node.op_type == "Sqrt" and not takes_roots:
            takes_roots = True
        elif node.op_type == "Transpose" and Attributes(node).ints("perm").tolist() == [1, 0]:
            turned = not turned
        elif node.op_type != "Identity":
            break
        value = node.inputs[0]
    raise DeclinedError("TopK of something else than distances")


def _smallest(tape: RuleTape, x: ir.Value, k: int) -> tuple[ir.Value, ir.Value]:
    """Return the k smallest of each row in ascending order, and their places."""
    attributes = {"axis": 1, "largest": 0, "sorted": 1}
    node = ir.node("TopK", [x, tape.constant([k], np.int64)], attributes, num_outputs=2)
    tape.nodes.append(node)
    values, places = node.outputs
    values.type, places.type = x.type, ir.TensorType(ir.DataType.INT64)
    return values, places


def _last(tape: RuleTape, x: ir.Value, width: int) -> ir.Value:
    return tape.op("Gather", x, tape.constant([width - 1], np.int64), axis=1, dtype=x.dtype)
