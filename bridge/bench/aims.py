"""How fast the native kernel is meant to be, and whether it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.table import Table

from bridge.bench.others import OTHERS
from bridge.bench.view import format_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from bridge.bench.cases import Case
    from bridge.bench.report import Clock, Comparison

KERNEL, KERNEL_SESSION = "kernel", "kernel, bare session"
ML_SESSION = "onnxruntime, bare session"
"""onnxruntime's own kernel of trees."""
FLOOR = "a call of Identity"
"""The least that a call of onnxruntime takes."""
MANY = 10_000
MOST_THREADS, MOST_ROWS = 2, 100_000
"""Of the measurement with two threads."""
EQUAL = 1e-4
"""Where another library differs by more, that is told beside the ratio; where the kernel does, no aim is met."""


@dataclass(frozen=True)
class Aim:
    """A ratio that was promised, and the one that was found.

    Attributes
    ----------
    model, rows
        What was timed.
    words
        The ratio: of what.
    aim
        At least this; with `is_most`, at most.
    found
        The ratio; None where it was not measured.
    note
        What a reader should know beside it.
    is_fair
        Whether the measurement can say anything.
    """

    model: str
    rows: int
    words: str
    aim: float
    found: float | None
    is_most: bool = False
    note: str = ""
    is_fair: bool = True

    @property
    def met(self) -> bool | None:
        """Whether it was reached; None where that was not measured."""
        if self.found is None or not self.is_fair:
            return None
        return self.found <= self.aim if self.is_most else self.found >= self.aim

    @property
    def verdict(self) -> str:
        word = {None: "not measured", True: "met", False: "MISSED"}[self.met]
        return f"{word}: {self.note}" if self.note else word

    def to_json(self) -> dict[str, Any]:
        keys = ("model", "rows", "words", "aim", "found", "is_most", "note", "met")
        return {key: getattr(self, key) for key in keys}


def find_aims(case: Case, found: Comparison, clock: Clock) -> list[Aim]:
    """Return the aims of a case for the numbers of rows that were timed; none is met by answers that are not equal."""
    aims = [*_by_rows(case, found, clock), *_of_others(case, found, clock)]
    kernel = found.differences.get(KERNEL)
    if kernel is None or kernel.within(EQUAL):
        return aims
    return [replace(aim, note=f"the kernel differs by {kernel}", is_fair=False) for aim in aims]


def threads_aim(case: Case, ratio: float | None, unfair: str = "") -> Aim:
    """Return the aim of two threads, from how many times as fast they are as one, and why that says nothing."""
    return Aim(case.name, MOST_ROWS, "one thread, with two", 1.8, ratio, note=unfair, is_fair=not unfair)


def _by_rows(case: Case, found: Comparison, clock: Clock) -> Iterator[Aim]:
    for rows in found.times:
        if rows == MANY:
            own = found.ratio(KERNEL, rows, clock)
            yield Aim(case.name, rows, f"{found.own} itself", case.aim * case.share, own)
        ml = found.ratio(KERNEL_SESSION, rows, clock, against=ML_SESSION)
        yield Aim(case.name, rows, "onnxruntime's kernel", 5 * case.share if rows == MANY else 1.0, ml)
        if rows == 1:
            floor = found.seconds(KERNEL_SESSION, rows, clock) / found.seconds(FLOOR, rows, clock)
            yield Aim(case.name, rows, "Identity (its time)", 1.3, floor, is_most=True)


def _of_others(case: Case, found: Comparison, clock: Clock) -> Iterator[Aim]:
    if MANY not in found.times:
        return
    for name, factor in (("onedal", 3), ("lleaves", 3), ("nvforest", 5)):
        title = OTHERS[name].title
        words, aim = title, factor * case.share
        if title in found.left_out:
            missing = found.left_out[title]
            note = "not installed" if missing.startswith("not installed") else "does not run"
            yield Aim(case.name, MANY, words, aim, None, note=note)
        elif title in found.differences:
            ratio = found.ratio(KERNEL, MANY, clock, against=title)
            is_equal = found.differences[title].within(EQUAL)
            note = "" if is_equal else f"it differs by {found.differences[title]}"
            yield Aim(case.name, MANY, words, aim, ratio, note=note)


def show_aims(aims: Sequence[Aim], console: Console) -> None:
    """Print the aims beside what was found."""
    table = Table(title="The kernel, aims", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for header in ("as fast as", "rows", "aim", "found", ""):
        table.add_column(
            header, justify="right" if header in {"rows", "aim", "found"} else "left", no_wrap=header != ""
        )
    for model in dict.fromkeys(aim.model for aim in aims):
        table.add_row(f"[bold]{model}[/bold]")
        for aim in aims:
            if aim.model == model:
                found = "-" if aim.found is None else f"{aim.found:.3f}x" if aim.is_most else format_ratio(aim.found)
                sign = "<=" if aim.is_most else ">="
                table.add_row(f"  {aim.words}", f"{aim.rows:,}", f"{sign} {aim.aim:g}x", found, aim.verdict)
    console.print(table)
    judged = [aim.met for aim in aims if aim.met is not None]
    console.print(f"\n{judged.count(True)} of {len(judged)} aims met, {len(aims) - len(judged)} not judged")
