"""A table from keys to values, as tensor operators: what LabelEncoder and its kin are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.passes.lowering.values import is_nan, less_or_equal, like, where
from bridge.passes.rule import require_dtype

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.passes.rule import RuleTape

MOST_SLOTS_PER_KEY = 4
"""Whole-number keys get a table with a slot for every number between them while it is at most this much larger."""


@dataclass(frozen=True)
class Table:
    """Numeric keys, no two of them equal (NaN included), the value of each, and the value of all other keys."""

    keys: NDArray[Any]
    values: NDArray[Any]
    default: Any


def look_up(tape: RuleTape, x: ir.Value, table: Table) -> ir.Value:
    """Return the values of the keys `x`, of any shape, bit by bit: they are gathered, since a Where loses -0.0."""
    nan = np.isnan(table.keys) if np.issubdtype(table.keys.dtype, np.floating) else np.zeros(len(table.keys), np.bool_)
    known = Table(table.keys[~nan], table.values[~nan], table.default)
    if np.issubdtype(require_dtype(x, "a key"), np.integer):
        x = tape.cast(x, np.int64)
    place, values = (_by_slot if _is_dense(known) else _by_halving)(tape, x, known)
    if nan.any():
        place = where(tape, is_nan(tape, x), tape.constant(np.int64(len(values))), place)
        values = np.append(values, table.values[nan][:1])
    narrow = values.dtype == np.int16  # for which many operators have no kernels
    constant = tape.constant(values.astype(np.int32) if narrow else values)
    found = tape.op("Gather", constant, place, axis=0, dtype=constant.dtype)
    return tape.cast(found, np.int16) if narrow else found


def _is_dense(table: Table) -> bool:
    keys = table.keys
    if not np.issubdtype(keys.dtype, np.integer) or not keys.size:
        return False
    low, high = int(keys.min()), int(keys.max())
    return high - low <= MOST_SLOTS_PER_KEY * len(keys) + 16 and max(-low, high) < 2**53


def _by_slot(tape: RuleTape, x: ir.Value, table: Table) -> tuple[ir.Value, NDArray[Any]]:
    """Return the slot of each key, and slots that have the default first and last, where all keys outside end up."""
    low, high = int(table.keys.min()) - 1, int(table.keys.max()) + 1
    slots = np.full(high - low + 1, table.default, table.values.dtype)
    slots[table.keys.astype(np.int64) - low] = table.values
    bounded = tape.op("Max", x, like(tape, low, x), dtype=x.dtype)
    top = like(tape, high, x)
    bounded = where(tape, less_or_equal(tape, top, bounded), top, bounded)
    return bounded if low == 0 else tape.op("Sub", bounded, like(tape, low, x), dtype=x.dtype), slots


def _by_halving(tape: RuleTape, x: ir.Value, table: Table) -> tuple[ir.Value, NDArray[Any]]:
    """Search the sorted keys by halving, for all elements at once: log2(keys) rounds of 4 small operators.

    Slot 0 stands for all that is no key; the slots behind the last key repeat it.
    """
    order = np.argsort(table.keys, kind="stable")
    rounds = len(order).bit_length()
    slots = np.minimum(np.arange(2**rounds), len(order)) - 1
    first = table.keys[order[:1]] if order.size else np.zeros(1, table.keys.dtype)
    keys = np.concatenate([first, table.keys[order]])[slots + 1].astype(require_dtype(x, "a key"))
    values = np.concatenate([np.array([table.default], table.values.dtype), table.values[order]])[slots + 1]
    zero = tape.constant(np.int64(0))
    key_table = tape.constant(keys)

    place: ir.Value | None = None
    for bit in reversed(range(rounds)):
        step = tape.constant(np.int64(2**bit))
        further = step if place is None else tape.op("Add", place, step, dtype=ir.DataType.INT64)
        passed = less_or_equal(tape, tape.op("Gather", key_table, further, axis=0, dtype=x.dtype), x)
        place = where(tape, passed, further, zero if place is None else place)
    if place is None:  # no keys at all
        return where(tape, less_or_equal(tape, x, x), zero, zero), values
    key = tape.op("Gather", key_table, place, axis=0, dtype=x.dtype)
    # The key at the place that was reached is not above x, so `x <= key` is equality.
    return where(tape, less_or_equal(tape, x, key), place, zero), values
