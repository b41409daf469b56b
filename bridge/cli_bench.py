"""The command `bridge bench`: time an estimator beside its files and other libraries."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli_errors import plain_errors
from bridge.cli_tables import as_fitted
from bridge.errors import InputError
from bridge.targets import STRATEGIES, TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.bench.report import Clock

File = Path | None
Names = list[str] | None
MANY = "Repeat, or write commas, for more."
LIBRARIES = "onnx, hummingbird, onedal, lleaves, nvforest, gtil, tl2cgen"
"""As in `bridge.bench.others`, which --help need not import."""


@plain_errors()
def bench(
    estimator: Annotated[
        File, typer.Argument(help="Fitted estimator: .skops, .joblib or .pkl.", metavar="ESTIMATOR")
    ] = None,
    *,
    sample: Annotated[File, typer.Option(help="Table of what predict will get; timed calls take its rows.")] = None,
    suite: Annotated[
        str | None, typer.Option(help="Instead of an estimator: 'trees', twelve models, and targets.")
    ] = None,
    target: Annotated[Names, typer.Option(help=f"Time the file of this target: {', '.join(TARGETS)}. {MANY}")] = None,
    strategy: Annotated[Names, typer.Option(help=f"Time this form of trees: {', '.join(STRATEGIES)}. {MANY}")] = None,
    rows: Annotated[Names, typer.Option(help=f"Rows of a call; 1, 100 and 10,000 by default. {MANY}")] = None,
    threads: Annotated[int, typer.Option(help="Threads of each contender.", min=1)] = 1,
    method: Annotated[Names, typer.Option(help=f"predict_proba by default, or predict or transform. {MANY}")] = None,
    other: Annotated[Names, typer.Option(help=f"Time this other library: {LIBRARIES}, or none. {MANY}")] = None,
    model: Annotated[Names, typer.Option(help="With --suite: this model alone. Repeat for more.")] = None,
    seconds: Annotated[float, typer.Option(help="Of each measurement.", min=0.0)] = 1.0,
    clock: Annotated[str, typer.Option(help="What the tables show: wall, or cpu where other work runs.")] = "wall",
    output: Annotated[File, typer.Option("--output", "-o", help="Write all figures as JSON here.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Load files that could run their author's code.")] = False,
) -> None:
    """Time an estimator beside bridge's files of it and other libraries."""
    from bridge.data.beside import check_writable

    if clock not in {"wall", "cpu"}:
        raise InputError(f"unknown clock {clock!r}; choose 'wall' or 'cpu'")
    if output is not None:
        check_writable(output)
    shown: Clock = "wall" if clock == "wall" else "cpu"
    common = {"rows": _numbers(rows) or [1, 100, 10_000], "threads": threads, "seconds": seconds}
    others = None if other is None else _split(other)
    if suite is not None:
        files = {"ESTIMATOR": estimator, "--sample": sample, "--trust": trust}
        if given := [
            w for w, v in (files | {"--target": target, "--strategy": strategy, "--method": method}).items() if v
        ]:
            raise InputError(f"--suite has models and forms of its own; leave out {', '.join(given)}")
        results = _time_suite(suite, models=model or [], others=others, clock=shown, **common)
    else:
        if estimator is None or sample is None:
            raise InputError(
                "there is nothing to time: give an estimator's file and --sample, a table of what predict gets, "
                "or --suite trees"
            )
        if model:
            raise InputError("--model names one of a suite's; give --suite trees, or leave it out")
        asked = {"targets": _split(target), "strategies": _split(strategy), "methods": _split(method) or None}
        results = _time_file(estimator, sample, trust=trust, others=others, clock=shown, **asked, **common)
    if output is not None:
        _write(results, output)


def _time_file(estimator: Path, sample: Path, *, trust: bool, clock: Clock, **options: Any) -> dict[str, Any]:
    from rich.console import Console

    from bridge.bench.machine import describe_machine, load
    from bridge.bench.others import distributions
    from bridge.bench.report import to_json
    from bridge.bench.trial import time_estimator
    from bridge.bench.view import show_comparison, show_machine
    from bridge.data.files import read_table
    from bridge.export.saved import read_estimator
    from bridge.waiting import waiting

    before = load()
    with waiting(f"Reading {estimator.name} and {sample.name}"):
        fitted = read_estimator(estimator, trust=trust)
        table = as_fitted(fitted, read_table(sample))
    with _steps() as say:
        found = time_estimator(fitted, table, say=say, **options)
    machine = describe_machine(before, distributions(fitted, options["others"]))
    console = Console(highlight=False)
    for comparison in found:
        show_comparison(comparison, clock, console)
    show_machine(machine, options["threads"], clock, console)
    return to_json(machine, found)


def _time_suite(suite: str, *, clock: Clock, **options: Any) -> dict[str, Any]:
    from bridge.bench.suite import run_suite

    with _steps() as say:
        return run_suite(suite, clock=clock, say=say, **options)


@contextmanager
def _steps() -> Iterator[Callable[[str], None]]:
    """Yield a function that says on stderr what comes next: a line on a terminal that the next one replaces."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda what: console.print(what, markup=False)
        return
    with console.status("") as status:
        yield lambda what: status.update(what.replace("[", r"\["))


def _split(values: Sequence[str] | None) -> list[str]:
    return [part.strip() for value in values or [] for part in value.split(",") if part.strip()]


def _numbers(values: Sequence[str] | None) -> list[int]:
    found = []
    for part in _split(values):
        if not part.isdecimal() or int(part) < 1:
            raise InputError(f"--rows is {part!r}; expected whole numbers from 1 on, such as 1,100,10000")
        found.append(int(part))
    return found


def _write(results: dict[str, Any], output: Path) -> None:
    from bridge.data.beside import written_beside

    with written_beside(output) as beside:
        beside.write_text(json.dumps(results, indent=1))
    typer.echo(f"{output}: all figures")
