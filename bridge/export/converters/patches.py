"""PatchExtractor: every patch of every image."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.feature_extraction.image import PatchExtractor

from bridge.errors import UnsupportedError
from bridge.export.registry import Answer, RowsEach, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(PatchExtractor)
def convert_patch_extractor(b: Builder, extractor: Any, x: Block) -> Mapping[str, Answer]:
    """Gather the lines of each row of patches, then their columns: (images * patches, height, width[, channels])."""
    if extractor.max_patches is not None:
        raise UnsupportedError(
            f"PatchExtractor(max_patches={extractor.max_patches!r}) draws patches at random, which no file can do "
            "alike.\nUse max_patches=None, and choose among the patches."
        )
    part = x.parts[0] if len(x.parts) == 1 else None
    if part is None or not part.image:
        raise UnsupportedError("PatchExtractor needs the images themselves, as an array (images, height, width, ...).")
    height, width = part.image[:2]
    channels = prod(part.image[2:])
    size = extractor.patch_size or (height // 10, width // 10)
    lines, columns = _windows(height, size[0]), _windows(width, size[1])
    value = b.reshape(b.cast(part.value, np.float64), [-1, height, width, channels])
    value = b.op("Gather", value, b.constant(lines), axis=1)
    value = b.op("Gather", value, b.constant(columns), axis=3)
    value = b.op("Transpose", value, perm=[0, 1, 3, 2, 4, 5])
    shape = [*size, channels] if channels > 1 else list(size)
    return {"transform": RowsEach(b.reshape(value, [-1, *shape]), len(lines) * len(columns))}


def _windows(length: int, size: int) -> NDArray[np.int64]:
    """Return the positions in every window: (windows, size)."""
    return np.arange(length - size + 1)[:, np.newaxis] + np.arange(size)
