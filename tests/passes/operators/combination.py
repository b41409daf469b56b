"""What ai.onnx.ml allows of an operator: versions, dtypes and attributes in every combination, and examples of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, product
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from tests.passes.judge import EDGES, edge_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import onnx

    Choice = Mapping[str, Any]

NUMBERS = ("float32", "float64", "int64", "int32")
EPS = 2.0**-24
"""Half a unit in the last place of float32: the relative error of one rounding."""
WORDS = ("b", "a", "zzz", "", "é")


@dataclass(frozen=True)
class Example:
    """A model of one operator, its inputs, and how near the lowered model must come to it.

    Attributes
    ----------
    bound
        The largest error of a number, absolute where it is below 1, else relative; 0 asks for equal bits.
    rows
        The first how many rows are tried too: by default one, and none.
    view
        What is compared of a number, by default itself.
    """

    model: onnx.ModelProto
    feeds: Mapping[str, Any]
    bound: float = 0.0
    rows: tuple[int, ...] = (1, 0)
    view: Callable[[np.ndarray], np.ndarray] = lambda numbers: numbers

    @property
    def batched(self) -> set[str]:
        """The inputs that have as many rows as the first."""
        length = len(next(iter(self.feeds.values())))
        return {name for name, x in self.feeds.items() if len(x) == length}


@dataclass(frozen=True)
class Source:
    """Where examples take their numbers from: a generator for tables, and hypothesis for rows, if there is one."""

    rng: np.random.Generator
    draw: Callable[[st.SearchStrategy[Any]], Any] | None = None

    def rows(self, columns: int, dtype: str, *, ties: Iterable[float] = (), count: int = 12) -> np.ndarray:
        """Return rows of special values, of `ties`, and of what hypothesis draws."""
        if dtype == "string":
            return self.rng.choice(np.array(WORDS, object), (count, columns))
        x = edge_rows(columns, np.dtype(dtype), seed=int(self.rng.integers(2**31)), rows=count)
        ties = [t for t in ties if np.isfinite(t)]
        if ties:
            tied = self.rng.random(x.shape) < 0.3
            x[tied] = self.rng.choice(np.array(ties, np.float32), int(tied.sum())).astype(dtype)
        if self.draw is None:
            return x
        special = [e for e in [*EDGES, *ties] if np.dtype(dtype).kind == "f" or (np.isfinite(e) and abs(e) < 2**31)]
        elements = st.sampled_from(special).map(np.dtype(dtype).type)
        drawn = self.draw(
            st_numpy.arrays(np.dtype(dtype), (2, columns), elements=elements | st_numpy.from_dtype(x.dtype))
        )
        return np.concatenate([x, drawn])

    def summable(self, columns: int, dtype: str) -> np.ndarray:
        """Return special rows, else multiples of 1/16: products with such numbers are added without rounding."""
        x = self.rows(columns, dtype)
        if x.dtype.kind == "f":
            exact = ~np.isfinite(x) | ((x * 16 == np.round(x * 16)) & (np.abs(x) < 100))
            x[~exact] = self.dyadic(int((~exact).sum()))
        return x

    def dyadic(self, *shape: int) -> np.ndarray:
        """Return multiples of 1/16 in -1..1: sums of some of them are exact in float32."""
        return self.rng.integers(-16, 17, shape) / np.float32(16)


def _always(_choice: Choice) -> bool:
    return True


def _taken(_choice: Choice) -> str:
    return ""


@dataclass(frozen=True)
class Operator:
    """One operator of ai.onnx.ml.

    Attributes
    ----------
    axes
        What can be chosen, and from what: "version", dtypes, values of attributes, "absent" for one that is left out.
    example
        Makes an example of a choice.
    possible
        Whether ONNX's text gives a choice a meaning.
    refused
        The reason for which the lowering declines a choice; empty where it does not.
    """

    name: str
    axes: Mapping[str, Sequence[Any]]
    example: Callable[[Choice, Source], Example]
    possible: Callable[[Choice], bool] = _always
    refused: Callable[[Choice], str] = field(default=_taken)

    def choices(self, strength: int | None) -> list[Choice]:
        """Return all possible choices; with a strength, so many that any such number of values is tried together."""
        rows = [row for row in product(*self.axes.values()) if self.possible(dict(zip(self.axes, row, strict=True)))]
        chosen = rows if strength is None or len(rows) <= FEW else _covering(rows, strength)
        return [dict(zip(self.axes, row, strict=True)) for row in chosen]


FEW = 120
"""Operators of no more choices than this are always tried in all of them."""


def _covering(rows: list[tuple[Any, ...]], strength: int) -> list[tuple[Any, ...]]:
    """Return few of `rows` such that any `strength` values that stand together in one do so in one of these.

    Greedy: the row that holds the most of what is left, again and again.
    """
    number: dict[tuple[Any, ...], int] = {}
    places = list(combinations(range(len(rows[0])), strength))
    held = np.array([[number.setdefault((p, *(row[i] for i in p)), len(number)) for p in places] for row in rows])
    left = np.ones(len(number), np.bool_)
    chosen = []
    while left.any():
        best = int(left[held].sum(axis=1).argmax())
        chosen.append(rows[best])
        left[held[best]] = False
    return chosen


def name_of(operator: Operator, choice: Choice) -> str:
    return f"{operator.name}-" + "-".join(f"{k}={v}" for k, v in choice.items())


def make_example(operator: Operator, choice: Choice, *, seed: int = 0, draw: Any = None) -> Example:
    """Return an example of a choice; the same one for the same seed and draws."""
    rng = np.random.default_rng([crc32(name_of(operator, choice).encode()), seed])
    return operator.example(choice, Source(rng, draw))
