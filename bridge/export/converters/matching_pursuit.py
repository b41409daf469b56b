"""Orthogonal matching pursuit: atom after atom, each the one nearest to what is left of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder


def pursue(b: Builder, x: ir.Value, dictionary: NDArray[Any], atoms: int) -> ir.Value:
    """Return the code (rows, atoms of the dictionary) of each row, at most `atoms` of them other than 0.

    Rubinstein, Zibulevsky and Elad 2008 (Batch-OMP), with the stops of scikit-learn's `_gram_omp`; for the inverse of
    the triangular factor, which takes a few products a step however many atoms there are.
    """
    gram_dtype = np.dtype(x.dtype.numpy()) if x.dtype is not None else np.dtype(np.float64)
    gram = (dictionary @ dictionary.T).astype(gram_dtype)
    products = b.project(x, dictionary.T)
    search = _Search(b, gram, products, np.finfo(gram_dtype).eps)
    for _ in range(min(atoms, len(dictionary))):
        search.take_one()
    return b.cast(search.code, gram_dtype)


class _Search:
    """The state of the pursuit of all rows.

    Attributes
    ----------
    code
        (rows, atoms), as good as it is so far.
    """

    def __init__(self, b: Builder, gram: NDArray[Any], products: ir.Value, eps: float) -> None:
        count = len(gram)
        self.b = b
        self.gram = b.like(gram, products)
        self.squares = b.like(np.diag(gram)[np.newaxis], products)
        self.products = products
        self.tiny = b.like(eps, products)
        self.zeros = b.mul(products, b.like(0, products))
        self.code = self.zeros
        self.left = products
        # scikit-learn swaps atoms to the front, and of equal ones takes the first in that order.
        self.places = b.add(self.zeros, b.like(np.arange(count)[np.newaxis], products))
        self.names = b.like(np.arange(count)[np.newaxis], products)
        self.chosen: list[ir.Value] = []
        self.inverse: ir.Value | None = None
        self.is_open: ir.Value | None = None

    def take_one(self) -> None:
        """Take one more atom for every row that has not stopped, and fit the row to its atoms again."""
        b = self.b
        sizes = b.op("Abs", self.left)
        largest = b.row_max(sizes)
        ahead = b.where(b.op("Equal", sizes, largest), b.op("Neg", self.places), b.like(-np.inf, sizes))
        place = b.op("Neg", b.row_max(ahead))
        atom = b.op("Equal", self.places, place)
        goes_on = b.op("GreaterOrEqual", b.mul(largest, largest), self.tiny)
        if self.chosen:
            is_new = b.op("GreaterOrEqual", place, b.like(len(self.chosen), place))
            goes_on = b.op("And", goes_on, is_new)
        one_hot = b.where(atom, b.like(1, self.zeros), self.zeros)
        row = b.matmul(one_hot, self.gram)
        own = b.sum(b.mul(one_hot, self.squares), keepdims=True)
        inverse, rest = self._extended(row, own)
        if rest is not None:
            goes_on = b.op("And", goes_on, b.op("Greater", rest, self.tiny))
        self.is_open = goes_on if self.is_open is None else b.op("And", self.is_open, goes_on)
        self._swap(atom, place)
        self.chosen.append(self._deep(one_hot, 1))
        self.inverse = inverse
        self._fit()

    def _extended(self, row: ir.Value, own: ir.Value) -> tuple[ir.Value, ir.Value | None]:
        """Return the inverse factor with one more row, and what is left of the new atom beside the others."""
        b = self.b
        if self.inverse is None:
            return self._deep(b.div(b.like(1, own), b.op("Sqrt", own)), 2), None
        earlier = b.concat(self.chosen, axis=1)
        shared = b.matmul(self.inverse, b.matmul(earlier, self._deep(row, 2)))
        rest = b.sub(own, b.sum(b.mul(shared, shared), axis=1))
        root = self._deep(b.op("Sqrt", rest), 2)
        turned = b.op("Transpose", shared, perm=[0, 2, 1])
        below = b.div(b.op("Neg", b.matmul(turned, self.inverse)), root)
        above = b.concat([self.inverse, b.sub(shared, shared)], axis=2)
        last = b.concat([below, b.op("Reciprocal", root)], axis=2)
        return b.concat([above, last], axis=1), rest

    def _swap(self, atom: ir.Value, place: ir.Value) -> None:
        """Swap the atom with the one that stands where the next one shall stand."""
        b = self.b
        front = b.like(len(self.chosen), place)
        moved = b.where(b.op("Equal", self.places, front), place, self.places)
        self.places = b.where(atom, front, moved)

    def _fit(self) -> None:
        b = self.b
        if self.inverse is None or self.is_open is None:
            return
        atoms = b.concat(self.chosen, axis=1)
        known = b.matmul(self.inverse, b.matmul(atoms, self._deep(self.products, 2)))
        weights = b.matmul(b.op("Transpose", self.inverse, perm=[0, 2, 1]), known)
        code = b.sum(b.mul(atoms, weights), axis=1)
        self.code = b.where(self.is_open, code, self.code)
        self.left = b.sub(self.products, b.matmul(self.code, self.gram))

    def _deep(self, x: ir.Value, axis: int) -> ir.Value:
        return self.b.op("Unsqueeze", x, self.b.constant([axis], np.int64))
