"""Install a runtime by its package name into an environment of its own, once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.runtimes import Runtime

ADAPTERS = Path(__file__).parent / "adapters"
INSTALL_SECONDS = 1800
_MANAGERS = {"npm": ("npm", "node"), "pip": ()}


class NotInstallableError(Exception):
    """Says why a runtime cannot be had on this machine."""


def cache_folder() -> Path:
    """Return where environments are kept between runs."""
    return Path(os.environ.get("BRIDGE_CONFORMANCE_CACHE") or Path.home() / ".cache" / "bridge-conformance")


def command_for(runtime: Runtime) -> list[str]:
    """Return the command that runs the runtime's adapter, installing what it needs; raises `NotInstallableError`."""
    adapter = str(ADAPTERS / runtime.adapter)
    if runtime.is_cheap:
        return [sys.executable, adapter]
    if missing := [name for name in (*runtime.programs, *_MANAGERS[runtime.manager]) if shutil.which(name) is None]:
        raise NotInstallableError(f"not on PATH: {', '.join(missing)}")
    folder = cache_folder() / runtime.name
    stamp = folder / ".installed"
    if not stamp.exists() or stamp.read_text() != " ".join(runtime.packages):
        shutil.rmtree(folder, ignore_errors=True)
        _install(runtime, folder)
        stamp.write_text(" ".join(runtime.packages))
    return ["node", adapter] if runtime.manager == "npm" else [str(folder / "bin" / "python"), adapter]


def arguments_for(runtime: Runtime) -> list[str]:
    """Return what the adapter takes after its job."""
    return [str(cache_folder() / runtime.name)] if runtime.manager == "npm" else []


def _install(runtime: Runtime, folder: Path) -> None:
    if runtime.manager == "npm":
        folder.mkdir(parents=True)
        # onnxruntime-node's own script would fetch CUDA libraries; the CPU library is in the package.
        command = ["npm", "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund"]
    else:
        venv.create(folder, with_pip=True, symlinks=True)
        command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        done = subprocess.run(
            [*command, *runtime.packages], capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstallableError(f"the installation took over {INSTALL_SECONDS} s") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise NotInstallableError(lines[-1])
