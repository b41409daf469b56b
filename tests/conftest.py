"""Keeps the tests of one reference model in one process, which then fits and exports it once."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("deep", max_examples=50, deadline=None)

MODEL = re.compile(r"\[(?:zoo|trees):[\w-]+")
"""How the id of such a test starts: "zoo:" and the model's name."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Schedule as --dist loadgroup should, but by the tests' ids: pytest-xdist 3.8 loses its marks in pytest 9.2."""
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class OneProcessAModel(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            found = MODEL.search(nodeid)
            return found.group() if found else nodeid

    return OneProcessAModel(config, log)


@pytest.fixture(autouse=True)
def _same_draws_every_time(request):
    """Draw the same whatever ran before: from NumPy's global generator, and from a test file's own, named RNG."""
    np.random.seed(0)  # noqa: NPY002
    if (generator := getattr(request.module, "RNG", None)) is not None:
        seed = zlib.crc32(request.node.name.encode())
        generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state
