"""Lower `bridge::Forest`: the choice between the forms of a tree ensemble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import DeclinedError, InputError
from bridge.forest import Forest
from bridge.opset import BRIDGE_DOMAIN, FOREST
from bridge.passes.lowering.trees.features import resolve_features
from bridge.passes.lowering.trees.gemm import forest_as_gemm
from bridge.passes.lowering.trees.native import forest_as_ml_operator
from bridge.passes.lowering.trees.traverse import forest_as_traversal
from bridge.passes.rule import RuleTape, lowers, require_constant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx_ir as ir

GEMM_DEPTH = 3
"""Up to this depth a GPU takes the path matrix: 8 leaves a tree cost less than 3 rounds of gathers."""


@lowers(BRIDGE_DOMAIN, FOREST)
def lower_forest(tape: RuleTape, node: ir.Node) -> Sequence[ir.Value]:
    """Return the sums of a forest in the form that the options ask for, or that suits the target."""
    x, *tables = node.inputs
    if x is None:
        raise DeclinedError("Forest has no input")
    forest = Forest.from_tables([require_constant(t, "a table of Forest") for t in tables])
    width = x.shape[1] if x.shape is not None and len(x.shape) == 2 else None
    try:
        forest.check(width if isinstance(width, int) else None)
    except InputError as error:
        raise DeclinedError(str(error)) from error
    return [write_forest(tape, forest, x)]


def write_forest(tape: RuleTape, forest: Forest, x: ir.Value) -> ir.Value:
    """Return the float64 (rows, outputs) sums of `forest` for the matrix `x`."""
    write = _choose_form(tape, forest)
    # Only the kernel of ai.onnx.ml has missing-value routes of its own.
    forest, x = resolve_features(tape, forest, x, native_missing=write is forest_as_ml_operator)
    return write(tape, forest, x)


def _choose_form(tape: RuleTape, forest: Forest) -> Callable[[RuleTape, Forest, ir.Value], ir.Value]:
    options = tape.options
    if options.strategy == "gemm":
        return forest_as_gemm
    if options.strategy == "traverse":
        return forest_as_traversal
    if options.target == "cpu":
        return forest_as_ml_operator
    return forest_as_gemm if options.target == "cuda" and forest.depth <= GEMM_DEPTH else forest_as_traversal
