"""Turn a column of text into the terms that occur in each row, and how often."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.analysis import build_analyzer
from bridge.data.entries import COUNT_DTYPES, fill_rows
from bridge.data.frame import as_values, missing_mask
from bridge.data.hashes import Hashes
from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bridge.data.analysis import Analysis
    from bridge.data.schema import Column


class TermsReader:
    """Gives each row of a column of text the positions of its terms, and their counts."""

    def __init__(self, column: Column, analysis: Analysis) -> None:
        known = len(column.vocabulary)
        if analysis.dtype not in COUNT_DTYPES or analysis.width < max(1, known):  # the file may be damaged
            raise ValueError(f"counts of {analysis.dtype} for {known} terms at {analysis.width} places")
        self.analysis = analysis
        self._analyze = build_analyzer(analysis)
        self._positions = {term: position for position, term in enumerate(column.vocabulary)}
        self._hashes = Hashes()

    def take_apart(self, values: Any) -> list[list[str]]:
        """Return the terms of each row, in order, each as often as it occurs.

        Raises `InputError` for missing values, which scikit-learn's vectorizers refuse, and for what is no text.
        """
        return [self._analyze(text) for text in self._texts(values)]

    def __call__(self, texts: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return positions and counts, both (rows, k), with k the most different terms of a row, at least 1."""
        found, signs = self._look_up(list(chain.from_iterable(texts)))
        owners = np.repeat(np.arange(len(texts)), [len(terms) for terms in texts])[found >= 0]
        rows, places, sums = _summed(owners, found[found >= 0], signs[found >= 0], self.analysis.width)
        counts = np.ones_like(sums) if self.analysis.binary else sums
        return fill_rows(rows, places, counts.astype(self.analysis.dtype), rows=len(texts), width=self.analysis.width)

    def _texts(self, values: Any) -> Sequence[str]:
        array = as_values(values)
        name = self.analysis.column
        if array.dtype.kind not in "OUT":
            raise InputError(
                f"column {name!r} has dtype {array.dtype}, but the model takes text apart there.\n"
                "Give one text per row."
            )
        texts: list[str] = array.tolist()
        wrong = next((i for i, text in enumerate(texts) if not isinstance(text, str)), None)
        if wrong is not None:
            is_missing = missing_mask(np.array([texts[wrong]], object))[0]
            what = "a missing value" if is_missing else f"{texts[wrong]!r}, which is no text,"
            raise InputError(
                f"column {name!r} has {what} in row {wrong}, which the estimator does not accept.\n"
                "Fill it in, with an empty text for example."
            )
        return texts

    def _look_up(self, terms: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the position of each term, -1 for none, and what it counts."""
        if self._positions:
            places = np.fromiter(map(self._positions.get, terms, repeat(-1)), np.int64, len(terms))
            return places, np.ones(len(terms), np.int64)
        try:
            hashes = self._hashes(terms)
        except UnicodeEncodeError as error:
            raise InputError(
                f"column {self.analysis.column!r} holds half of a surrogate pair, which UTF-8 does not have.\n"
                "Drop it, with text.encode(errors='ignore').decode() for example."
            ) from error
        signs = np.where(hashes < 0, -1, 1) if self.analysis.alternate_sign else np.ones(len(terms), np.int64)
        return np.abs(hashes) % self.analysis.width, signs


def _summed(
    rows: NDArray[np.int64], places: NDArray[np.int64], signs: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return each row's different places, in order, and the sum of their signs, which may be 0."""
    keys, counts = np.unique(2 * (rows * width + places) + (signs < 0), return_counts=True)
    pairs = keys // 2
    starts = np.flatnonzero(np.diff(pairs, prepend=-1))
    sums = np.add.reduceat(np.where(keys % 2, -counts, counts), starts) if len(starts) else np.zeros(0, np.int64)
    return pairs[starts] // width, pairs[starts] % width, sums
