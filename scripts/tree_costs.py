"""Measure what each form of a tree ensemble costs on one thread, for the constants of `trees/cost.py` (a minute).

python scripts/tree_costs.py

By form and depth: nanoseconds of process time for a tree and a row, microseconds for one row, and, in brackets, for
100 rows: measured, and as `estimate` has it. Each is the least of several runs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.export.builder import Builder
from bridge.forest import Forest, concatenate
from bridge.opset import BRIDGE_DOMAIN, BRIDGE_OPSET, IR_VERSION, MAIN_DOMAIN, MAIN_OPSET
from bridge.passes.lowering.trees.cost import Form, estimate
from bridge.passes.pipeline import run_pipeline
from bridge.passes.rule import Options
from bridge.runtime.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FORMS: tuple[Form, ...] = ("oblivious", "tournament", "traverse")
DEPTHS = (1, 2, 3, 4, 6, 8, 10)
TREES, FEATURES, MANY = 100, 20, 100
RUNS = 9


def main() -> None:
    rng = np.random.default_rng(0)
    print(f"{TREES} trees      ", *(f"{form:>34}" for form in FORMS))
    for depth in DEPTHS:
        forest = concatenate([_symmetric_tree(rng, depth) for _ in range(TREES)])
        cells = []
        for form in FORMS:
            run = _open(forest, form)
            few, many = (_least_seconds(run, rng.normal(size=(n, FEATURES)).astype(np.float32)) for n in (1, MANY))
            per_row = (many - few) / (MANY - 1)
            expected = estimate(form, depth, TREES, MANY)
            cells.append(f"{1e9 * per_row / TREES:7.2f} ns {1e6 * few:6.0f} us ({1e6 * many:5.0f}:{expected:5.0f})")
        print(f"depth {depth:2}       ", *(f"{cell:>34}" for cell in cells))


def _symmetric_tree(rng: np.random.Generator, depth: int) -> Forest:
    """Return a tree that asks one question a level, so that every form takes it."""
    inner = 2**depth - 1
    number = np.arange(2 * inner + 1)
    level = np.repeat(np.arange(depth + 1), 2 ** np.arange(depth + 1))
    asks = number < inner
    return Forest(
        feature=np.where(asks, rng.integers(FEATURES, size=depth + 1)[level], 0).astype(np.int32),
        threshold=np.where(asks, rng.normal(size=depth + 1)[level], 0.0),
        left=np.where(asks, 2 * number + 1, -1).astype(np.int32),
        right=np.where(asks, 2 * number + 2, -1).astype(np.int32),
        leaf=np.where(asks, -1, number - inner).astype(np.int32),
        missing_left=np.zeros(len(number), np.bool_),
        roots=np.zeros(1, np.int32),
        values=rng.normal(size=(inner + 1, 1)),
        category=np.full(len(number), -1, np.int32),
    )


def _open(forest: Forest, form: Form) -> Callable[[NDArray[np.float32]], object]:
    b = Builder()
    x = ir.Value(name="X", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(["batch", FEATURES]))
    total = b.forest(forest, x)
    total.name, total.shape = "total", ir.Shape(["batch", 1])
    opsets = {MAIN_DOMAIN: MAIN_OPSET, BRIDGE_DOMAIN: BRIDGE_OPSET}
    graph = ir.Graph([x], [total], nodes=b.nodes, initializers=b.initializers, opset_imports=opsets, name="forest")
    lowered = run_pipeline(ir.Model(graph, ir_version=IR_VERSION), Options("cuda", form), precision="exact")
    session = open_session(ir.to_proto(lowered).SerializeToString(), device="cpu", threads=1)
    return lambda rows: session.run(["total"], {"X": rows})


def _least_seconds(run: Callable[[NDArray[np.float32]], object], rows: NDArray[np.float32]) -> float:
    repeats = max(3, 300 // len(rows))
    least = np.inf
    for _ in range(RUNS):
        start = time.process_time()
        for _ in range(repeats):
            run(rows)
        least = min(least, (time.process_time() - start) / repeats)
    return least


if __name__ == "__main__":
    main()
