"""The data between two steps of a pipeline: columns that are numbers, or codes of text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils._missing import is_pandas_na, is_scalar_nan

from bridge.data.schema import MISSING_CODE, NONE_CODE, UNKNOWN_CODE, Scalar
from bridge.errors import UnsupportedError
from bridge.export.builder import Builder, Terms, dtype_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir as ir
    from numpy.typing import DTypeLike

    from bridge.data.analysis import Analysis
    from bridge.data.naming import Naming


@dataclass(frozen=True)
class TermsInput:
    """Two inputs that hold the terms of a column: how the host finds them, and their vocabulary if they have one.

    The names in the analysis are given once the graph is whole.
    """

    terms: Terms
    analysis: Analysis | Naming
    vocabulary: tuple[Scalar, ...]


@dataclass
class TextColumn:
    """A text input: hands out a code for every value that an encoder asks about.

    The values met during the export, in order, become the vocabulary of the input. A vectorizer takes the text apart
    instead, and adds inputs of its own.
    """

    name: str
    values: dict[Scalar, int] = field(default_factory=dict)
    strict: bool = False
    terms: list[TermsInput] = field(default_factory=list)

    def code(self, value: Any) -> int:
        """Return the code of `value`: its own for text, MISSING_CODE for NaN, NONE_CODE for None."""
        if value is None:
            return NONE_CODE
        if not isinstance(value, str):
            return MISSING_CODE if is_scalar_nan(value) or is_pandas_na(value) else UNKNOWN_CODE
        return self.values.setdefault(str(value), len(self.values))

    def restrict(self, values: Sequence[Any]) -> None:
        """Have the host refuse text that is neither among `values` nor known to another encoder."""
        self.strict = True
        for value in values:
            self.code(value)


@dataclass
class ObjectColumn:
    """A column of dicts, lists or sets, of which a vectorizer makes inputs of its own."""

    name: str
    terms: list[TermsInput] = field(default_factory=list)


@dataclass
class NumberColumn:
    """A numeric input, of one column or several, that an encoder may put conditions on."""

    name: str
    width: int = 1
    allowed: dict[int, tuple[float, ...]] = field(default_factory=dict)

    @property
    def strict(self) -> bool:
        return bool(self.allowed)

    def restrict(self, values: Sequence[float], position: int = 0) -> None:
        """Have the host refuse values other than these, and than those that earlier calls allowed too."""
        known = tuple(float(v) for v in values if v == v)  # noqa: PLR0124
        earlier = self.allowed.get(position)
        self.allowed[position] = known if earlier is None else tuple(v for v in earlier if v in known)

    def besides(self, value: Any) -> NumberColumn:
        """Return this input behind a step that replaces `value`: an encoder there cannot meet it."""
        return _Replaced(self.name, self.width, column=self, value=value)

    def flat(self) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Return the allowed values of all columns, and how many each has: -1 without conditions, () for one column."""
        values = tuple(v for position in sorted(self.allowed) for v in self.allowed[position])
        if self.width == 1 or not self.allowed:
            return values, ()
        return values, tuple(len(self.allowed[i]) if i in self.allowed else -1 for i in range(self.width))


@dataclass
class _Replaced(NumberColumn):
    """A numeric input with one value replaced: conditions go to the input itself, with that value allowed."""

    column: NumberColumn | None = None
    value: Any = None

    def restrict(self, values: Sequence[float], position: int = 0) -> None:
        if self.column is not None:
            self.column.restrict([*values, self.value], position)


@dataclass(frozen=True)
class Part:
    """A run of neighbouring columns in one value of shape (rows, width)."""

    value: ir.Value
    width: int
    text: TextColumn | None = None
    objects: ObjectColumn | None = None
    source: NumberColumn | None = None
    """The input that these columns are of, untouched: an encoder can have the host check its values."""
    image: tuple[int, ...] = ()
    """The shape of a row where it is an image: the value is (rows, *image)."""
    positions: tuple[int, ...] | None = None
    """Which columns of `source` these are, where it is not all of them in order."""
    names: tuple[str, ...] | None = None

    @property
    def terms(self) -> list[TermsInput]:
        """The inputs that vectorizers made of this column."""
        taken_apart = self.text or self.objects
        return [] if taken_apart is None else taken_apart.terms

    def restrict(self, column: int, values: Sequence[float]) -> None:
        """Have the host refuse other values in one of these columns, where it can see them."""
        if self.source is not None:
            self.source.restrict(values, self.positions[column] if self.positions else column)


@dataclass(frozen=True)
class Block:
    """What one step hands to the next: parts side by side, and the builder that they live in."""

    builder: Builder
    parts: tuple[Part, ...]
    sparse: bool = False
    """Whether scikit-learn would hold these columns in a sparse matrix here: a few steps then round otherwise."""
    frame: bool = False
    """Whether scikit-learn would hold these columns in a DataFrame here: LightGBM rounds its integers otherwise."""
    roots: bool = False
    """Whether these are distances, roots of sums that cancel: see `bridge.method.Method`."""

    @property
    def width(self) -> int:
        return sum(p.width for p in self.parts)

    @property
    def has_text(self) -> bool:
        return any(p.text is not None for p in self.parts)

    @property
    def names(self) -> list[str] | None:
        """The column names, as a DataFrame would have them, or None."""
        names = [p.names for p in self.parts]
        return None if any(n is None for n in names) else [n for part in names for n in part or ()]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype that NumPy gives these columns as one array; object where there is text."""
        if self.has_text:
            return np.dtype(object)
        return np.result_type(*[dtype_of(p.value) for p in self.parts]) if self.parts else np.dtype(np.float64)

    @property
    def float_dtype(self) -> np.dtype[Any]:
        """The dtype in which `check_array(dtype=FLOAT_DTYPES)` computes: float32 stays, all else is float64."""
        return np.dtype(np.float32 if self.dtype == np.float32 else np.float64)

    def matrix(self, dtype: DTypeLike | None = None) -> ir.Value:
        """Return all columns as one value (rows, width), in `dtype` or the columns' common one."""
        if text := next((p.text for p in self.parts if p.text is not None), None):
            raise UnsupportedError(
                f"column {text.name!r} is text, but this step needs numbers.\n"
                "Encode it with OneHotEncoder or OrdinalEncoder first."
            )
        if not self.parts:
            raise UnsupportedError("this step gets no columns at all")
        if any(p.image for p in self.parts):
            raise UnsupportedError("this step needs columns, and gets images. Put a PatchExtractor before it.")
        to = np.dtype(dtype) if dtype is not None else self.dtype
        # Casting a concatenation of like parts takes one node where casting each part takes many.
        if len({p.value.dtype for p in self.parts}) == 1:
            return self.builder.cast(self._concatenated([p.value for p in self.parts]), to)
        return self._concatenated([self.builder.cast(p.value, to) for p in self.parts])

    def _concatenated(self, values: list[ir.Value]) -> ir.Value:
        result = self.builder.concat(values)
        if len(values) > 1 and any(v in self.builder.terms or v in self.builder.pieces for v in values):
            self.builder.pieces[result] = [(v, p.width) for v, p in zip(values, self.parts, strict=True)]
        return result

    def floats(self) -> ir.Value:
        """Return the columns as a matrix in `float_dtype`."""
        return self.matrix(self.float_dtype)

    def columns(self) -> tuple[Part, ...]:
        """Return every column as a part of width 1."""
        return tuple(column for p in self.parts for column in _split(self.builder, p))

    def select(self, indices: Sequence[int]) -> Block:
        """Return the columns at `indices`, in that order."""
        wanted = list(indices)
        if len(self.parts) == 1 and self.parts[0].width > 1:
            return replace(self, parts=(_take(self.builder, self.parts[0], wanted),) if wanted else ())
        owners = [(number, i) for number, p in enumerate(self.parts) for i in range(p.width)]
        runs = groupby((owners[w] for w in wanted), key=itemgetter(0))
        chosen = [(self.parts[number], [i for _, i in run]) for number, run in runs]
        return replace(self, parts=tuple(_take(self.builder, part, indices) for part, indices in chosen))

    def of_one_dtype(self) -> Block:
        """Return numbers in their common dtype, as the array has them that scikit-learn makes of a frame."""
        if self.has_text:
            return self
        parts = tuple(replace(p, value=self.builder.cast(p.value, self.dtype)) for p in self.parts)
        return replace(self, parts=parts, frame=False)

    def joined(self, part: Part) -> Block:
        """Return these columns and, behind them, those of `part`."""
        return replace(self, parts=(*self.parts, part))

    def of(self, value: ir.Value, width: int) -> Block:
        """Return a block of one numeric part."""
        return Block(self.builder, (Part(value, width),))


def side_by_side(blocks: Sequence[Block]) -> Block:
    """Return the columns of all blocks in one, as NumPy's hstack would."""
    return Block(blocks[0].builder, tuple(p for b in blocks for p in b.parts))


def _take(builder: Builder, part: Part, indices: list[int]) -> Part:
    if indices == list(range(part.width)):
        return part
    names = tuple(part.names[i] for i in indices) if part.names else None
    positions = tuple(part.positions[i] if part.positions else i for i in indices)
    taken = builder.take_columns(part.value, indices)
    return Part(taken, len(indices), source=part.source, positions=positions, names=names)


def _split(builder: Builder, part: Part) -> list[Part]:
    return [part] if part.width == 1 else [_take(builder, part, [i]) for i in range(part.width)]
