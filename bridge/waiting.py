"""Say on the terminal that something is going on, once it takes longer than a moment."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Task

PATIENCE = 2.0
"""Seconds without a word."""


@contextmanager
def waiting(what: str, *, total: int | None = None, unit: str = "") -> Iterator[Callable[[int], None]]:
    """Show `what` on stderr, with the time gone by, if the block takes over two seconds.

    Yields a function to call with the number of steps done; with `total`, a bar shows them, with `unit`, their
    number and how many a second, with both, the time left. Where stderr is no terminal, one line says it.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(TextColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{int(task.completed):,} {unit}" + (f", {int(speed):,} {unit}/s" if speed else ""))

    console = Console(stderr=True)
    name = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
    if unit:
        left = (
            [BarColumn(20), TimeRemainingColumn(), TextColumn("left")] if total is not None else [TimeElapsedColumn()]
        )
        columns = [*name, RateColumn(""), *left]
    else:
        bar = [BarColumn(), MofNCompleteColumn()] if total is not None else []
        columns = [*name, *bar, TimeElapsedColumn()]
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = progress.add_task(what, total=total)
    start = progress.start if console.is_terminal else lambda: console.print(f"{what} ...", markup=False)
    timer = Timer(PATIENCE, start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda steps: progress.advance(task, steps)
    finally:
        timer.cancel()
        timer.join()
        progress.stop()
