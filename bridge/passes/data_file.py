"""Constants that do not fit into the file: ONNX's external data, read where it lies and written beside the file."""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.errors import ArtifactError, InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

MOST_BYTES = 2**30
"""Constants that take more together go into a file of their own: protobuf ends at 2 GB."""
SMALL_BYTES = 1024
"""Constants of up to this many bytes stay in the file: shapes are inferred from them."""
ALIGNMENT = 2**16
"""A constant begins at a multiple of this, so that runtimes can map it into memory on every system."""


def resolve_external(tensor: ir.ExternalTensor, folder: Path | None, name: str) -> None:
    """Let a tensor of the model file in `folder` find its data; raise `ArtifactError` where that is not all there.

    `name` says in the error which constant it is.
    """
    if folder is None:
        raise ArtifactError(
            f"{name} is kept in a file, {str(tensor.location)!r}.\n"
            "Pass the path of the .onnx file, which lies beside it, in place of the model in memory."
        )
    path = folder / tensor.location
    try:
        inside, found = path.resolve().is_relative_to(folder.resolve()), path.stat() if path.is_file() else None
    except (OSError, ValueError) as error:  # too long, or with a NUL in it
        raise ArtifactError(f"{name} is kept in {str(tensor.location)!r}, which names no file") from error
    if not inside:
        raise ArtifactError(f"{name} is kept in {str(tensor.location)!r}, outside of the folder of the model")
    if found is None:
        raise ArtifactError(f"{name} is kept in the file {path}, which is missing. Put it beside the model.")
    if tensor.length not in {None, tensor.nbytes}:
        raise ArtifactError(f"{name} has {tensor.length} bytes in the file {path}; its shape has {tensor.nbytes}")
    end = (tensor.offset or 0) + tensor.nbytes
    if end > found.st_size:
        raise ArtifactError(
            f"{name} ends at byte {end} of the file {path}, which has {found.st_size}: that file is truncated"
        )
    if found.st_nlink > 1:  # onnx_ir does not read it, since it may be somebody's secret by another name
        raise ArtifactError(f"{name} is kept in the file {path}, which has other names (hard links). Copy it.")
    tensor.base_dir = folder


@contextmanager
def large_constants_beside(model: ir.Model, path: str | os.PathLike[str] | None) -> Iterator[Path | None]:
    """Move constants that are too large for one file, or were apart already, into a data file for the file `path`.

    Yields the folder in which the data lies until the block ends, so that a model file can be tried there; then it
    moves beside `path`. Its name ends in a digest of its content: the file that was `path` before keeps its own data.
    Yields None for a model that fits into one file, and reads what it has of external data where there is no `path`.

    Raises `InputError` for a model that needs a `path` and has none.
    """
    tensors = [v.const_value for g in model.graphs() for v in g.initializers.values() if v.const_value is not None]
    size = sum(tensor.nbytes for tensor in tensors)
    if size <= MOST_BYTES and (path is None or not any(isinstance(tensor, ir.ExternalTensor) for tensor in tensors)):
        ir.external_data.load_to_model(model)
        yield None
        return
    if path is None:
        raise InputError(
            f"the model's tables take {size} bytes, too many for a model in memory. Pass a path to write to."
        )
    target = Path(path)
    data = f"{target.name}.{_digest(tensors)}.data"
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.stem}.") as folder:
        ir.external_data.unload_from_model(
            model, folder, data, size_threshold_bytes=SMALL_BYTES, alignment=ALIGNMENT, align_threshold=SMALL_BYTES
        )
        yield Path(folder)
        (Path(folder) / data).replace(target.parent / data)


def _digest(tensors: list[ir.TensorProtocol]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        digest.update(np.ascontiguousarray(tensor.numpy()).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
