"""From a graph's outputs to the arrays that the estimator itself would return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import MissingExtraError
from bridge.runtime.neighbours import ragged_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bridge.method import Method


class AnswerBuilder:
    """Gives the outputs of one method the estimator's labels, shape, dtype and container."""

    def __init__(self, method: Method, shapes: Sequence[tuple[int, ...]]) -> None:
        """`shapes` are those of the graph's outputs, after the row dimension."""
        self.method = method
        self.dtype = np.dtype(method.dtype)
        self._shapes = tuple(shapes)
        self._is_flattened = not method.shape and self._shapes == ((1,),)
        self._tables = [classes.array() for classes in method.labels]
        self._is_list = method.is_list or (len(method.outputs) > 1 and not method.stacked)

    def __call__(self, arrays: Sequence[NDArray[Any]]) -> Any:
        """Return the answer for the outputs of one batch (or of several, already joined)."""
        method = self.method
        if method.entries:
            return self._from_entries(*arrays)
        if method.ragged:
            return ragged_rows(arrays[0], arrays[1], method.tuple_of)
        if method.tuple_of:
            return tuple(_in_dtype(a, np.dtype(d)) for a, d in zip(arrays, method.tuple_of, strict=True))
        if self._is_flattened:
            arrays = [array.reshape(len(array)) for array in arrays]
        if method.labels:
            arrays = [table[codes] for table, codes in zip(self._tables, arrays, strict=True)]
        if method.stacked:
            return self._shaped(np.column_stack(list(arrays)))
        if self._is_list:
            return [self._shaped(a) for a in arrays]
        array = self._shaped(arrays[0])
        # moveaxis takes 4 us, even where it has nothing to do.
        return self._container(np.moveaxis(array, 0, method.row_axis) if method.row_axis else array)

    def empty(self) -> Any:
        """Return the answer for no rows."""
        if self.method.entries:
            return self._from_entries(np.zeros((0, 1), np.int64), np.zeros((0, 1), self.dtype))
        if self.method.ragged:
            return np.empty(0, object), np.empty(0, object)
        if self.method.tuple_of:
            return tuple(np.zeros((0, *self.method.shape), dtype) for dtype in self.method.tuple_of)
        if self._is_list:
            return [np.zeros((0, *shape), self.dtype) for shape in self._shapes]
        return self._container(np.moveaxis(np.zeros((0, *self.method.shape), self.dtype), 0, self.method.row_axis))

    def _shaped(self, array: NDArray[Any]) -> NDArray[Any]:
        return _in_dtype(array, self.dtype)

    def _container(self, array: NDArray[Any]) -> Any:
        if self.method.sparse is None:
            return array
        return _scipy_sparse().csr_matrix(array).asformat(self.method.sparse)

    def _from_entries(self, columns: NDArray[np.int64], values: NDArray[Any]) -> Any:
        """Return the sparse matrix with these entries, as scikit-learn stores it: those of value 0 too."""
        (width,) = self.method.shape
        is_there = (columns >= 0) & (columns < width)
        starts = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))])
        if max(width, int(starts[-1])) <= np.iinfo(np.int32).max:  # as SciPy chooses it
            columns, starts = columns.astype(np.int32), starts.astype(np.int32)
        data = _in_dtype(values[is_there], self.dtype)
        shape = len(columns), width
        matrix = _scipy_sparse().csr_matrix((data, columns[is_there], starts), shape=shape, copy=False)
        return matrix.asformat(self.method.sparse)


def _scipy_sparse() -> Any:
    try:
        from scipy import sparse
    except ImportError as error:
        raise MissingExtraError("scipy", extra="export", purpose="a sparse answer") from error
    return sparse


def _in_dtype(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if array.dtype is dtype:
        return array
    # onnxruntime's int64 is C's long long: an equal dtype, but its scalars are no np.int64.
    return array.view(dtype) if array.dtype == dtype else array.astype(dtype)
