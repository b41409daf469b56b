"""Check that a finished graph holds only what its target allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.errors import LoweringError
from bridge.opset import MAIN_DOMAIN, MAIN_OPSET, MICROSOFT_DOMAIN, ML_DOMAIN
from bridge.passes.forest_function import is_forest
from bridge.passes.lowering.values import TEXT_REASON
from bridge.passes.text_nodes import contradiction_in
from bridge.passes.uses import use_of
from bridge.targets import TARGET_SPECS, Target

if TYPE_CHECKING:
    from bridge.passes.lower_ops import LowerOps
    from bridge.placement import Use


@dataclass
class EnsureTarget(ir.passes.InPlacePass):
    """Raise `LoweringError` with every node that the target does not allow, each with its reason.

    Work on text, which only a host can do, stays for "cuda" and "cpu", and is refused for "portable".
    """

    target: Target
    lowering: LowerOps

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        opset = model.graph.opset_imports.get(MAIN_DOMAIN, MAIN_OPSET)
        leftovers = [
            leftover(node, reason) for node in model.graph.all_nodes() if (reason := self._refusal(node, opset))
        ]
        if leftovers:
            raise LoweringError(self.target, leftovers)
        return ir.passes.PassResult(model, modified=False)

    @property
    def _keeps_forests(self) -> bool:
        """Whether Forest nodes are what was asked for: their function then comes with them."""
        return self.lowering.options.strategy == "forest" and self.target != "portable"

    def _refusal(self, node: ir.Node, opset: int) -> str:
        """Return why the target does not allow the node; empty if it does."""
        use = use_of(node, opset)
        declined = self.lowering.declined.get(node, "")
        if use.is_on_text and self.target == "portable":
            default = f"{node.op_type} works on the characters of text, which codes do not have"
            return declined or str(node.meta.get(TEXT_REASON, default))
        domains = {"ai.onnx", *TARGET_SPECS[self.target].domains}
        if _is_host_work(node, use) or node.domain in domains or (is_forest(node) and self._keeps_forests):
            return ""
        return declined or f"no rule for target {self.target!r}"


def _is_host_work(node: ir.Node, use: Use) -> bool:
    """Return whether onnxruntime has the node's operator, for text: a classifier that writes text reads numbers."""
    if node.domain == ML_DOMAIN:
        return "str" in use.inputs and not contradiction_in(node)
    return use.is_on_text and node.domain in {MAIN_DOMAIN, MICROSOFT_DOMAIN}


def leftover(node: ir.Node, reason: str) -> str:
    """Return the line of a `LoweringError` for a node; CatBoost's have no names."""
    name = node.name or f"(unnamed, makes {node.outputs[0].name!r})"
    return f"{name} ({node.domain and f'{node.domain}::'}{node.op_type}): {reason}"
