"""Distances between the rows of two matrices, written so that each is rounded as onnxruntime's loop over rows does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import DeclinedError
from bridge.opset import MAIN_DOMAIN, MAIN_OPSET
from bridge.passes.lowering.values import column_of, known_width, rank_of, where
from bridge.passes.rule import RuleTape, constant_of, require_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

DISTANCES = "bridge.distances"
"""The key of a value's `meta` that holds its `Distances`: rows of x by rows of y."""

MOST_COLUMNS = 32
"""Up to here squares are added column by column, by operators that every runtime has, and no array of rows x rows x
columns is made. That is the faster way below 16 columns and takes 1.5 times as long at 30 (10,000 x 1,000 rows of 10
columns: 89 ms against 117; 2,000 x 5,000 rows of 30: 288 against 188; two threads)."""

PACKET_BYTES = 16
"""How much of a row onnxruntime's ReduceSum adds at once: four float32 numbers or two float64 ones."""

AXES_ARE_INPUT = 18
"""The opset from which ReduceSumSquare takes its axes as an input."""


@dataclass(frozen=True)
class Distances:
    """Sums of `|x - y| ** power` over the columns, for every row of x and every row of y.

    Attributes
    ----------
    x, y
        Two matrices of floats of one dtype; y is mostly the rows that an estimator was fitted on.
    power
        2 gives squared Euclidean distances, 1 Manhattan ones.
    opset
        The version of `ai.onnx` to write for.
    """

    x: ir.Value
    y: ir.Value
    power: float
    opset: int

    def write(self, tape: RuleTape) -> ir.Value:
        """Return (rows of x, rows of y).

        Squares have the bits of ReduceSumSquare on the CPU, which adds one column after another. ReduceSum adds
        packets of 16 bytes from the first aligned address on, so that the bits of its result, and whether two equal
        rows of y are at equal distances, hang on where a row lies in memory. Here every row lies alike: the bits are
        those of the loop where a row is less than a packet or whole packets, and equal rows tie for every width.
        """
        result = self._squares(tape) if self.power == 2 else self._powers(tape)
        result.shape = ir.Shape([_rows(self.x), _rows(self.y)])
        return result

    def write_noted(self, tape: RuleTape) -> ir.Value:
        """Return the same, with these distances in the value's `meta` for later passes.

        A constant y is noted as a value of no graph: that of the graph loses its data with the loop that reads it.
        """
        result = self.write(tape)
        y = self.y
        if constant_of(y) is not None:
            y = ir.Value(name=y.name, type=y.type, shape=y.shape, const_value=ir.convenience.get_const_tensor(y))
        result.meta[DISTANCES] = replace(self, y=y)
        return result

    def _squares(self, tape: RuleTape) -> ir.Value:
        known = constant_of(self.y)
        if known is not None and 0 < known.shape[1] <= MOST_COLUMNS:
            return _add_columns(tape, self.x, known)
        return sum_of_squares(tape, _differences(tape, self.x, self.y), axis=2, opset=self.opset)

    def _powers(self, tape: RuleTape) -> ir.Value:
        x, y, padding = _padded(tape, self.x, self.y)
        terms = tape.op("Abs", _differences(tape, x, y), dtype=x.dtype)
        if self.power != 1:
            terms = tape.op("Pow", terms, tape.constant([self.power], require_dtype(x, "x")), dtype=x.dtype)
        if padding is not None:
            terms = where(tape, tape.constant(padding), tape.constant(0, require_dtype(x, "x")), terms)
        return tape.op("ReduceSum", terms, tape.constant([2], np.int64), keepdims=0, dtype=x.dtype)


def sum_of_squares(tape: RuleTape, x: ir.Value, *, axis: int, opset: int) -> ir.Value:
    if opset >= AXES_ARE_INPUT:
        return tape.op("ReduceSumSquare", x, tape.constant([axis], np.int64), keepdims=0, dtype=x.dtype)
    return tape.op("ReduceSumSquare", x, axes=[axis], keepdims=0, dtype=x.dtype)


def require_matrix(value: ir.Value | None, what: str) -> ir.Value:
    """Return a value that is known to be a matrix of float32 or float64 numbers, or decline."""
    if value is None:
        raise DeclinedError(f"{what} is absent")
    if require_dtype(value, what) not in (np.float32, np.float64):
        raise DeclinedError(f"{what} is of dtype {require_dtype(value, what)}, expected float32 or float64")
    if rank_of(value) not in {None, 2}:
        raise DeclinedError(f"{what} has {rank_of(value)} axes, expected rows and columns")
    return value


def main_opset(node: ir.Node) -> int:
    """Return the version of `ai.onnx` that `node` is read by."""
    imported = node.graph.opset_imports.get(MAIN_DOMAIN) if node.graph is not None else None
    return node.version or imported or MAIN_OPSET


def _rows(x: ir.Value) -> int | ir.SymbolicDim | None:
    return x.shape[0] if x.shape is not None and len(x.shape) else None


def _differences(tape: RuleTape, x: ir.Value, y: ir.Value) -> ir.Value:
    """Return (rows of x, rows of y, columns)."""
    known, width = constant_of(y), known_width(x) or known_width(y)
    others = tape.constant(known[None]) if known is not None else _with_axis(tape, y, 0, width)
    return tape.op("Sub", _with_axis(tape, x, 1, width), others, dtype=x.dtype)


def _with_axis(tape: RuleTape, x: ir.Value, axis: int, width: int | None) -> ir.Value:
    """Return `x` with an axis of length 1 put in, by Reshape where its width is known."""
    if width is None:
        return tape.op("Unsqueeze", x, tape.constant([axis], np.int64), dtype=x.dtype)
    shape = [-1, width]
    shape.insert(axis, 1)
    return tape.op("Reshape", x, tape.constant(shape, np.int64), dtype=x.dtype)


def _add_columns(tape: RuleTape, x: ir.Value, y: NDArray[np.floating]) -> ir.Value:
    """Return the sum of squares; each is added as soon as it is made, so that few of them are held at a time."""

    def square(index: int) -> ir.Value:
        column = tape.constant(y[None, :, index])
        difference = tape.op("Sub", column_of(tape, x, index), column, dtype=x.dtype)
        return tape.op("Mul", difference, difference, dtype=x.dtype)

    total = square(0)
    for index in range(1, y.shape[1]):
        total = tape.op("Add", total, square(index), dtype=x.dtype)
    return total


def _padded(tape: RuleTape, x: ir.Value, y: ir.Value) -> tuple[ir.Value, ir.Value, NDArray[np.bool_] | None]:
    """Return both with columns repeated until each row is whole packets, and which columns those are."""
    width = known_width(x) or known_width(y)
    if width is None:
        raise DeclinedError("the number of columns between which distances are taken is not known")
    packet = PACKET_BYTES // require_dtype(x, "x").itemsize
    if width < packet or width % packet == 0:
        return x, y, None
    places = np.arange(-(-width // packet) * packet)
    repeated = np.where(places < width, places, 0)
    wide = [tape.op("Gather", v, tape.constant(repeated), axis=1, dtype=v.dtype) for v in (x, y)]
    known = constant_of(y)
    wide[0].shape = ir.Shape([_rows(x), len(places)])
    return wide[0], wide[1] if known is None else tape.constant(known[:, repeated]), places >= width
