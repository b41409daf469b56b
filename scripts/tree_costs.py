"""Measure the constants of bridge/passes/lowering/trees/cost.py, and print them beside those in the file.

    python scripts/tree_costs.py [--device cpu|cuda] [--repeats 5]

Each constant is a slope: the time that further levels of complete trees take, so what else a call costs drops out. On
the CPU one thread of onnxruntime runs, and its CPU time counts: other work on the machine disturbs it less. On CUDA the
clock counts, on more rows. Takes two minutes. The first table has the least and the median of all repeats; the second,
for the CPU, microseconds of 100 trees for 100 rows: the least measured, and what `estimate` makes of the constants in
the file. Exits 2 where the device cannot be used.
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
from measure import Times, measure_together, on_new_rows

from bridge.errors import BridgeError
from bridge.export.builder import Builder
from bridge.forest import Forest, concatenate
from bridge.opset import BRIDGE_DOMAIN, BRIDGE_OPSET, IR_VERSION, MAIN_DOMAIN, MAIN_OPSET, ML_DOMAIN, ML_OPSET
from bridge.passes.lowering.trees import cost
from bridge.passes.packed_lists import to_proto
from bridge.passes.pipeline import run_pipeline
from bridge.passes.rule import Options
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


OPERATOR = Slope("traverse", 4, 24, trees=1, rows=1)
"""One path through few nodes costs nothing but its operators; these trees are chains."""
OPERATORS_A_LEVEL = {"kernel": 0, "oblivious": 0, "tournament": cost.ROUND_OPERATORS, "traverse": cost.STEP_OPERATORS}
FORMS: tuple[Form, ...] = ("oblivious", "tournament", "traverse", "kernel")
DEPTHS = (1, 2, 3, 4, 6, 8, 10)


def slopes(rows: int) -> dict[str, Slope]:
    """Return what to measure on this many rows; the operators come first, since the others are less these."""
    return {
        "OPERATOR_US": OPERATOR,
        "STEP_NS": Slope("traverse", 4, 8, TREES, rows),
        "DECISION_NS": Slope("tournament", 3, 7, TREES, rows),
        "BIT_NS": Slope("oblivious", 3, 9, TREES, rows),
    } | ({"KERNEL_NS": Slope("kernel", 4, 8, TREES, rows)} if rows == cost.ROWS else {})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    clock = "cpu" if options.device == "cpu" else "wall"
    lines = ["dtype    rows    constant       least  median  in cost.py"]
    for dtype in (np.float32, np.float64):
        for rows in (cost.ROWS, 1000) if options.device == "cpu" else (100_000,):
            chosen = slopes(rows)
            try:
                calls = dict(_calls(chosen, dtype, options.device))
            except BridgeError as error:
                print(f"tree_costs: {error}", file=sys.stderr)
                return 2
            found = [_constants(chosen, measure_together(calls), clock) for _ in range(options.repeats)]
            for name in chosen:
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
        cells = (f"{least[form]:9.0f}:{cost.estimate(form, depth, TREES):8.0f}" for form in FORMS)
        print(f"{depth:5d} " + "".join(cells))


def _calls(chosen: dict[str, Slope], dtype: DTypeLike, device: Device) -> Iterator[tuple[str, Callable[[], object]]]:
    rng = np.random.default_rng(0)
    for name, slope in chosen.items():
        x = rng.normal(size=(max(slope.rows, POOL), FEATURES)).astype(dtype)
        for depth in (slope.shallow, slope.deep):
            make = _chain if slope is OPERATOR else partial(_complete, symmetric=slope.form == "oblivious")
            forest = concatenate(make(depth, rng) for _ in range(slope.trees))
            yield f"{name} {depth}", on_new_rows(_open(forest, dtype, slope.form, device), x, slope.rows)


def _constants(chosen: dict[str, Slope], times: dict[str, Times], clock: str) -> dict[str, float]:
    """Return the constants in the units of cost.py, from the times of the calls."""
    found: dict[str, float] = {}
    for name, slope in chosen.items():
        shallow, deep = (getattr(times[f"{name} {depth}"], clock) for depth in (slope.shallow, slope.deep))
        levels = slope.deep - slope.shallow
        operators = levels * OPERATORS_A_LEVEL[slope.form]
        if name == "OPERATOR_US":
            found[name] = 1e6 * (deep - shallow) / operators
            continue
        elements = 2**slope.deep - 2**slope.shallow if slope.form == "tournament" else levels
        started = 1e-6 * operators * found["OPERATOR_US"]
        found[name] = 1e9 * (deep - shallow - started) / (elements * slope.trees * slope.rows)
    return found


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
    builder = Builder()
    tensor = ir.TensorType(ir.DataType.from_numpy(np.dtype(dtype)))
    rows = ir.Value(name="X", type=tensor, shape=ir.Shape(["batch", FEATURES]))
    total = builder.forest(forest, rows)
    total.name = "total"
    opsets = {MAIN_DOMAIN: MAIN_OPSET, ML_DOMAIN: ML_OPSET, BRIDGE_DOMAIN: BRIDGE_OPSET}
    tables = builder.initializers
    graph = ir.Graph([rows], [total], nodes=builder.nodes, initializers=tables, name="trees", opset_imports=opsets)
    options = Options("cpu") if form == "kernel" else Options("cuda", form)
    model = run_pipeline(ir.Model(graph, ir_version=IR_VERSION), options, precision="exact")
    session = open_session(to_proto(model).SerializeToString(), device=device, threads=1)
    return lambda x: session.run(["total"], {"X": x})


if __name__ == "__main__":
    sys.exit(main())
