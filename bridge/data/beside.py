"""Write a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise `ArtifactError` where no file can be written at `path`: to be called before the work of hours."""
    target = Path(path)
    if not target.parent.is_dir():
        raise ArtifactError(f"the folder {target.parent} does not exist. Create it first.")
    if target.is_dir():
        raise ArtifactError(f"{target} is a folder; expected the name of a file to write")
    if target.exists() and not target.is_file():  # renaming onto a device would put a file in its place
        raise ArtifactError(f"{target} is a device or a pipe; expected the name of a file to write")


@contextmanager
def written_beside(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of a new empty file in the same folder; rename it to `path` after the block, or remove it.

    Whatever ends the block early, Ctrl-C too, leaves `path` as it was. The suffix stays, for writers that look at it.
    """
    check_writable(path)
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}.", suffix=f".part{target.suffix}")
    beside = Path(name)
    try:
        os.close(handle)
        yield beside
        beside.chmod(0o666 & ~_umask())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
