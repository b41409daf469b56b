"""Time the kernel of `bridge::Forest` beside the models' own predictions, onnxruntime's tree kernel and our tensors.

    pip install ./custom_ops
    python scripts/bench_native.py [--models NAME ...] [--rows 1 100 10000] [--threads 1] [--json bench_native.json]

float32, 28 columns; each answer is `predict_proba`, through bridge's predictor or by the bare session. `own`
is the model itself, `ml` onnxruntime's TreeEnsemble, `auto` what target cpu writes, `kernel` the native operator, and
`floor` a graph of one Identity. Two tables: microseconds of CPU time of this process, and how many times the kernel is
as fast.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from measure import measure_together, on_new_rows
from onnx import TensorProto, helper
from sklearn.datasets import make_classification
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier

import bridge
from bridge.runtime.native import find_native
from bridge.runtime.session import DISABLED_OPTIMIZERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

FEATURES, FITTED_ROWS = 28, 20_000
CATEGORICAL, CATEGORIES = 8, 40
RUNNERS = ("own", "ml", "auto", "auto (session)", "kernel", "kernel (session)", "floor")


def _lightgbm(threads: int) -> Any:
    from lightgbm import LGBMClassifier

    return LGBMClassifier(n_estimators=500, n_jobs=threads, verbose=-1)


def _xgboost(threads: int) -> Any:
    from xgboost import XGBClassifier

    return XGBClassifier(n_estimators=500, max_depth=6, n_jobs=threads)


MODELS: dict[str, Callable[[int], Any]] = {
    "forest 100 d8": lambda threads: RandomForestClassifier(100, max_depth=8, random_state=0, n_jobs=threads),
    "forest 100": lambda threads: RandomForestClassifier(100, random_state=0, n_jobs=threads),
    "gradient boosting 100": lambda _: GradientBoostingClassifier(random_state=0),
    "histogram 100": lambda _: HistGradientBoostingClassifier(random_state=0, early_stopping=False),
    "histogram 500": lambda _: HistGradientBoostingClassifier(max_iter=500, random_state=0, early_stopping=False),
    "lightgbm 500": _lightgbm,
    "xgboost 500 d6": _xgboost,
    "forest 100 d8, NaN": lambda threads: RandomForestClassifier(100, max_depth=8, random_state=0, n_jobs=threads),
    "histogram 100, NaN": lambda _: HistGradientBoostingClassifier(random_state=0, early_stopping=False),
    "histogram 100, sets": lambda _: HistGradientBoostingClassifier(
        random_state=0, early_stopping=False, categorical_features=[*range(CATEGORICAL)]
    ),
    "forest 100 d8, 5 of": lambda threads: RandomForestClassifier(100, max_depth=8, random_state=0, n_jobs=threads),
    "histogram 100, 5 of": lambda _: HistGradientBoostingClassifier(random_state=0, early_stopping=False),
}
"""Those whose names end so get a tenth of the numbers missing, columns of categories, or five classes."""


def _data(name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    classes = 5 if name.endswith(", 5 of") else 2
    x, y = make_classification(FITTED_ROWS, FEATURES, n_informative=12, n_classes=classes, random_state=0)
    x = x.astype(np.float32)
    rng = np.random.default_rng(0)
    if name.endswith(", NaN"):
        x[rng.random(x.shape) < 0.1] = np.nan
    if name.endswith(", sets"):
        codes = rng.permutation(CATEGORIES)
        for column in x.T[:CATEGORICAL]:
            cuts = np.quantile(column, np.linspace(0, 1, CATEGORIES + 1)[1:-1])
            column[:] = codes[np.digitize(column, cuts)]
    return x, y


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=[*MODELS])
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 100, 10_000])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--budget", type=float, default=1.0, help="seconds of each measurement")
    parser.add_argument("--json", type=Path, default=Path("bench_native.json"))
    options = parser.parse_args()
    if find_native().path is None:
        print(f"There is no kernel to measure: {find_native().told}", file=sys.stderr)
        return 1
    cells = []
    for name in options.models:
        x, y = _data(name)
        runs = _runners(name, x, y, options.threads)
        for rows in options.rows:
            calls = {runner: on_new_rows(run, x, rows) for runner, run in runs.items()}
            times = measure_together(calls, options.budget)
            cells.append({"model": name, "rows": rows} | {runner: t.cpu * 1e6 for runner, t in times.items()})
        print(f"{name}: done, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    about = {"threads": options.threads, "kernel": find_native().told, "load": os.getloadavg()[0]}
    options.json.write_text(json.dumps(about | {"cells": cells}, indent=1))
    print(f"{find_native().told}; {options.threads} threads, load {os.getloadavg()[0]:.1f}")
    _print_table("Microseconds of CPU time", cells, lambda cell, name: f"{cell[name]:,.1f}")
    _print_table("Times as fast is the kernel", cells, lambda cell, name: f"{cell[name] / _kernel(cell, name):.2f}")
    return 0


def _kernel(cell: dict[str, Any], name: str) -> float:
    """Return the kernel's time in the manner of a runner: through the predictor, or by the session."""
    by_predictor = name in {"own", "auto", "kernel"}
    return float(cell["kernel" if by_predictor else "kernel (session)"])


def _runners(name: str, x: NDArray[Any], y: NDArray[Any], threads: int) -> dict[str, Callable[[Any], object]]:
    """Return what predicts with one model, by name; all agree on the rows that the model was fitted on."""
    model = MODELS[name](threads).fit(x, y)
    auto = bridge.export(model, x[:500], target="cpu")
    native = bridge.export(model, x[:500], target="cpu", strategy="forest")
    own = model.predict_proba(x[:500])
    runs: dict[str, Callable[[Any], object]] = {"own": model.predict_proba}
    for label, graph in (("auto", auto), ("kernel", native)):
        runs[label] = bridge.load(graph, device="cpu", threads=threads).predict_proba
        runs[f"{label} (session)"] = _session(graph, threads)
    runs["ml"] = _session(_tree_ensemble(model, x), threads)
    runs["floor"] = _session(_identity(), threads)
    for label in ("auto", "kernel"):
        np.testing.assert_allclose(np.asarray(runs[label](x[:500])), own, atol=1e-6)
    return {runner: runs[runner] for runner in RUNNERS}


def _tree_ensemble(model: Any, x: NDArray[Any]) -> onnx.ModelProto:
    """Return the model with its trees in onnxruntime's kernel alone: what target cpu writes for few rows."""
    graph = bridge.export(model, x[:500], target="cpu", check=False)
    branches = [n for n in graph.graph.node if n.op_type == "If"]
    for node in branches:
        bodies = [a.g for a in node.attribute]
        (few,) = [g for g in bodies if any(n.op_type == "TreeEnsemble" for n in g.node)]
        place = list(graph.graph.node).index(node)
        del graph.graph.node[place]
        inner = [*few.node, helper.make_node("Identity", [few.output[0].name], [node.output[0]])]
        for i, body_node in enumerate(inner):
            graph.graph.node.insert(place + i, body_node)
        graph.graph.initializer.extend(few.initializer)
    return graph


def _identity() -> onnx.ModelProto:
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, FEATURES]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "floor", tensors[:1], tensors[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _session(model: onnx.ModelProto, threads: int) -> Callable[[Any], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.register_custom_ops_library(str(find_native().path))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, ["CPUExecutionProvider"], disabled_optimizers=DISABLED_OPTIMIZERS
    )
    wanted = [o.name for o in session.get_outputs() if o.name in {"predict_proba", "y"}]
    return partial(_run, session._sess.run, wanted, session.get_inputs()[0].name)  # noqa: SLF001


def _run(run: Callable[..., Any], outputs: list[str], name: str, rows: Any) -> object:
    return run(outputs, {name: rows}, None)


def _print_table(title: str, cells: Sequence[dict[str, Any]], show: Callable[[dict[str, Any], str], str]) -> None:
    width = max(len(name) for name in RUNNERS) + 2
    print(f"\n{title}\n{'model':22}{'rows':>8}" + "".join(f"{name:>{width}}" for name in RUNNERS))
    for cell in cells:
        shown = "".join(f"{show(cell, name):>{width}}" for name in RUNNERS)
        print(f"{cell['model']:22}{cell['rows']:8,}{shown}")


if __name__ == "__main__":
    sys.exit(main())
