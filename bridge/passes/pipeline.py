"""The one table: which stages bring a graph to which target."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import onnx_ir as ir
from onnx_ir.passes import common

from bridge.opset import IR_VERSION_ML5, ML_DOMAIN, ML_OPSET
from bridge.passes.check_result import check_result
from bridge.passes.check_trees import CheckTrees
from bridge.passes.cleanup import cleanup
from bridge.passes.decisions import NoteDecisions
from bridge.passes.ensure import EnsureTarget
from bridge.passes.fold_into_forest import FoldIntoForest
from bridge.passes.fuse_behind_forests import FuseBehindForests
from bridge.passes.inline_functions import InlineFunctions
from bridge.passes.keep_forests import KeepForests, add_forest_function, find_other_rule
from bridge.passes.kernels.keep import KeepToKernels
from bridge.passes.lower_again import LowerAgain
from bridge.passes.lower_ops import LowerOps
from bridge.passes.mixed_rows import NoteMixedRows
from bridge.passes.ml_shapes import SetMlShapes
from bridge.passes.nearest_neighbours import find_neighbour_rule
from bridge.passes.pick_in_forests import PickInForests
from bridge.passes.precision.float32 import ToFloat32
from bridge.passes.precision.pairs import ToPairs
from bridge.passes.rule import find_rule
from bridge.passes.shape_arithmetic import DropShapeArithmetic
from bridge.passes.shapes import infer_shapes
from bridge.passes.subset.missing import DropMissingRoutes
from bridge.passes.subset.rules import find_subset_rule
from bridge.passes.text_first import TextFirst
from bridge.passes.text_inputs import TextInputs
from bridge.passes.unfold_forests import UnfoldForests

if TYPE_CHECKING:
    from bridge.passes.rule import Options
    from bridge.targets import Precision, Target


@dataclass(frozen=True)
class Plan:
    """What a pipeline is built for.

    `inputs_are_rounded` is as in `ToFloat32`; `never_missing` names the inputs that refuse NaN; `pairs` says
    that float32 computes with `ToPairs`.
    """

    options: Options
    precision: Precision
    inputs_are_rounded: bool = False
    never_missing: frozenset[str] = frozenset()
    pairs: bool = False


Stage = Callable[[Plan, LowerOps], Sequence[ir.passes.PassBase]]


def _open(plan: Plan, _lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    return [
        InlineFunctions(),
        common.LiftConstantsToInitializersPass(lift_all_constants=False),
        UnfoldForests(plan.options.target),
        SetMlShapes(),
        infer_shapes(known_too=True),
        NoteMixedRows(),
        CheckTrees(plan.options.target) if plan.options.target == "cpu" else TextInputs(),
        # onnxruntime's tree kernel takes float64 at no cost; one row saves two of seven nodes.
        FoldIntoForest(casts=plan.options.target == "cpu"),
    ]


def _lower(plan: Plan, lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    ensure = EnsureTarget(plan.options.target, lowering)
    keep = [KeepForests(plan.options.target)] if plan.options.strategy == "forest" else []
    return [lowering, LowerAgain(lowering), common.RemoveUnusedNodesPass(), ensure, *keep]


def _find_neighbours(plan: Plan, _lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    """Search by matrix product where that can be proved: it takes float64, and operators that few runtimes have."""
    return [LowerOps(plan.options, find_neighbour_rule)] if plan.precision == "exact" else []


def _know_shapes(plan: Plan, _lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    return [DropShapeArithmetic(plan.options)]


def _narrow(plan: Plan, _lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    if plan.precision != "float32":
        return []
    return [infer_shapes(), ToPairs() if plan.pairs else ToFloat32(plan.inputs_are_rounded)]


def _judge(plan: Plan, _lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    return [NoteDecisions(plan.precision)]


def _keep_to_subset(plan: Plan, _lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    drop_routes = DropMissingRoutes(plan.never_missing)
    return [cleanup(), infer_shapes(), drop_routes, LowerOps(plan.options, find_subset_rule)]


def _keep_to_kernels(plan: Plan, _lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    return [KeepToKernels(plan.options)]


def _fuse(plan: Plan, _lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    """Let forests take their columns and finish their answers; not for CUDA, whose kernel gives sums alone."""
    return [PickInForests(), FuseBehindForests()] if plan.options.strategy == "forest" else []


def _close(plan: Plan, _lowering: LowerOps) -> Sequence[ir.passes.PassBase]:
    return [*([TextFirst()] if plan.options.target == "cuda" else []), cleanup(), infer_shapes()]


STAGES: dict[Target, tuple[Stage, ...]] = {
    "portable": (_open, _lower, _know_shapes, _narrow, _judge, _keep_to_subset, _close),
    "cuda": (_open, _lower, _know_shapes, _find_neighbours, _narrow, _judge, _keep_to_kernels, _close),
    "cpu": (_open, _lower, _find_neighbours, _narrow, _judge, _close, _fuse),
}


def run_pipeline(
    model: ir.Model,
    options: Options,
    *,
    precision: Precision,
    inputs_are_rounded: bool = False,
    never_missing: frozenset[str] = frozenset(),
    pairs: bool = False,
) -> ir.Model:
    """Return `model`, changed in place, as `options.target` wants it; raises `LoweringError` where that fails."""
    plan = Plan(options, precision, inputs_are_rounded, never_missing, pairs)
    lowering = LowerOps(options, find_other_rule if options.strategy == "forest" else find_rule)
    with _no_collection():
        for stage in STAGES[options.target]:
            for step in stage(plan, lowering):
                step(model)
            _declare_versions(model)  # shape inference gives up on branches with operators of no version
        add_forest_function(model)
        check_result(model)
    return model


@contextmanager
def _no_collection() -> Iterator[None]:
    """Put off Python's search for cycles until the block ends: it goes over all that the process holds, several times.

    That took 30 to 240 ms of the 1 s in which a forest of three million nodes is exported.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _declare_versions(model: ir.Model) -> None:
    """Import the version of ai.onnx.ml that the nodes made here were written for."""
    nodes = [n for n in model.graph.all_nodes() if n.domain == ML_DOMAIN and n.op_type == "TreeEnsemble"]
    if nodes:
        model.graph.opset_imports[ML_DOMAIN] = ML_OPSET
        model.ir_version = max(model.ir_version or 0, IR_VERSION_ML5)
