"""Take text apart as scikit-learn's vectorizers do: lower case, accents, tokens, stop words, n-grams."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Analyzer = Literal["word", "char", "char_wb"]
Accents = Literal["unicode", "ascii"]
T = TypeVar("T", str, "list[str]")

KNOWN_WORDS = 2**14
"""Words whose runs of characters are remembered: they are half of the time."""
_WHITE_SPACES = re.compile(r"\s\s+")


@dataclass(frozen=True)
class Analysis:
    """How the host takes a column of text apart; the terms' positions and their counts are two inputs of the graph.

    Attributes
    ----------
    column
        The name of the column in the table.
    counts, dtype
        The name and dtype of the input with the counts: (rows, k) like the positions, for any k from 1. A row of fewer
        terms is filled up with position `width` and count 0.
    width
        How many positions there are.
    analyzer, ngrams
        "word": runs of 1 to 2 tokens, say, for (1, 2), with a space between. "char": runs of characters, each run of
        white space one space. "char_wb": the same inside words, with a space before and behind each.
    lowercase, strip_accents
        Done first, in this order. "unicode": NFKD without combining characters. "ascii": NFKD without all else.
    pattern
        What Python's `re.findall` finds is a token.
    stop_words
        Tokens that are left out before runs are made.
    alternate_sign
        A hashed term counts -1 where its hash is negative. Terms are hashed where the column has no vocabulary: by
        MurmurHash3 with seed 0, of which the absolute value modulo `width` is the position.
    binary
        Whether each term counts 1 however often it occurs.
    """

    column: str
    counts: str
    dtype: str
    width: int
    analyzer: Analyzer = "word"
    ngrams: tuple[int, int] = (1, 1)
    lowercase: bool = True
    strip_accents: Accents | None = None
    pattern: str = r"(?u)\b\w\w+\b"
    stop_words: tuple[str, ...] = ()
    alternate_sign: bool = False
    binary: bool = False

    @property
    def way(self) -> Analysis:
        """The same for all that take a text apart alike, whatever they count of it."""
        return replace(self, counts="", dtype="", width=0, alternate_sign=False, binary=False)

    def __str__(self) -> str:
        low, high = self.ngrams
        runs = f"{low}" if low == high else f"{low} to {high}"
        kind = {"word": "words", "char": "characters", "char_wb": "characters within words"}[self.analyzer]
        notes = [f"runs of {runs} {kind}"]
        notes += ["lower case"] if self.lowercase else []
        notes += [f"accents stripped ({self.strip_accents})"] if self.strip_accents else []
        notes += [f"{len(self.stop_words)} stop words"] if self.stop_words and self.analyzer == "word" else []
        return ", ".join(notes)


def build_analyzer(analysis: Analysis) -> Callable[[str], list[str]]:
    """Return the function from a text to its terms, in order, each as often as it occurs.

    Raises `ValueError` for settings that are none.
    """
    low, high = analysis.ngrams
    if not (isinstance(low, int) and isinstance(high, int) and 1 <= low <= high):
        raise ValueError(f"text cannot be taken apart into runs of {low!r} to {high!r}")
    try:
        split = _SPLITTERS[analysis.analyzer](analysis)
        strip = None if analysis.strip_accents is None else _STRIPPERS[analysis.strip_accents]
    except (KeyError, re.error) as error:
        raise ValueError(f"text cannot be taken apart by {error}") from error

    def analyze(text: str) -> list[str]:
        if analysis.lowercase:
            text = text.lower()
        return split(strip(text) if strip is not None else text)

    return analyze


def _words(analysis: Analysis) -> Callable[[str], list[str]]:
    pattern = re.compile(analysis.pattern)
    if pattern.groups > 1:
        raise ValueError(f"text cannot be taken apart by {analysis.pattern!r}, which has several groups")
    find: Callable[[str], list[str]] = pattern.findall
    stop_words = frozenset(analysis.stop_words)
    low, high = analysis.ngrams

    def split(text: str) -> list[str]:
        tokens = [token for token in find(text) if token not in stop_words] if stop_words else find(text)
        if high == 1:
            return tokens
        return [" ".join(run) for run in _runs(tokens, low, high)]

    return split


def _characters(analysis: Analysis) -> Callable[[str], list[str]]:
    low, high = analysis.ngrams
    return lambda text: list(_runs(_WHITE_SPACES.sub(" ", text), low, high))


def _characters_in_words(analysis: Analysis) -> Callable[[str], list[str]]:
    low, high = analysis.ngrams

    @lru_cache(KNOWN_WORDS)
    def runs(word: str) -> list[str]:
        return _padded_runs(f" {word} ", low, high)

    return lambda text: list(chain.from_iterable(map(runs, _WHITE_SPACES.sub(" ", text).split())))


def _runs(items: T, low: int, high: int) -> Iterator[T]:
    """Yield the runs of `low` to `high` neighbouring items, the short ones first."""
    for size in range(low, min(high, len(items)) + 1):
        for start in range(len(items) - size + 1):
            yield items[start : start + size]


def _padded_runs(word: str, low: int, high: int) -> list[str]:
    """Return the runs of a word; one that is no longer than a run counts once, for the shortest such run."""
    runs: list[str] = []
    for size in range(low, high + 1):
        runs += [word[start : start + size] for start in range(max(len(word) - size, 0) + 1)]
        if len(word) <= size:
            break
    return runs


def _strip_unicode(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _strip_ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


_SPLITTERS: dict[Analyzer, Callable[[Analysis], Callable[[str], list[str]]]] = {
    "word": _words,
    "char": _characters,
    "char_wb": _characters_in_words,
}
_STRIPPERS: dict[Accents, Callable[[str], str]] = {"unicode": _strip_unicode, "ascii": _strip_ascii}
