"""bridge's Either: two forms of one number, of which the target chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import DeclinedError
from bridge.opset import BRIDGE_DOMAIN, EITHER
from bridge.passes.rule import RuleTape, lowers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir


@lowers(BRIDGE_DOMAIN, EITHER, targets=("cpu", "cuda"))
def lower_to_the_estimators_order(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the first input, which rounds as the estimator does."""
    return [_copied(tape, node.inputs[0])]


@lowers(BRIDGE_DOMAIN, EITHER, targets=("portable",))
def lower_to_the_stable_form(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the second input, which keeps most digits in float32."""
    return [_copied(tape, node.inputs[1])]


def _copied(tape: RuleTape, value: ir.Value | None) -> ir.Value:
    if value is None:
        raise DeclinedError("an input of Either is absent")
    return tape.op("Identity", value, dtype=value.dtype)
