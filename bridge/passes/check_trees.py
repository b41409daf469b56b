"""Check the tree operators of a file that its target keeps, and that no rule reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.errors import DeclinedError, LoweringError
from bridge.opset import ML_DOMAIN
from bridge.passes.ensure import leftover
from bridge.passes.lowering.trees.check_table import SCORES, check_tree_operator

if TYPE_CHECKING:
    from bridge.targets import Target


@dataclass
class CheckTrees(ir.passes.InPlacePass):
    """Raise `LoweringError` with every tree operator that onnxruntime would refuse for its attributes."""

    target: Target

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        faults = []
        for node in model.graph.all_nodes():
            if node.domain != ML_DOMAIN or node.op_type not in SCORES:
                continue
            if not node.inputs or node.inputs[0] is None or node.inputs[0].dtype is None:
                continue  # behind another operator whose dtype ONNX cannot infer
            try:
                check_tree_operator(node)
            except DeclinedError as reason:
                faults.append(leftover(node, str(reason)))
        if faults:
            raise LoweringError(self.target, faults)
        return ir.passes.PassResult(model, modified=False)
