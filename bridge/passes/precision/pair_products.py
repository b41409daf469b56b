"""Sums and matrix products of pairs, by float32 sums in which nothing is rounded."""

from __future__ import annotations

from functools import reduce
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from bridge.passes.precision.pair import Pair

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.passes.precision.pair import PairTape

BITS = 24
"""Of a float32: sums of whole numbers are exact up to 2**24, in any order."""
WANTED = 42
"""Bits of the largest term of a sum that are kept."""
MOST_TERMS = 1024
LOW_AT = 18
"""After so many bits of a number, what its `low` holds is added to the rest."""


def total(t: PairTape, x: Pair, length: int, axis: int, *, keepdims: bool) -> Pair:
    """Return the sum over an axis of `length` numbers.

    The numbers are cut into slices of so few bits that each slice's sum is exact (Zielke and Drygalla 2003).
    """
    axes = t.tape.constant([axis], np.int64)
    bits = BITS - _bits_of(length)
    sums = [t.op("ReduceSum", one, axes, keepdims=int(keepdims)) for one in _slices(t, x, axis, bits, _count(bits))]
    return _added(t, sums)


def product(t: PairTape, a: Pair, b: Pair, length: int, ranks: tuple[int, int]) -> Pair:
    """Return a @ b, whose sums are of `length` products; `ranks` are those of a and b.

    Both are cut into slices of so few bits that a float32 product of slices is exact (Ozaki, Ogita, Oishi and Rump
    2012), and products of one size are one matrix product. For 160 terms that is 6 products with sums of 160 to 960.
    A constant `b` is first brought to one size in each row, by powers of two that go into `a`. Sums of more than
    `MOST_TERMS` are those of their parts: slices of fewer bits would be more.
    """
    if length > MOST_TERMS:
        parts = np.array_split(np.arange(length), ceil(length / MOST_TERMS))
        found = [product(t, _taken(t, a, p, ranks[0] - 1), _taken(t, b, p, ranks[1] - 2), len(p), ranks) for p in parts]
        return reduce(t.add, found)
    bits = (BITS - _bits_of(length * _count((BITS - _bits_of(length)) // 2))) // 2
    if b.array is not None:
        scale = _power_of_two(np.abs(b.array).max(axis=tuple(i for i in range(b.array.ndim) if i != ranks[1] - 2)))
        a, b = t.mul(a, t.constant(scale)), t.constant(b.array / scale[:, np.newaxis])
    count = _count(bits)
    left = _slices(t, a, ranks[0] - 1, bits, count)
    right = _slices(t, b, ranks[1] - 2, bits, count)
    sums = [
        t.op("MatMul", _side_by_side(t, left[: i + 1], ranks[0] - 1), _side_by_side(t, right[i::-1], ranks[1] - 2))
        for i in range(count)
    ]
    return _added(t, sums)


def _taken(t: PairTape, x: Pair, places: NDArray[np.integer], axis: int) -> Pair:
    """Return the numbers at these places of an axis."""
    if x.array is not None:
        return t.constant(np.take(x.array, places, axis))
    index = t.tape.constant(places, np.int64)
    low = None if x.low is None else t.op("Gather", x.low, index, axis=axis)
    return Pair(t.op("Gather", x.high, index, axis=axis), low)


def _bits_of(length: int) -> int:
    return ceil(log2(max(length, 2)))


def _count(bits: int) -> int:
    """Return how many slices of whole numbers of size 2**bits hold the bits that are wanted."""
    return ceil(WANTED / (bits + 1))


def _slices(t: PairTape, x: Pair, axis: int, bits: int, count: int) -> list[ir.Value]:
    """Return float32 arrays that add up to `x`, the largest first.

    Along the axis, each holds whole numbers up to 2**bits times one power of two.
    """
    if x.array is not None:
        return [t.number(one) for one in _constant_slices(x.array, axis, bits, count)]
    largest = t.op("ReduceMax", t.op("Abs", x.high), axes=[axis], keepdims=1)
    # Half the power of two above the largest (Rump 2009, algorithm 3.6).
    far = t.op("Mul", largest, t.number(2.0 ** (BITS - 1) + 1))
    half = t.op("Sub", far, t.op("Mul", far, t.number(1 - 2.0**-BITS)))
    rest, found = x.high, []
    for i in range(count):
        if x.low is not None and i == ceil(LOW_AT / (bits + 1)):
            rest = t.op("Add", rest, x.low)
        # Beside 1.5 * 2**k a float32 keeps what is a multiple of 2**(k - 23).
        beside = t.op("Mul", half, t.number(1.5 * 2.0 ** (BITS - bits - (bits + 1) * i)))
        found.append(t.op("Sub", t.op("Add", rest, beside), beside))
        rest = t.op("Sub", rest, found[-1])
    return found


def _constant_slices(array: NDArray[np.float64], axis: int, bits: int, count: int) -> list[NDArray[np.float32]]:
    unit = _power_of_two(np.abs(array).max(axis=axis, keepdims=True)) * 2.0**-bits
    rest, found = array, []
    for i in range(count):
        step = unit * 2.0 ** (-(bits + 1) * i)
        found.append((np.round(rest / step) * step).astype(np.float32))
        rest = rest - found[-1]
    return found


def _power_of_two(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest power of two that is not below each number, 1 for 0."""
    fraction, exponent = np.frexp(array)
    return np.where(array == 0, 1.0, np.exp2(exponent - (fraction == 0.5)))


def _side_by_side(t: PairTape, slices: list[ir.Value], axis: int) -> ir.Value:
    return slices[0] if len(slices) == 1 else t.op("Concat", *slices, axis=axis)


def _added(t: PairTape, sums: list[ir.Value]) -> Pair:
    """Return the sum of exact parts, the smallest first."""
    found = Pair(sums[-1])
    for part in reversed(sums[:-1]):
        found = t.add(Pair(part), found)
    return found
