"""Bounds as `Where`, because `Max`, `Min`, `Relu` and `Clip` drop NaN in some runtimes and keep it in others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.errors import DeclinedError
from bridge.passes.rule import RuleTape, constant_of, require_dtype
from bridge.passes.subset.comparisons import less_or_equal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir

    from bridge.passes.rule import Rule


def _raised(tape: RuleTape, x: ir.Value, low: ir.Value) -> ir.Value:
    return tape.op("Where", less_or_equal(tape, x, low), low, x, dtype=x.dtype)


def _lowered(tape: RuleTape, x: ir.Value, high: ir.Value) -> ir.Value:
    return tape.op("Where", less_or_equal(tape, high, x), high, x, dtype=x.dtype)


def _relu(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = _first(node)
    return [_raised(tape, x, tape.constant(0, require_dtype(x, "the input of Relu")))]


def _clip(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x = _first(node)
    low, high = [*node.inputs[1:], None, None][:2]
    bounded = x if low is None else _raised(tape, x, low)
    return [bounded if high is None else _lowered(tape, bounded, high)]


def _max(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x, bound = _value_and_bound(node)
    return [_raised(tape, x, bound)]


def _min(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    x, bound = _value_and_bound(node)
    return [_lowered(tape, x, bound)]


def _first(node: ir.Node) -> ir.Value:
    x = node.inputs[0]
    if x is None:
        raise DeclinedError(f"{node.op_type} lacks its input")
    return x


def _value_and_bound(node: ir.Node) -> tuple[ir.Value, ir.Value]:
    """Return the one computed and the one constant input; NaN comes from the computed one alone."""
    if len(node.inputs) != 2:
        raise DeclinedError(f"{node.op_type} of {len(node.inputs)} values")
    for bound, x in (node.inputs, node.inputs[::-1]):
        array = constant_of(bound)
        if array is not None and bound is not None and x is not None and not np.isnan(array).any():
            return x, bound
    raise DeclinedError(f"{node.op_type} of two computed values")


RULES: dict[str, Rule] = {"Relu": _relu, "Clip": _clip, "Max": _max, "Min": _min}
