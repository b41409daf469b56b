"""How names become positions: of dicts, pairs, lists of names and sets of labels, one a row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Form = Literal["dict", "pairs", "names", "labels"]


@dataclass(frozen=True)
class Naming:
    """How the host turns what stands in a row into positions and values, which are two inputs of the graph.

    Attributes
    ----------
    column
        The name of the column in the table.
    counts, dtype
        The name and dtype of the input with the values: (rows, k) like the positions, for any k from 1. A row of fewer
        is filled up with position `width` and value 0.
    width
        How many positions there are.
    form
        What a row is. "dict": names and their values. "pairs": the same as pairs. "names": an iterable of names, each
        of value 1. "labels": the same, each counted once, and a warning of those that are not known.
    is_hashed
        Whether names are hashed, by MurmurHash3 with seed 0, of which the absolute value modulo `width` is the
        position; else they are looked up in the column's vocabulary, and others ignored.
    separator
        Stands between a name and its value where that is text: ("town", "Bonn") is the name "town=Bonn" of value 1.
    alternate_sign
        Whether a value changes its sign where the hash is negative.
    refuse_repeats
        Whether a row in which two values meet at one position is refused: scikit-learn keeps both in its sparse
        matrix, and the next step reads them each in its own way.
    """

    column: str
    counts: str
    dtype: str
    width: int
    form: Form
    is_hashed: bool = False
    separator: str = "="
    alternate_sign: bool = False
    refuse_repeats: bool = False

    @property
    def way(self) -> Naming:
        """The same for all that take a row apart alike, whatever they make of it."""
        return replace(self, counts="", dtype="", width=0, alternate_sign=False, refuse_repeats=False)

    def __str__(self) -> str:
        kind = {
            "dict": "a dict",
            "pairs": "pairs of name and value",
            "names": "an iterable of names",
            "labels": "a set of labels",
        }[self.form]
        return f"{kind} a row, {'names hashed' if self.is_hashed else 'names looked up'}"
