"""Lower what was declined for want of a shape or a dtype, once the nodes before it are lowered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.passes.shapes import infer_shapes

if TYPE_CHECKING:
    from bridge.passes.lower_ops import LowerOps


@dataclass
class LowerAgain(ir.passes.InPlacePass):
    """Infer shapes and lower again while that leaves fewer declined nodes.

    Shape inference does not know most operators of ai.onnx.ml; of what they are lowered to it knows all.
    """

    lowering: LowerOps

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        modified = False
        left = len(self.lowering.declined)
        while left:
            infer_shapes()(model)
            modified |= self.lowering(model).modified
            if len(self.lowering.declined) >= left:
                break
            left = len(self.lowering.declined)
        return ir.passes.PassResult(model, modified)
