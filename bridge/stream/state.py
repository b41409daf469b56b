"""Turn an estimator that is being trained into bytes and back, so that it goes on as if nothing had happened."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from bridge.errors import UnsupportedError


def to_bytes(value: Any) -> bytes:
    """Return a pickle that keeps which arrays share memory, where the whole array comes before its view.

    A plain pickle makes copies of views. Birch writes into one array and reads another that is a view of it: with a
    copy it goes on, and finds other clusters.
    """
    stream = io.BytesIO()
    try:
        _Pickler(stream, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    except RecursionError as error:  # Birch's leaves, each of which holds the next
        raise UnsupportedError(
            "the state of the estimator is nested too deeply for a checkpoint (Birch with many leaves). "
            "Train without checkpoint=, or with a larger threshold."
        ) from error
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UnsupportedError(
            f"the estimator cannot be pickled: {error}. Functions must stand in a module, not be a lambda."
        ) from error
    return stream.getvalue()


def from_bytes(data: bytes) -> Any:
    """Return what `to_bytes` was given. Runs whatever code is in it: for bytes of our own alone."""
    return pickle.loads(data)  # noqa: S301  # checkpoints are trusted, as the documentation says


class _Pickler(pickle.Pickler):
    def __init__(self, stream: io.BytesIO, protocol: int) -> None:
        super().__init__(stream, protocol)
        self._wholes: dict[int, Any] = {}

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is not np.ndarray or obj.dtype.hasobject:
            return NotImplemented
        owner = obj
        while type(owner.base) is np.ndarray:
            owner = owner.base
        whole = self._wholes.get(id(owner))
        if whole is not None:
            offset = obj.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
            return _view, (whole, obj.dtype, offset, obj.shape, obj.strides)
        if obj.nbytes == owner.nbytes and obj.flags.c_contiguous:  # what was read from a pickle owns no memory itself
            self._wholes[id(owner)] = obj
        return NotImplemented


def _view(whole: Any, dtype: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    return np.ndarray(shape, dtype, buffer=whole, offset=offset, strides=strides)
