"""Rows that are objects, each of any size: dicts, lists of names, sets of labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.frame import as_values, is_frame
from bridge.errors import InputTypeError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def as_objects(data: Any) -> NDArray[np.object_]:
    """Return rows that are objects as an array (rows,) of them, whatever each holds; a dict is one row."""
    if type(data) is np.ndarray and data.ndim == 1 and data.dtype == object:
        return data
    if isinstance(data, (str, bytes)) or is_frame(data) or not isinstance(data, Iterable):
        raise InputTypeError(
            f"the model was exported for one dict, list or set per row; found {type(data).__name__}.\n"
            "Give a list of rows."
        )
    given = as_values(data) if hasattr(data, "to_numpy") else data
    rows = [data] if isinstance(data, Mapping) else list(given)
    objects = np.empty(len(rows), object)
    for i, row in enumerate(rows):  # NumPy would make a table of lists of one length
        objects[i] = row
    return objects
