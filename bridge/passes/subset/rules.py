"""The rules that bring operators of the main domain into the portable subset, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.opset import MAIN_DOMAIN
from bridge.passes.subset import arithmetic, bounds, comparisons, reductions, selection, shapes

if TYPE_CHECKING:
    import onnx_ir as ir

    from bridge.passes.rule import Rule
    from bridge.targets import Target

_RULES: dict[str, Rule] = {
    **arithmetic.RULES,
    **bounds.RULES,
    **comparisons.RULES,
    **reductions.RULES,
    **selection.RULES,
    **shapes.RULES,
}


def find_subset_rule(node: ir.Node, _target: Target) -> Rule | None:
    """Return the rule that rewrites this node, or None."""
    return _RULES.get(node.op_type) if node.domain == MAIN_DOMAIN else None
