"""Rewrite what has no CUDA kernel, and refuse what is left without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir

from bridge.errors import LoweringError
from bridge.opset import MAIN_DOMAIN, MAIN_OPSET
from bridge.passes.ensure import leftover
from bridge.passes.file_form import changed_nodes
from bridge.passes.kernels.cudnn import needs_cudnn
from bridge.passes.kernels.rules import RULES
from bridge.passes.lower_ops import LowerOps
from bridge.passes.shapes import infer_shapes
from bridge.passes.uses import shape_computations, use_of
from bridge.placement import place

if TYPE_CHECKING:
    from bridge.passes.rule import Options, Rule
    from bridge.targets import Target

COMPLETE_OPSET = 21
"""From 22 on, onnxruntime 1.31.1 has no CUDA kernels for the new versions of Elu, MaxPool, Dropout and some more."""


@dataclass
class KeepToKernels(ir.passes.InPlacePass):
    """Replace the nodes that onnxruntime would put on the CPU by nodes, or versions of them, that it puts on CUDA.

    Those that it could only run there with cuDNN are replaced too, where a rule can. Computations with shapes, and what
    works on text, stay. Raises `LoweringError` with every other node that is left on the CPU.
    """

    options: Options

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        infer_shapes()(model)
        opset = _take_complete_opset(model)
        exempt = shape_computations(model.graph.all_nodes())

        def find(node: ir.Node, _target: Target) -> Rule | None:
            is_wanted = node not in exempt and (_is_off_cuda(node, opset) or needs_cudnn(node))
            return RULES.get(node.op_type) if is_wanted else None

        lowering = LowerOps(self.options, find)
        modified = lowering(model).modified
        exempt = shape_computations(model.graph.all_nodes())
        left = [n for n in model.graph.all_nodes() if n not in exempt and _is_off_cuda(n, opset)]
        if left:
            raise LoweringError("cuda", [_line(n, opset, lowering.declined.get(n)) for n in left])
        return ir.passes.PassResult(model, modified)


def _take_complete_opset(model: ir.Model) -> int:
    """Declare the operator set whose kernels CUDA has, where that helps and every node means the same in it.

    Returns the operator set of the model.
    """
    opset = model.graph.opset_imports.get(MAIN_DOMAIN, MAIN_OPSET)
    lagging = any(_is_off_cuda(n, opset) and not _is_off_cuda(n, COMPLETE_OPSET) for n in model.graph.all_nodes())
    if opset <= COMPLETE_OPSET or not lagging or any(changed_nodes(model, opset, COMPLETE_OPSET)):
        return opset
    model.graph.opset_imports[MAIN_DOMAIN] = COMPLETE_OPSET
    return COMPLETE_OPSET


def _is_off_cuda(node: ir.Node, opset: int) -> bool:
    use = use_of(node, opset)
    return node.domain == MAIN_DOMAIN and not use.is_on_text and place(use) == "CPU"


def _line(node: ir.Node, opset: int, declined: str | None) -> str:
    use = use_of(node, opset)
    dtypes = ", ".join(dict.fromkeys(d for d in use.inputs if d))
    reason = f"onnxruntime has no CUDA kernel for {node.op_type} of {dtypes or 'this form'} in opset {opset}"
    return leftover(node, f"{reason}{f', and {declined}' if declined else ''}")
