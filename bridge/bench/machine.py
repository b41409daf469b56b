"""What times were measured on: a figure says nothing without its machine."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.cores import usable_cores
from bridge.installed import installed_version
from bridge.runtime.native import describe_native

if TYPE_CHECKING:
    from collections.abc import Iterable

DISTRIBUTIONS = ("onnx-bridge", "scikit-learn", "numpy", "onnxruntime", "onnxruntime-gpu")


@dataclass(frozen=True)
class Machine:
    """The machine of a measurement, and what else it had to do.

    Attributes
    ----------
    processor
        Its name.
    cores
        Those that this process may use.
    loads
        The processes that wanted a core, in the last minute before and at the end of the measurement, itself included.
    kernel
        What computes `bridge::Forest` on the CPU.
    versions
        Of the packages that were measured.
    """

    processor: str
    cores: int
    loads: tuple[float, float]
    kernel: str
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        loads = dict(zip(("load_before", "load_after"), self.loads, strict=True))
        about = {"processor": self.processor, "cores": self.cores, "kernel": self.kernel}
        return about | loads | {"versions": self.versions}


def describe_machine(load_before: float, distributions: Iterable[str] = ()) -> Machine:
    """Return this machine as it is now; `distributions` are named beside bridge's own, where they are installed."""
    found = {name: number for name in (*DISTRIBUTIONS, *distributions) if (number := installed_version(name))}
    return Machine(_processor(), usable_cores(), (load_before, load()), describe_native(), found)


def load() -> float:
    """Return how many processes wanted a core in the last minute; 0.0 where the system does not say."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
