"""Print what was measured, 80 columns wide."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from bridge.bench.machine import Machine
    from bridge.bench.report import Clock, Comparison

CLOCKS: dict[Clock, str] = {"wall": "by the clock", "cpu": "of this process's CPU time"}
BUSY = 0.5
"""More waiting processes than that beside the measurement itself are told."""


def show_comparison(found: Comparison, clock: Clock, console: Console) -> None:
    """Print one block for each number of rows: times, spreads, rows a second, and ratios to the estimator's own."""
    table = _table(f"{found.model}.{found.method}, {found.columns} columns, {found.dtype}")
    for header in ("differs", "us a call", "spread", "rows/s", "ratio"):
        table.add_column(header, justify="right", no_wrap=True)
    for rows, times in found.times.items():
        table.add_row(f"[bold]{rows:,} row{'s' if rows > 1 else ''} a call[/bold]")
        for name in times:
            seconds = found.seconds(name, rows, clock)
            spread = float(getattr(times[name], f"{clock}_spread"))
            differs = str(found.differences[name]) if name in found.differences else ""
            speed = f"{rows / seconds:,.0f}" if seconds else "-"
            ratio = format_ratio(found.ratio(name, rows, clock)) if name in found.differences else ""
            table.add_row(f"  {escape(found.title(name))}", differs, _micro(seconds), f"{spread:.0%}", speed, ratio)
    console.print(table)
    _show_left_out(found, console)


def show_briefly(found: Comparison, clock: Clock, console: Console) -> None:
    """Print one row a contender: time and ratio for each number of rows."""
    table = _table(found.model)
    for rows in found.times:
        table.add_column(f"{rows:,} rows" if rows > 1 else "1 row", justify="right", no_wrap=True)
        table.add_column("ratio", justify="right", no_wrap=True)
    for name in next(iter(found.times.values())):
        row = [escape(found.title(name))]
        for rows in found.times:
            ratio = format_ratio(found.ratio(name, rows, clock)) if name in found.differences else ""
            row += [_micro(found.seconds(name, rows, clock)), ratio]
        table.add_row(*row)
    console.print(table)
    _show_left_out(found, console)


def show_machine(machine: Machine, threads: int, clock: Clock, console: Console) -> None:
    """Print what the times mean, and what they were measured on."""
    for line in _machine_lines(machine, threads, clock):
        console.print(fill(line, console.width, break_on_hyphens=False), markup=False)


def format_ratio(ratio: float) -> str:
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.2f}x"


def _machine_lines(machine: Machine, threads: int, clock: Clock) -> Iterator[str]:
    yield (
        f"Microseconds {CLOCKS[clock]}: medians of runs in turns, after a warm-up, on new rows each call; spread: the "
        f"middle half of the runs. Ratio 2x: twice as fast as the estimator itself. Each with "
        f"{threads} thread{'s' if threads > 1 else ''}."
    )
    before, after = machine.loads
    yield f"{machine.processor}, {machine.cores} cores; load {before:.1f} before, {after:.1f} at the end."
    yield ", ".join(f"{name} {number}" for name, number in machine.versions.items()) + "."
    yield f"bridge::Forest: {machine.kernel}."
    if threads > 1 and clock == "cpu":
        yield "CPU time adds up that of all threads: it does not tell how long a call takes."
    elif before > BUSY and clock == "wall":
        yield "Other work was running here, which slows calls: --clock cpu counts this process alone."


def _show_left_out(found: Comparison, console: Console) -> None:
    for name, reason in found.left_out.items():
        console.print(fill(f"{name}: {reason}", console.width, subsequent_indent="  "), markup=False)
    for name, difference in found.differences.items():
        if difference.problem:
            console.print(fill(f"{name}: {difference.problem}", console.width), markup=False)
    console.print()


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, min_width=len(title))
    table.add_column("", no_wrap=True)
    return table


def _micro(seconds: float) -> str:
    value = seconds * 1e6
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
