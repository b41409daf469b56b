"""Gives the placement tests what places nodes, or skips them where it cannot be built."""

from __future__ import annotations

import pytest

from tests.placement.placer import NoStandInError, build_stand_ins, open_placer


@pytest.fixture(scope="session")
def stub(tmp_path_factory):
    """Return the folder of the stand-ins, or skip with what this machine lacks to build them."""
    folder = tmp_path_factory.mktemp("cuda_stub")
    try:
        build_stand_ins(folder)
    except NoStandInError as missing:
        pytest.skip(f"no stand-in for CUDA: {missing}")
    return folder


@pytest.fixture(scope="session")
def place(stub, tmp_path_factory):
    """Return a function that gives the nodes of a model with their providers."""
    with open_placer(stub, tmp_path_factory.mktemp("models")) as placer:
        yield placer
