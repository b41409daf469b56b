"""Built-in models: their own predictions, onnxruntime's kernel and ours, other libraries, and what was aimed at."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from onnx import TensorProto, helper
from rich.console import Console

from bridge.bench import aims
from bridge.bench.aims import FLOOR, KERNEL, KERNEL_SESSION, ML_SESSION, find_aims, show_aims, threads_aim
from bridge.bench.cases import TREES, Case
from bridge.bench.contender import Contender, time_contenders
from bridge.bench.machine import describe_machine, load
from bridge.bench.others import OTHERS, choose_others
from bridge.bench.report import OWN, to_json
from bridge.bench.trial import check_positive, compare, library, make_others
from bridge.bench.view import show_briefly, show_machine
from bridge.compile import export
from bridge.cores import usable_cores
from bridge.errors import InputError, MissingExtraError
from bridge.runtime.native import find_native
from bridge.runtime.predictor import load as load_model
from bridge.runtime.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import onnx
    from numpy.typing import NDArray

    from bridge.bench.aims import Aim
    from bridge.bench.report import Clock, Comparison

SUITES = {"trees": TREES}
METHOD = "predict_proba"
AUTO = "target cpu, auto"
SAMPLE_ROWS = 500
"""Rows of the sample of an export."""


def run_suite(
    suite: str,
    *,
    models: Sequence[str] = (),
    others: Sequence[str] | None = None,
    rows: Sequence[int],
    threads: int,
    seconds: float,
    clock: Clock,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Print the times of a suite's models, each once it is measured, and the aims; return all as JSON objects.

    Raises `InputError` for a name that does not exist, and `MissingExtraError` without the native operator, which the
    suite is about, or without a library that a model is of.
    """
    cases = _choose_cases(suite, models)
    libraries = choose_others(["onedal", "lleaves", "nvforest"] if others is None else others)
    check_positive("rows", rows)
    if find_native().path is None:
        raise InputError(f"the suite times bridge's own kernel, and there is none: {find_native().told}")
    before, console = load(), Console(highlight=False)
    measured: list[Comparison] = []
    found: list[Aim] = []
    for case in cases:
        try:
            comparison, threads_found = _measure(case, libraries, rows, threads, seconds, say)
        except MissingExtraError as error:
            console.print(f"{case.name}: left out: {' '.join(str(error).split())}\n", markup=False)
            continue
        show_briefly(comparison, clock, console)
        measured.append(comparison)
        found += [*find_aims(case, comparison, clock), threads_found]
    show_aims(found, console)
    distributions = [d for name in libraries for d in OTHERS[name].distributions]
    machine = describe_machine(before, ["lightgbm", "xgboost", "xgboost-cpu", *distributions])
    show_machine(machine, threads, clock, console)
    return to_json(machine, measured, {"aims": [aim.to_json() for aim in found]})


def _choose_cases(suite: str, models: Sequence[str]) -> tuple[Case, ...]:
    if suite not in SUITES:
        raise InputError(f"unknown suite {suite!r}; choose {' or '.join(map(repr, SUITES))}")
    names = [case.name for case in SUITES[suite]]
    if unknown := [name for name in models if name not in names]:
        raise InputError(f"no model {', '.join(map(repr, unknown))} in the suite; it has {'; '.join(names)}")
    return tuple(case for case in SUITES[suite] if not models or case.name in models)


def _measure(
    case: Case,
    libraries: Sequence[str],
    sizes: Sequence[int],
    threads: int,
    seconds: float,
    say: Callable[[str], None],
) -> tuple[Comparison, Aim]:
    say(f"{case.name}: fitting")
    model, x = case.fit(threads)
    say(f"{case.name}: exporting")
    native = export(model, x[:SAMPLE_ROWS], target="cpu", strategy="forest", methods=[METHOD])
    auto = export(model, x[:SAMPLE_ROWS], target="cpu", methods=[METHOD])
    kernel = load_model(native, device="cpu", threads=threads)
    contenders = {
        OWN: model.predict_proba,
        ML_SESSION: _session(_few_rows_branch(auto), threads),
        AUTO: load_model(auto, device="cpu", threads=threads).predict_proba,
        KERNEL: kernel.predict_proba,
        KERNEL_SESSION: _session(native, threads),
    }
    beside, left_out = make_others(model, x, METHOD, libraries, threads, say)
    comparison = compare(
        case.name,
        METHOD,
        {name: Contender(run, x) for name, run in contenders.items()} | beside,
        unlike={FLOOR: Contender(_session(_identity(x.shape[1]), threads), x)},
        sizes=sizes,
        threads=threads,
        own=library(model),
        left_out=left_out,
        seconds=seconds,
        say=say,
    )
    return comparison, _measure_threads(case, native, x, seconds, say)


def _measure_threads(
    case: Case, native: onnx.ModelProto, x: NDArray[Any], seconds: float, say: Callable[[str], None]
) -> Aim:
    """Return how many times as fast two threads are as one, by the clock: CPU time does not tell."""
    if usable_cores() < aims.MOST_THREADS:
        return threads_aim(case, None, "needs two cores")
    say(f"{case.name}: timing {aims.MOST_THREADS} threads")
    counts = (1, aims.MOST_THREADS)
    runs = {str(n): Contender(load_model(native, device="cpu", threads=n).predict_proba, x) for n in counts}
    one, two = (times.wall for times in time_contenders(runs, aims.MOST_ROWS, seconds).values())
    # Without others' work the load is at most what this measurement makes of it.
    is_busy = load() > aims.MOST_THREADS
    return threads_aim(case, one / two, "cores busy" if is_busy else "")


def _few_rows_branch(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return a file of target cpu with its trees in onnxruntime's kernel alone: what it holds for few rows."""
    model = type(graph)()
    model.CopyFrom(graph)
    nodes = model.graph.node
    for node in [n for n in nodes if n.op_type == "If"]:
        (few,) = [a.g for a in node.attribute if any(n.op_type == "TreeEnsemble" for n in a.g.node)]
        place = list(nodes).index(node)
        inner = [*few.node, helper.make_node("Identity", [few.output[0].name], [node.output[0]])]
        del nodes[place]
        for i, inner_node in enumerate(inner):
            nodes.insert(place + i, inner_node)
        model.graph.initializer.extend(few.initializer)
    return model


def _identity(columns: int) -> onnx.ModelProto:
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, columns]) for name in ("x", METHOD)]
    node = helper.make_node("Identity", ["x"], [METHOD])
    graph = helper.make_graph([node], "floor", tensors[:1], tensors[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def _session(model: onnx.ModelProto, threads: int) -> Callable[[Any], Any]:
    session = open_session(model.SerializeToString(), device="cpu", threads=threads)
    return partial(_run, session.run, session.inputs[0])


def _run(run: Any, name: str, rows: NDArray[np.float32]) -> Any:
    return run([METHOD], {name: rows})[0]
