"""Which function converts which estimator class."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from bridge.errors import UnsupportedError
from bridge.export import converters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@dataclass(frozen=True)
class Labels:
    """The answer of a classifier: int64 (rows,) positions in `classes`."""

    index: ir.Value
    classes: NDArray[Any]


@dataclass(frozen=True)
class Refused:
    """A method that no graph can have, and why."""

    reason: str


@dataclass(frozen=True)
class Neighbours:
    """The answer of a search: distances and int64 indices, (rows, k) or, with `ragged`, (rows, points).

    With `ragged`, the neighbours of a row are the columns whose index is not -1. `rounding` is the error of one
    rounding where distances are what 1 leaves of a product, instead of roots.
    """

    distance: ir.Value
    index: ir.Value
    ragged: bool = False
    rounding: float = 0.0


@dataclass(frozen=True)
class RowsSecond:
    """Values of shape (rows, a, ...), which scikit-learn gives as (a, rows, ...)."""

    value: ir.Value


@dataclass(frozen=True)
class RowsEach:
    """Values of which every row of the data has `each`, one below the other."""

    value: ir.Value
    each: int


Given: TypeAlias = "ir.Value | Labels | Block | RowsSecond | RowsEach | Neighbours | Sequence[ir.Value | Labels]"
Answer: TypeAlias = "Given | Refused"
"""What one method gives: a value in the estimator's own shape, labels, columns, a list of them (multi-output), or
neighbours."""


class Converter(Protocol):
    """Writes the nodes of one estimator and returns the answer of each method that it offers."""

    def __call__(self, b: Builder, estimator: Any, x: Block, /) -> Mapping[str, Answer]: ...


_CONVERTERS: dict[type | str | Callable[..., Any], Converter] = {}
"""By class, or by the full name of a class whose package need not be installed."""


def converts(*classes: type | str) -> Callable[[Converter], Converter]:
    """Register the decorated function for `classes`; subclasses may predict otherwise and are not included.

    A class of an optional package is given by its full name, so that registering does not import the package.
    """

    def register(function: Converter) -> Converter:
        for cls in classes:
            if cls in _CONVERTERS:
                raise ValueError(f"{cls} has a converter already: {_CONVERTERS[cls]}")
            _CONVERTERS[cls] = function
        return function

    return register


def register_converter(cls: type, build: Converter) -> None:
    """Make `build` the converter of estimator class `cls`, in place of any other.

    Parameters
    ----------
    cls
        The estimator's class; subclasses are not included.
    build
        Called as ``build(builder, estimator, block)``; returns a dict from method names ("predict", "transform", ...)
        to values. ``block.matrix()`` is the input as one (rows, columns) value; ``builder.op(...)`` adds a node.

    Examples
    --------
    >>> def build_doubler(b, estimator, x):
    ...     return {"transform": x.of(b.mul(x.floats(), b.like(2, x.floats())), x.width)}
    >>> bridge.register_converter(Doubler, build_doubler)
    """
    _CONVERTERS[cls] = build


def find_converter(key: type | Callable[..., Any]) -> Converter | None:
    """Return the converter that is registered for a class, or for a function that a FunctionTransformer applies."""
    full_name = f"{key.__module__}.{key.__qualname__}" if isinstance(key, type) else ""
    return _CONVERTERS.get(key) or _CONVERTERS.get(full_name)


def convert(b: Builder, estimator: Any, x: Block) -> Mapping[str, Answer]:
    """Return the answers of every method of `estimator` for the block `x`, by its own converter or skl2onnx's."""
    from bridge.export.fallback import convert_with_skl2onnx, skl2onnx_knows
    from bridge.export.finite import refuse_what_was_made

    _load_converters()
    cls = type(estimator)
    build = find_converter(cls)
    refuse_what_was_made(b, estimator, x)
    if build is not None:
        return build(b, estimator, x)
    if skl2onnx_knows(cls):
        return convert_with_skl2onnx(b, estimator, x)
    raise UnsupportedError(
        f"no converter for {cls.__module__}.{cls.__qualname__}.\n"
        f"Register one with bridge.register_converter({cls.__name__}, build); see its docstring for an example."
    )


def transform(b: Builder, estimator: Any, x: Block) -> Block:
    """Return what `estimator.transform` makes of `x`."""
    answers = convert(b, estimator, x)
    block = answers.get("transform")
    from sklearn.utils._set_output import _get_output_config

    from bridge.export.block import Block

    if not isinstance(block, Block):
        raise UnsupportedError(f"{type(estimator).__name__} has no transform that bridge can export")
    if not type(estimator).__module__.startswith("sklearn."):  # what a converter of the user's own makes is not known
        for part in block.parts:
            b.may_break(part.value)
    is_frame = _get_output_config("transform", estimator)["dense"] != "default"
    return replace(block, frame=is_frame)


def _load_converters() -> None:
    for module in pkgutil.iter_modules(converters.__path__, f"{converters.__name__}."):
        importlib.import_module(module.name)
