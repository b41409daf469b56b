"""Bridge finds the library of its own operators by import, and says why where it does not use it."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from bridge.errors import ArtifactError
from bridge.runtime.native import describe_native, find_native, register_native
from bridge.runtime.providers import CPU, CUDA

KERNELS = "avx2"


class _Options:
    def __init__(self):
        self.registered = []

    def register_custom_ops_library(self, path):
        self.registered.append(path)


@pytest.fixture(autouse=True)
def _forget_what_was_found():
    find_native.cache_clear()
    yield
    find_native.cache_clear()


@pytest.fixture
def install(monkeypatch):
    """Return a function that makes the package importable, in a version and with kernels for this machine or none."""

    def make(version, kernels=KERNELS, *, cuda=False):
        package = ModuleType("bridge_custom_ops")
        package.OPERATORS = {"Forest": version}
        package.library_path = lambda: "/somewhere/library.so"
        package.kernels = lambda: kernels
        package.has_cuda = lambda: cuda
        monkeypatch.setitem(sys.modules, "bridge_custom_ops", package)

    return make


def _registered(providers):
    options = _Options()
    assert register_native(options, providers) == bool(options.registered)
    return options.registered


def test_installed_library_is_registered_for_a_session_on_the_cpu(install):
    install(1)

    assert _registered([CPU]) == ["/somewhere/library.so"]
    assert describe_native() == "the kernel of bridge_custom_ops, avx2"


def test_session_on_a_gpu_keeps_its_forests(install):
    install(1)

    assert not _registered([(CUDA, {}), CPU])


def test_session_on_a_gpu_takes_cuda_kernels_where_they_are_asked_for(install, monkeypatch):
    install(1, cuda=True)

    assert describe_native().endswith("avx2 and CUDA")
    assert not _registered([(CUDA, {}), CPU])
    monkeypatch.setenv("BRIDGE_FOREST_CUDA", "1")
    assert _registered([(CUDA, {}), CPU]) == ["/somewhere/library.so"]


def test_cuda_kernels_that_the_library_lacks_are_refused_with_reason(install, monkeypatch):
    install(1)
    monkeypatch.setenv("BRIDGE_FOREST_CUDA", "1")

    with pytest.raises(ArtifactError, match="has no CUDA kernels"):
        _registered([(CUDA, {}), CPU])


def test_without_the_package_the_function_runs(monkeypatch):
    monkeypatch.setitem(sys.modules, "bridge_custom_ops", None)

    assert not _registered([CPU])
    assert describe_native().startswith("its function, node by node; for the kernel: pip install ./custom_ops")


@pytest.mark.parametrize("version", [2, None])
def test_library_of_another_version_is_not_used_and_the_log_says_so(install, caplog, version):
    install(version)

    assert not _registered([CPU])
    assert f"bridge_custom_ops has version {version} of Forest" in caplog.text
    assert f"version {version}" in describe_native()


def test_damaged_package_is_not_used_and_the_log_says_so(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "bridge_custom_ops", ModuleType("bridge_custom_ops"))

    assert not _registered([CPU])
    assert "bridge_custom_ops is damaged" in caplog.text


def test_setting_that_cannot_be_kept_is_told(install):
    install(1, kernels=None)

    assert not _registered([CPU])
    assert "BRIDGE_FOREST_ISA" in describe_native()
