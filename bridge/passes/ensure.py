"""Check that a finished graph holds only what its target allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.errors import LoweringError
from bridge.targets import TARGET_SPECS, Target

if TYPE_CHECKING:
    from bridge.passes.lower_ops import LowerOps


@dataclass
class EnsureTarget(ir.passes.InPlacePass):
    """Raise `LoweringError` with every node that the target does not allow, each with its reason."""

    target: Target
    lowering: LowerOps

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        allowed = TARGET_SPECS[self.target].domains
        leftovers = []
        for node in model.graph.all_nodes():
            if node.domain in allowed or node.domain == "ai.onnx":
                continue
            reason = self.lowering.declined.get(node, f"no rule for target {self.target!r}")
            leftovers.append(f"{node.name or '(unnamed)'} ({node.domain}::{node.op_type}): {reason}")
        if leftovers:
            raise LoweringError(self.target, leftovers)
        return ir.passes.PassResult(model, modified=False)
