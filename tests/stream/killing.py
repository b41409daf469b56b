"""Kill a process at random moments, let the same call go on, and compare its files with those of one without a break.

One process imports everything and forks a child for each try, which takes milliseconds instead of seconds.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

LATE = 0.8
"""Of the kills come when there is something to go on from: on a busy machine a start takes most of the time."""

POLL = 0.002


@dataclass(frozen=True)
class Trial:
    """What is killed: `run` writes `files`, and until then `kept`, in its folder; {} stands for the name it is given.

    `prepare` makes what it reads. Both run in children alone.
    """

    what: str
    prepare: Callable[[Path], None]
    run: Callable[[Path, str], None]
    files: tuple[str, ...]
    kept: str


def kill_and_compare(trial: Trial, folder: Path, kills: int, rng: random.Random) -> bool:
    """Print how often it was killed and how many ended; return whether all ended with the same bytes."""
    _fork(lambda: trial.prepare(folder))
    start = time.perf_counter()
    _fork(lambda: trial.run(folder, "whole"))
    seconds = time.perf_counter() - start
    expected = _read(trial, folder, "whole")
    killed = resumed = ended = equal = 0
    while killed < kills or (folder / trial.kept.format("killed")).exists() or not ended:
        limit = rng.uniform(0, seconds) if killed < kills else None
        kept = folder / trial.kept.format("killed") if rng.random() < LATE else None
        if _fork(lambda: trial.run(folder, "killed"), limit, kept):
            ended += 1
            equal += _read(trial, folder, "killed") == expected
            _remove(folder)
        else:
            killed += 1
            resumed += (folder / trial.kept.format("killed")).exists()
    sys.stdout.write(
        f"{trial.what}: killed {killed} times, {resumed} with something to go on from; "
        f"{ended} ended, {equal} with the same bytes\n"
    )
    sys.stdout.flush()
    return equal == ended


def _fork(call: Callable[[], None], limit: float | None = None, kept: Path | None = None) -> bool:
    """Call in a child that is killed `limit` seconds after `kept` is there; return whether it ended by itself."""
    child = os.fork()
    if child == 0:
        try:
            call()
        except BaseException as error:  # noqa: BLE001  # shows where the files are read
            sys.stderr.write(f"{error!r}\n")
        os._exit(0)
    if limit is not None:
        while kept is not None and not kept.exists():
            time.sleep(POLL)
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.WIFEXITED(status)
        time.sleep(limit)
        os.kill(child, signal.SIGKILL)
    return os.WIFEXITED(os.waitpid(child, 0)[1])


def _read(trial: Trial, folder: Path, name: str) -> list[bytes]:
    return [(folder / file.format(name)).read_bytes() for file in trial.files]


def _remove(folder: Path) -> None:
    for path in [*folder.glob("killed*"), *folder.glob(".killed*")]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
