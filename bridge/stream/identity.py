"""What tells whether a scoring is the one that it was."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.artifact import data_files
from bridge.file_parts import FileParts
from bridge.installed import installed_version
from bridge.runtime.native import describe_native

if TYPE_CHECKING:
    from bridge.data.sources import Source
    from bridge.runtime.predictor import Predictor

PACKAGES = ("onnx-bridge", "onnxruntime", "onnxruntime-gpu", "numpy", "pandas", "pyarrow")


def find_identity(source: Source, predictor: Predictor, options: object) -> dict[str, str]:
    """Return hashes of all that the bytes of a sink hang on, by what they are of; of files name, size and time."""
    return {
        "source": _hash(repr(source.identity())),
        "model": _model_hash(predictor),
        "options": _hash(repr(options)),
        "versions": _hash(repr([*map(installed_version, PACKAGES), describe_native(), predictor.providers])),
    }


def _model_hash(predictor: Predictor) -> str:
    found = hashlib.sha256()
    for part in FileParts(predictor._model):  # noqa: SLF001
        found.update(part)
    if predictor._path is not None:  # noqa: SLF001
        folder = Path(predictor._path).parent  # noqa: SLF001
        for name in sorted(data_files(predictor._model)):  # noqa: SLF001
            stat = (folder / name).stat()
            found.update(f"{name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return found.hexdigest()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
