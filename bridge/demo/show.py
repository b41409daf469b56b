"""Run the demo on a terminal: progress while it works, one table at its end."""

from __future__ import annotations

import os
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bridge.cores import usable_cores
from bridge.demo.flights import load_flights
from bridge.demo.trial import CASES, Trial, sizes_within
from bridge.runtime.providers import cuda_is_usable, import_onnxruntime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def run_demo(*, rows: int | None = None, folder: Path | None = None) -> bool:
    """Print how equal and how fast exported flight models are; return whether all are as equal as promised.

    Parameters
    ----------
    rows
        How many flights to use; by default all.
    folder
        Where to keep the exported files; by default they are removed.
    """
    start = perf_counter()
    console = Console(highlight=False)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        trials = _run(rows, folder)
    else:
        with TemporaryDirectory() as temporary:
            trials = _run(rows, Path(temporary))
    console.print(_table(trials))
    for note in _notes(trials):
        console.print(note, markup=False)
    ok = all(line.ok for trial in trials for line in trial.lines)
    console.print(f"\n{'All equal as promised' if ok else 'NOT as equal as promised'} ({perf_counter() - start:.0f} s)")
    return ok


def _run(rows: int | None, folder: Path) -> list[Trial]:
    with _progress(1 + len(CASES) * Trial.count_steps()) as step:
        step("reading the flights")
        count = len(load_flights()[0])
        trials = [Trial(case, min(rows or count, count), folder) for case in CASES]
        for trial in trials:
            for what in trial.steps():
                step(what)
    return trials


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that says on stderr what comes next: a bar on a terminal, else a line each."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda what: console.print(what, markup=False, highlight=False)
        return
    columns = (BarColumn(10), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total)

        def step(what: str) -> None:
            progress.update(task, advance=1, description=what)

        yield step


def _table(trials: list[Trial]) -> Table:
    rows = trials[0].lines[0].rows
    sizes = [f"{size:,}" for size in (*sizes_within(rows), rows)]
    table = Table(title=f"Flights not seen in the fit: {sizes[-1]}", title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for header in ("labels\ndiffer", "worst\nerror", "oper-\nators", *(f"{size}\nrows" for size in sizes)):
        table.add_column(header, justify="right")
    for trial in trials:
        table.add_row(f"[bold]{trial.case.name}[/bold]")
        table.add_row("  scikit-learn", "", "", "", *map(_seconds, trial.seconds))
        for line in trial.lines:
            ratios = map(_ratio, trial.seconds, line.seconds)
            figures = (str(line.labels_differing), f"{line.worst_error:.0e}", str(line.operators))
            table.add_row(f"  {line.target}", *figures, *ratios)
    return table


def _ratio(theirs: float, ours: float) -> str:
    ratio = theirs / ours
    return f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.1f}x"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.1f} ms"


def _notes(trials: list[Trial]) -> Iterator[str]:
    where = "a CUDA device" if cuda_is_usable() else "the CPU too, as there is no CUDA device here"
    yield (
        "\nTimes of predict: a DataFrame (last: an array) in, labels out; medians.\n"
        f"scikit-learn {version('scikit-learn')}, with its own threads or with one, whichever is faster;\n"
        f"onnxruntime {import_onnxruntime().__version__} with {usable_cores()} threads; {os.cpu_count()} cores.\n"
        "2.0x: twice as fast as scikit-learn. Worst error: of a probability.\n"
        f"The cuda files ran on {where}."
    )
    for trial in trials:
        for line in trial.lines:
            for text in line.explained:
                yield f"{trial.case.name}, {line.target}, {text}"
