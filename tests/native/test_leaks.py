"""Sessions with the library come and go, and leave no memory behind."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np

from tests.native.shapes import SHAPES, WIDTH, kept

CYCLES = 200
MOST_GROWTH = 8 * 2**20
"""Of the resident size; a forest of these tables takes 1 MB, so that 200 that were kept take far more."""


def _resident():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_memory_does_not_grow_over_load_run_and_unload(open_kernel):
    model = kept(SHAPES["large trees"]()).SerializeToString()
    x = np.zeros((300, WIDTH), np.float32)

    def cycle():
        session = open_kernel(model)
        session.run(None, {"X": x})
        session.run(None, {"X": x[:1]})

    for _ in range(CYCLES // 4):
        cycle()
    before = _resident()
    for _ in range(CYCLES):
        cycle()

    assert _resident() - before < MOST_GROWTH
