"""FunctionTransformer: no function, NumPy's functions that a graph can compute, and functions with a converter."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special
from sklearn.preprocessing import FunctionTransformer

from bridge.errors import UnsupportedError
from bridge.export.block import Block, Part
from bridge.export.builder import dtype_of
from bridge.export.converters import elementary, inverse_functions
from bridge.export.converters.links import sigmoid
from bridge.export.registry import Answer, converts, find_converter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir

    from bridge.export.builder import Builder

    Function = Callable[[Builder, ir.Value], ir.Value]


def _operator(op_type: str) -> Function:
    return lambda b, x: b.op(op_type, x)


def _scaled_by(factor: float) -> Function:
    return lambda b, x: b.mul(x, b.like(factor, x))


def _square(b: Builder, x: ir.Value) -> ir.Value:
    return b.mul(x, x)


def _nan_to_num(b: Builder, x: ir.Value) -> ir.Value:
    limits = np.finfo(dtype_of(x))
    return b.clip(b.where(b.op("IsNaN", x), b.like(0, x), x), limits.min, limits.max)


def _is_finite(b: Builder, x: ir.Value) -> ir.Value:
    return b.op("Not", b.op("Or", b.op("IsNaN", x), b.op("IsInf", x)))


FLOAT_FUNCTIONS: dict[Any, Function] = {
    np.log: _operator("Log"),
    np.log2: elementary.log2,
    np.log10: elementary.log10,
    np.log1p: elementary.log1p,
    np.exp: _operator("Exp"),
    np.exp2: elementary.exp2,
    np.expm1: elementary.expm1,
    np.sqrt: _operator("Sqrt"),
    np.cbrt: elementary.cbrt,
    np.reciprocal: _operator("Reciprocal"),
    np.floor: _operator("Floor"),
    np.ceil: _operator("Ceil"),
    np.rint: _operator("Round"),
    np.trunc: elementary.trunc,
    np.sin: _operator("Sin"),
    np.cos: _operator("Cos"),
    np.tan: elementary.tan,
    np.sinh: elementary.sinh,
    np.cosh: elementary.cosh,
    np.tanh: _operator("Tanh"),
    np.deg2rad: _scaled_by(np.pi / 180),
    np.radians: _scaled_by(np.pi / 180),
    np.rad2deg: _scaled_by(180 / np.pi),
    np.degrees: _scaled_by(180 / np.pi),
    np.isnan: _operator("IsNaN"),
    np.isinf: _operator("IsInf"),
    np.isfinite: _is_finite,
    np.nan_to_num: _nan_to_num,
    np.arctan: inverse_functions.arctan,
    np.arcsin: inverse_functions.arcsin,
    np.arccos: inverse_functions.arccos,
    np.arcsinh: inverse_functions.arcsinh,
    np.arccosh: inverse_functions.arccosh,
    np.arctanh: inverse_functions.arctanh,
    special.expit: sigmoid,
    special.logit: inverse_functions.logit,
}
"""Functions of floating-point numbers; whole numbers are cast as NumPy casts them."""

BREAKING = frozenset(
    {
        *(np.log, np.log2, np.log10, np.log1p, np.sqrt, np.reciprocal, special.logit),
        *(np.exp, np.exp2, np.expm1, np.sinh, np.cosh),
        *(np.arcsin, np.arccos, np.arccosh, np.arctanh),
    }
)
"""Of these, the ones that make NaN or infinities of ordinary numbers."""

ANY_FUNCTIONS: dict[Any, Function] = {
    np.absolute: _operator("Abs"),
    np.fabs: _operator("Abs"),
    np.negative: _operator("Neg"),
    np.positive: lambda _b, x: x,
    np.sign: _operator("Sign"),
    np.square: _square,
}
"""Functions that keep whole numbers whole."""


def _clip(b: Builder, x: ir.Value, arguments: Mapping[str, Any]) -> ir.Value:
    low, high = (
        next((arguments[name] for name in names if arguments.get(name) is not None), None)
        for names in (("a_min", "min"), ("a_max", "max"))
    )
    if low is not None:
        x = b.where(b.op("Less", x, b.like(low, x)), b.like(low, x), x)
    return x if high is None else b.where(b.op("Greater", x, b.like(high, x)), b.like(high, x), x)


def _round(b: Builder, x: ir.Value, arguments: Mapping[str, Any]) -> ir.Value:
    """Return the nearest numbers of so many decimals, by NumPy's own two roundings."""
    decimals = int(arguments.get("decimals", 0))
    if dtype_of(x).kind != "f":
        if decimals < 0:
            raise UnsupportedError(
                "whole numbers are rounded to tens and hundreds otherwise than floats; cast them first"
            )
        return x
    if not decimals:
        return b.op("Round", x)
    scale = b.like(10.0 ** abs(decimals), x)
    there, back = ("Mul", "Div") if decimals > 0 else ("Div", "Mul")
    return b.op(back, b.op("Round", b.op(there, x, scale)), scale)


WITH_ARGUMENTS: dict[Any, tuple[frozenset[str], Callable[[Builder, ir.Value, Mapping[str, Any]], ir.Value]]] = {
    np.clip: (frozenset({"a_min", "a_max", "min", "max"}), _clip),
    np.round: (frozenset({"decimals"}), _round),
    np.around: (frozenset({"decimals"}), _round),
}
"""Functions that take arguments, with those that bridge knows."""


@converts(FunctionTransformer)
def convert_function_transformer(b: Builder, transformer: Any, x: Block) -> Mapping[str, Answer]:
    func = transformer.func
    if transformer.validate and not x.has_text:
        x = replace(x.of(x.matrix(), x.width), sparse=x.sparse)
    if func is None:
        return {"transform": x}
    if _is_hashable(func) and (build := find_converter(func)):
        answers = build(b, transformer, x)
        for part in found.parts if isinstance(found := answers.get("transform"), Block) else ():
            b.may_break(part.value)
        return answers
    if x.has_text:
        x.matrix()  # says which column is text
    runs = _runs(b, x)
    parts = tuple(Part(apply_function(b, func, run.value, transformer.kw_args), run.width) for run in runs)
    if _is_hashable(func) and func in BREAKING:
        for part in parts:
            b.may_break(part.value)
    return {"transform": replace(x, parts=parts)}


def apply_function(b: Builder, func: Any, value: ir.Value, arguments: Mapping[str, Any] | None = None) -> ir.Value:
    """Return `func(value)` in NumPy's dtype; raises `UnsupportedError` where bridge knows no such function."""
    if _is_hashable(func) and func in WITH_ARGUMENTS and set(arguments or {}) <= WITH_ARGUMENTS[func][0]:
        given = dict(arguments or {})
        result = np.asarray(func(np.ones((1, 1), dtype_of(value)), **given)).dtype
        return WITH_ARGUMENTS[func][1](b, b.cast(value, result), given)
    if not _is_hashable(func) or func not in {*FLOAT_FUNCTIONS, *ANY_FUNCTIONS} or arguments:
        name = getattr(func, "__qualname__", None) or getattr(func, "__name__", None) or repr(func)
        raise UnsupportedError(
            f"the function {name} has no counterpart in ONNX that bridge knows"
            + (f" with the arguments {arguments!r}" if arguments else "")
            + f".\nRegister one with bridge.register_converter({name}, build); see its docstring for an example."
        )
    dtype = dtype_of(value)
    with np.errstate(all="ignore"):
        result = np.asarray(func(np.ones(1, dtype))).dtype
    if func in ANY_FUNCTIONS:
        return ANY_FUNCTIONS[func](b, b.cast(value, result))
    if dtype.kind != "f" and result.kind in "iu":  # rounding a whole number, or its reciprocal
        if func is np.reciprocal:
            return b.div(b.like(1, value), value)
        return value
    floats = b.cast(value, np.float64) if dtype.kind != "f" else value
    return FLOAT_FUNCTIONS[func](b, floats)


def _is_hashable(func: Any) -> bool:
    return func.__hash__ is not None


def _runs(b: Builder, x: Block) -> list[Part]:
    """Return the columns with neighbours of one dtype joined, so that each function takes few nodes."""
    runs: list[Part] = []
    for part in x.parts:
        if runs and runs[-1].value.dtype == part.value.dtype:
            runs[-1] = Part(b.concat([runs[-1].value, part.value]), runs[-1].width + part.width)
        else:
            runs.append(part)
    return runs
