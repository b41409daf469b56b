"""Let atheris look for files that `bridge.lower` crashes on, hangs on, or turns into a graph that answers differently.

    nice python scripts/fuzz.py --seconds 600 [--target cuda] [--found FOLDER]

Coverage of bridge's own code guides it. What breaks is written to FOLDER (./found), one .onnx file each with the reason
beside it, and the exit code is 1. A file that ends the process is left as FOLDER/now.onnx. Needs atheris, whose wheels
are for Linux: pip install atheris
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed. Install it with: pip install atheris")

with atheris.instrument_imports(include=["bridge"]):
    from bridge.passes.rule import load_rules

    load_rules()
import onnx

from tests.fuzz.claim import disagreement, lower_file
from tests.fuzz.mutation import damage, damage_bytes
from tests.fuzz.seeds import exported_models, operator_models

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from bridge.targets import Target

MOST_MEMORY = 6 * 2**30
"""Bytes of address space: an allocation beyond it is a MemoryError, which is a finding."""
SLOW = 10.0
"""Seconds: a file of a few kilobytes that takes longer hangs."""


class Judge:
    """Compares in a process of its own, which may die of what onnxruntime is given, and is then started again."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()

    def __call__(self, original: bytes, lowered: bytes) -> str | None:
        try:
            self.pipe.send((original, lowered))
            if self.pipe.poll(SLOW * 6):
                return self.pipe.recv()
            reason = "hangs"
        except (EOFError, OSError):
            reason = "dies"
        self.process.kill()
        self._start()
        return f"onnxruntime {reason} on the lowered model or the original"


def _serve(pipe: Connection) -> None:
    while True:
        original, lowered = pipe.recv()
        try:
            pipe.send(disagreement(original, lowered))
        except Exception:  # noqa: BLE001
            pipe.send(traceback.format_exc())


class Fuzzer:
    """What atheris calls: tries one file, and makes the next."""

    def __init__(self, target: Target, found: Path, seconds: float) -> None:
        self.target, self.found = target, found
        self.until = time.monotonic() + seconds
        self.judge = Judge()
        self.path = found / "now.onnx"
        found.mkdir(parents=True, exist_ok=True)
        self.reasons: dict[str, int] = {}
        self.counts = {"runs": 0, "lowered": 0}
        self.seeds = [m.SerializeToString() for m in [*operator_models(), *exported_models()]]

    def __call__(self, data: bytes) -> None:
        if time.monotonic() > self.until:
            self.finish()
        self.counts["runs"] += 1
        self.path.write_bytes(data)
        started = time.monotonic()
        try:
            lowered = lower_file(self.path, self.target)
        except (Exception, MemoryError):  # noqa: BLE001
            self.report(data, traceback.format_exc())
            return
        if time.monotonic() - started > SLOW:
            self.report(data, f"takes {time.monotonic() - started:.0f} s")
        if lowered is not None:
            self.counts["lowered"] += 1
            reason = self.judge(data, lowered.SerializeToString())
            if reason:
                self.report(data, reason)

    def mutate(self, data: bytes, size: int, seed: int) -> bytes:
        pick = Random(seed)  # noqa: S311
        if pick.randrange(8) == 0:
            return damage_bytes(data, pick)[:size]
        try:
            fresh = pick.randrange(4) > 0  # what is broken already is refused early: the depths are near whole files
            model = onnx.ModelProto.FromString(pick.choice(self.seeds) if fresh else data)
            for _ in range(pick.choice((1, 1, 1, 2, 3))):
                damage(model, pick)
            return model.SerializeToString()[:size]
        except Exception:  # noqa: BLE001 - no protobuf, or an empty one
            return atheris.Mutate(data, size)

    def report(self, data: bytes, reason: str) -> None:
        lines = reason.strip().splitlines()
        places = [line.strip() for line in lines if "bridge/" in line and "File" in line]
        key = f"{places[-1] if places else ''} {lines[-1][:90]}"
        self.reasons[key] = self.reasons.get(key, 0) + 1
        if self.reasons[key] > 3:
            return
        name = hashlib.sha1(data, usedforsecurity=False).hexdigest()[:12]
        self.found.mkdir(parents=True, exist_ok=True)
        (self.found / f"{name}.onnx").write_bytes(data)
        (self.found / f"{name}.txt").write_text(reason)
        print("FOUND", name, key, flush=True)

    def finish(self) -> None:
        print(self.counts)
        for reason, count in sorted(self.reasons.items(), key=lambda item: -item[1]):
            print(f"{count:5d}  {reason}")
        sys.stdout.flush()
        self.judge.process.kill()
        os._exit(1 if self.reasons else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--target", choices=["portable", "cuda", "cpu"], default="cuda")
    parser.add_argument("--found", type=Path, default=Path("found"))
    chosen = parser.parse_args()
    faulthandler.enable()
    fuzzer = Fuzzer(chosen.target, chosen.found, chosen.seconds)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    corpus = Path(tempfile.mkdtemp())
    for i, seed in enumerate(fuzzer.seeds):
        (corpus / f"{i}.onnx").write_bytes(seed)
    flags = [f"-rss_limit_mb={MOST_MEMORY >> 20}", "-timeout=60", "-max_len=65536", "-verbosity=0", "-len_control=0"]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], fuzzer, custom_mutator=fuzzer.mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
