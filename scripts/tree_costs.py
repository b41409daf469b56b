"""Measure the constants of bridge/passes/lowering/trees/cost.py, and print them beside those in the file.

    python scripts/tree_costs.py [--device cpu|cuda] [--repeats 5]

Each is measured by slopes: the time that further levels of complete trees take, so what else a call costs drops out;
one tree and many, one row and many, tell the constants of a form apart. On the CPU one thread of onnxruntime runs, and
its CPU time counts: other work on the machine disturbs it less. On CUDA the clock counts, on more rows. Takes four
minutes. The first table has the least and the median of all repeats; the second, for the CPU, microseconds of 100 trees
for 100 rows: the least measured, and what `form_cost` makes of the constants in the file. Exits 2 where the device
cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.bench.measure import Times, measure_together, on_new_rows
from bridge.errors import BridgeError
from bridge.forest import Forest, concatenate
from bridge.opset import IR_VERSION, MAIN_DOMAIN, MAIN_OPSET, ML_DOMAIN, ML_OPSET
from bridge.passes.lowering.trees import cost
from bridge.passes.lowering.trees.forest_op import write_forest
from bridge.passes.lowering.trees.native import forest_as_ml_operator
from bridge.passes.packed_lists import to_proto
from bridge.passes.pipeline import run_pipeline
from bridge.passes.rule import Options, RuleTape
from bridge.runtime.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import DTypeLike, NDArray

    from bridge.passes.lowering.trees.cost import Form
    from bridge.runtime.providers import Device

    Array = NDArray[Any]

FEATURES = 28
TREES = 100
POOL = 6400
"""Rows that the batches are taken from."""


@dataclass(frozen=True)
class Slope:
    """A form's two depths to compare, and the trees and rows to do it with."""

    form: Form
    shallow: int
    deep: int
    trees: int
    rows: int


FORMS: tuple[Form, ...] = ("oblivious", "tournament", "traverse", "kernel")
DEPTHS = (1, 2, 3, 4, 6, 8, 10)


def slopes(rows: int, *, is_cpu: bool) -> list[Slope]:
    """Return what to measure for constants of this many rows; one path through few nodes costs its operators alone."""
    return [
        Slope("traverse", 4, 24, trees=1, rows=1),
        Slope("traverse", 4, 8, trees=TREES, rows=1),
        Slope("traverse", 4, 8, trees=TREES, rows=rows),
        Slope("tournament", 3, 7, trees=TREES, rows=1),
        Slope("tournament", 3, 7, trees=TREES, rows=rows),
        Slope("oblivious", 3, 9, trees=TREES, rows=rows),
        *([Slope("kernel", 4, 8, trees=TREES, rows=rows)] if is_cpu else []),
    ]


def levels(slope: Slope) -> dict[str, float]:
    """Return how much of each constant the levels between the two depths take; see `form_cost`."""
    depth, rows, trees = slope.deep - slope.shallow, slope.rows, slope.trees / 1000
    decisions = 2**slope.deep - 2**slope.shallow
    return {
        "traverse": {
            "OPERATOR_US": cost.STEP_OPERATORS * depth,
            "TREE_NS": depth * trees,
            "STEP_NS": depth * trees * rows,
        },
        "tournament": {
            "OPERATOR_US": cost.ROUND_OPERATORS * depth,
            "LINE_NS": decisions * trees,
            "DECISION_NS": decisions * trees * rows,
        },
        "oblivious": {"BIT_NS": depth * trees * rows},
        "kernel": {"KERNEL_NS": depth * trees * rows},
    }[slope.form]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    clock = "cpu" if options.device == "cpu" else "wall"
    lines = ["dtype    rows    constant       least  median  in cost.py"]
    for dtype in (np.float32, np.float64):
        for rows in (cost.ROWS, 1000) if options.device == "cpu" else (100_000,):
            chosen = slopes(rows, is_cpu=options.device == "cpu")
            try:
                calls = dict(_calls(chosen, dtype, options.device))
            except BridgeError as error:
                print(f"tree_costs: {error}", file=sys.stderr)
                return 2
            found = [_constants(chosen, measure_together(calls), clock) for _ in range(options.repeats)]
            for name in found[0]:
                values = [constants[name] for constants in found]
                measured = f"{min(values):7.2f} {median(values):7.2f}"
                lines.append(f"{np.dtype(dtype).name:8s} {rows:<7d} {name:12s} {measured} {getattr(cost, name):11}")
    print("\n".join(lines))
    if options.device == "cpu":
        _print_estimates(options.repeats)
    return 0


def _print_estimates(repeats: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(POOL, FEATURES)).astype(np.float32)
    print("\ndepth " + "".join(f"{form:>18s}" for form in FORMS))
    for depth in DEPTHS:
        calls = {}
        for form in FORMS:
            forest = concatenate(_complete(depth, rng, symmetric=form == "oblivious") for _ in range(TREES))
            calls[form] = on_new_rows(_open(forest, np.float32, form, "cpu"), x, cost.ROWS)
        found = [measure_together(calls, 0.2) for _ in range(repeats)]
        least = {form: 1e6 * min(times[form].cpu for times in found) for form in FORMS}
        cells = (f"{least[form]:9.0f}:{cost.form_cost(form, depth, TREES).at(cost.ROWS):8.0f}" for form in FORMS)
        print(f"{depth:5d} " + "".join(cells))


def _calls(chosen: list[Slope], dtype: DTypeLike, device: Device) -> Iterator[tuple[str, Callable[[], object]]]:
    rng = np.random.default_rng(0)
    for number, slope in enumerate(chosen):
        x = rng.normal(size=(max(slope.rows, POOL), FEATURES)).astype(dtype)
        for depth in (slope.shallow, slope.deep):
            make = _chain if slope.trees * slope.rows == 1 else partial(_complete, symmetric=slope.form == "oblivious")
            forest = concatenate(make(depth, rng) for _ in range(slope.trees))
            yield f"{number} {depth}", on_new_rows(_open(forest, dtype, slope.form, device), x, slope.rows)


def _constants(chosen: list[Slope], times: dict[str, Times], clock: str) -> dict[str, float]:
    """Return the constants in the units of cost.py that explain the times of the calls best."""
    taken = [levels(slope) for slope in chosen]
    names = list(dict.fromkeys(name for row in taken for name in row))
    spent = [
        1e6 * (getattr(times[f"{i} {slope.deep}"], clock) - getattr(times[f"{i} {slope.shallow}"], clock))
        for i, slope in enumerate(chosen)
    ]
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in taken])
    return dict(zip(names, np.linalg.lstsq(matrix, np.array(spent))[0].tolist(), strict=True))


def _complete(depth: int, rng: np.random.Generator, *, symmetric: bool) -> Forest:
    """Return a tree with all nodes down to this depth; a symmetric one asks the same question all over a level."""
    nodes = np.arange(2 ** (depth + 1) - 1)
    question = np.repeat(np.arange(depth + 1), 2 ** np.arange(depth + 1)) if symmetric else nodes
    feature, threshold = rng.integers(FEATURES, size=len(nodes)), rng.normal(size=len(nodes))
    return _tree(nodes < 2**depth - 1, 2 * nodes + 1, 2 * nodes + 2, feature[question], threshold[question])


def _chain(depth: int, rng: np.random.Generator) -> Forest:
    """Return a tree that has one decision on each level."""
    nodes = np.arange(2 * depth + 1)
    feature, threshold = rng.integers(FEATURES, size=len(nodes)), rng.normal(size=len(nodes))
    return _tree((nodes % 2 == 0) & (nodes < 2 * depth), nodes + 1, nodes + 2, feature, threshold)


def _tree(inner: Array, left: Array, right: Array, feature: Array, threshold: Array) -> Forest:
    return Forest(
        feature=np.where(inner, feature, 0).astype(np.int32),
        threshold=np.where(inner, threshold, 0.0),
        left=np.where(inner, left, -1).astype(np.int32),
        right=np.where(inner, right, -1).astype(np.int32),
        leaf=np.where(inner, -1, np.cumsum(~inner) - 1).astype(np.int32),
        missing_left=np.zeros(len(inner), np.bool_),
        roots=np.zeros(1, np.int32),
        values=np.arange(1.0, 1.0 + np.count_nonzero(~inner))[:, None],
        category=np.full(len(inner), -1, np.int32),
    )


def _open(forest: Forest, dtype: DTypeLike, form: Form, device: Device) -> Callable[[Array], object]:
    """Return a function that sums the forest, written in this form, for an array of rows."""
    tensor = ir.TensorType(ir.DataType.from_numpy(np.dtype(dtype)))
    rows = ir.Value(name="X", type=tensor, shape=ir.Shape(["batch", FEATURES]))
    options = Options("cpu") if form == "kernel" else Options("cuda", form)
    tape = RuleTape(options)
    total = (forest_as_ml_operator if form == "kernel" else write_forest)(tape, forest, rows)
    total.name = "total"
    for number, value in enumerate(tape.initializers):
        value.name = f"table_{number}"
    opsets = {MAIN_DOMAIN: MAIN_OPSET, ML_DOMAIN: ML_OPSET}
    graph = ir.Graph(
        [rows], [total], nodes=tape.nodes, initializers=tape.initializers, name="trees", opset_imports=opsets
    )
    model = run_pipeline(ir.Model(graph, ir_version=IR_VERSION), options, precision="exact")
    session = open_session(to_proto(model).SerializeToString(), device=device, threads=1)
    return lambda x: session.run(["total"], {"X": x})


if __name__ == "__main__":
    sys.exit(main())
