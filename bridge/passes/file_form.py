"""The form of a portable file: operator set, IR version, and whether the number of rows is written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx
import onnx_ir as ir

from bridge.errors import InputError, LoweringError
from bridge.opset import IR_VERSION, MAIN_DOMAIN, MAIN_OPSET
from bridge.passes.shapes import infer_shapes
from bridge.passes.versions import change_of_form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.targets import Target

BATCH = "batch"
"""The name of the number of rows: some runtimes refuse a length without a name."""


@dataclass(frozen=True)
class FileForm:
    """What a user may choose about a portable file; None takes the default.

    Attributes
    ----------
    opset
        The version of `ai.onnx`; by default 13, which nearly every runtime reads, or for a lowered file that uses
        other forms of operators, its own.
    ir_version
        By default the oldest that goes with the operator set: 7 for 13.
    batch_size
        Write this number of rows into the file, for runtimes without dynamic shapes (TFLite, C code).
    """

    opset: int | None = None
    ir_version: int | None = None
    batch_size: int | None = None

    def check(self, target: Target) -> None:
        """Raise `InputError` for a number out of range, or another target than portable."""
        if self == FileForm():
            return
        if target != "portable":
            raise InputError(f"opset, ir_version and batch_size are for target 'portable'; found target {target!r}.")
        newest = onnx.defs.onnx_opset_version()
        if self.opset is not None and not MAIN_OPSET <= self.opset <= newest:
            raise InputError(f"opset is {self.opset}; expected {MAIN_OPSET} to {newest}, which this onnx knows.")
        if self.ir_version is not None and not IR_VERSION <= self.ir_version <= onnx.IR_VERSION:
            raise InputError(f"ir_version is {self.ir_version}; expected {IR_VERSION} to {onnx.IR_VERSION}.")
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}; expected at least 1.")


def set_form(model: ir.Model, form: FileForm) -> None:
    """Bring a finished portable model into this form, in place.

    Raises `LoweringError` with the nodes whose operators have another form in the operator set that is asked for.
    """
    _set_versions(model, form)
    _set_batch(model, form.batch_size)


def _set_versions(model: ir.Model, form: FileForm) -> None:
    """Declare the operator set: the nodes stay as they are, where both sets mean the same by them."""
    opset = form.opset or MAIN_OPSET
    present = model.graph.opset_imports.get(MAIN_DOMAIN, MAIN_OPSET)
    changed = [] if opset == present else list(changed_nodes(model, present, opset))
    if changed and form.opset is not None:
        raise LoweringError("portable", changed)
    if not changed:
        model.graph.opset_imports[MAIN_DOMAIN] = opset
        oldest = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid(MAIN_DOMAIN, opset)])
        model.ir_version = form.ir_version or max(oldest, IR_VERSION)
    elif form.ir_version is not None:
        model.ir_version = form.ir_version


def changed_nodes(model: ir.Model, present: int, wanted: int) -> Iterator[str]:
    """Yield the nodes that operator set `wanted` has in another form than `present`, each with the difference."""
    for node in model.graph.all_nodes():
        if node.domain != MAIN_DOMAIN:
            continue
        reason = change_of_form(node, present, wanted)
        if reason:
            yield f"{node.name} ({node.op_type}): {reason}"


def _set_batch(model: ir.Model, rows: int | None) -> None:
    """Name the first length of inputs and outputs, or make it `rows`, and infer all shapes between again."""
    for value in (*model.graph.inputs, *model.graph.outputs):
        if value.shape is None or not len(value.shape):
            continue
        first = value.shape[0]
        if isinstance(first, ir.SymbolicDim) and (rows is not None or first.value is None):
            value.shape = ir.Shape([rows or BATCH, *value.shape.dims[1:]])
    if rows is None:
        return
    for node in model.graph.all_nodes():
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = None
    infer_shapes()(model)
