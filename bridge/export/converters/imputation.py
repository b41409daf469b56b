"""SimpleImputer and MissingIndicator, on numbers and on the codes of text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.utils._mask import _get_mask
from sklearn.utils._missing import is_pandas_na, is_scalar_nan

from bridge.data.schema import MISSING_CODE
from bridge.errors import UnsupportedError
from bridge.export.block import Block, NumberColumn, Part
from bridge.export.builder import dtype_of
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder


@converts(SimpleImputer)
def convert_simple_imputer(b: Builder, imputer: Any, x: Block) -> Mapping[str, Answer]:
    fills = imputer.statistics_.astype(object)
    kept = np.flatnonzero(~_get_mask(fills, np.nan) | imputer.keep_empty_features)
    fills = fills[kept].astype(imputer._fill_dtype)
    indicated = imputer.indicator_.features_.tolist() if imputer.add_indicator else []
    if not len(kept) and not indicated:
        raise UnsupportedError("every column was wholly missing at fit, so the SimpleImputer drops all of them")
    if x.has_text or _keeps_sources(imputer, x):
        parts = _impute_parts(b, imputer.missing_values, x, fills, kept)
        marks = [_mark_part(b, imputer.missing_values, part) for part in x.select(indicated).columns()]
    else:
        whole = _float_matrix(imputer, x)
        chosen = whole if len(kept) == x.width else b.take_columns(whole, kept)
        source, positions = _source_behind(imputer.missing_values, x, kept)
        filled = _impute(b, imputer.missing_values, chosen, fills)
        parts = (Part(filled, len(kept), source=source, positions=positions),) if len(kept) else ()
        marks = [mark_missing(b, imputer.missing_values, b.take_columns(whole, indicated))] if indicated else []
    # Beside text, the marks are the objects True and False, which compare as 1 and 0.
    dtype = np.dtype(np.int64) if x.has_text else dtype_of(parts[0].value) if parts else x.float_dtype
    extra = tuple(Part(b.cast(b.concat(marks), dtype), len(indicated)) for _ in indicated[:1])
    return {"transform": replace(x, parts=(*parts, *extra))}


@converts(MissingIndicator)
def convert_missing_indicator(b: Builder, indicator: Any, x: Block) -> Mapping[str, Answer]:
    features = indicator.features_.tolist()
    if indicator.features == "missing-only" and indicator.error_on_new:
        _refuse_new(b, indicator, x)
    if not features:  # (rows, 0)
        mask = _nowhere(b, b.take_columns(x.parts[0].value, []))
    elif x.has_text:
        mask = b.concat([_mark_part(b, indicator.missing_values, part) for part in x.select(features).columns()])
    else:
        mask = mark_missing(b, indicator.missing_values, b.take_columns(x.matrix(), features))
    return {"transform": replace(x.of(mask, len(features)), sparse=_is_sparse_mask(indicator, x))}


def _refuse_new(b: Builder, indicator: Any, x: Block) -> None:
    """Refuse rows in which a value is missing from a column that was whole at fit."""
    others = sorted(set(range(x.width)) - set(indicator.features_.tolist()))
    for part in x.select(others).parts:
        reason = "MissingIndicator(error_on_new=True) takes no missing values in columns that had none at fit"
        b.refuse(_mark_part(b, indicator.missing_values, part), reason)


def _is_sparse_mask(indicator: Any, x: Block) -> bool:
    return x.sparse if indicator.sparse == "auto" else bool(indicator.sparse)


def _keeps_sources(imputer: Any, x: Block) -> bool:
    """Return whether the columns may be categories, whose values the host checks for an encoder behind."""
    is_frame = len(x.parts) > 1
    return is_frame and imputer.strategy in ("most_frequent", "constant") and all(p.source is not None for p in x.parts)


def _source_behind(
    missing: Any, x: Block, kept: NDArray[np.intp]
) -> tuple[NumberColumn | None, tuple[int, ...] | None]:
    """Return the input that the imputed columns are, and which of its columns, where all are of one."""
    part = x.parts[0]
    if len(x.parts) > 1 or part.source is None:
        return None, None
    source = part.source if _is_missing_marker(missing) else part.source.besides(missing)
    return source, tuple(part.positions[i] if part.positions else int(i) for i in kept)


def _float_matrix(imputer: Any, x: Block) -> ir.Value:
    """Return the columns in the dtype in which `SimpleImputer._validate_input` wants them."""
    keeps_integers = imputer.strategy in ("most_frequent", "constant") or imputer._fit_dtype.kind == "O"
    return x.matrix() if keeps_integers else x.floats()


def _impute(b: Builder, missing: Any, value: ir.Value, fills: NDArray[Any]) -> ir.Value:
    if not _may_be_missing(missing, value):
        return value
    return b.where(mark_missing(b, missing, value), b.like(fills.reshape(1, -1), value), value)


def _impute_parts(b: Builder, missing: Any, x: Block, fills: NDArray[Any], kept: NDArray[np.intp]) -> tuple[Part, ...]:
    """Impute column by column, so that text stays text and encoders can still have the host check its values."""
    dtype = x.dtype
    parts = []
    for part, fill in zip(x.select(kept.tolist()).columns(), fills, strict=True):
        if part.text is not None:
            parts.append(_impute_text(b, missing, part, fill))
            continue
        value = part.value if dtype.kind == "O" else b.cast(part.value, dtype)
        source = part.source
        if source is not None and _may_be_missing(missing, value) and not _is_missing_marker(missing):
            source = source.besides(missing)
        parts.append(replace(part, value=_impute(b, missing, value, np.array([fill])), source=source))
    return tuple(parts)


def _impute_text(b: Builder, missing: Any, part: Part, fill: Any) -> Part:
    if part.text is None or not isinstance(fill, str):
        raise UnsupportedError(f"a text column is filled with {fill!r}, which is no text; use a fill_value that is")
    filled = b.where(_mark_part(b, missing, part), b.constant(part.text.code(fill)), part.value)
    return replace(part, value=filled)


def _mark_part(b: Builder, missing: Any, part: Part) -> ir.Value:
    """Return where a column, text or numbers, is missing."""
    if part.text is None:
        return mark_missing(b, missing, part.value)
    if is_pandas_na(missing):  # stands for every missing value
        return b.op("LessOrEqual", part.value, b.constant(MISSING_CODE))
    if not isinstance(missing, str) and not _is_missing_marker(missing):
        return _nowhere(b, part.value)
    return b.op("Equal", part.value, b.constant(part.text.code(missing)))


def mark_missing(b: Builder, missing: Any, value: ir.Value) -> ir.Value:
    """Return where numbers are missing, as `sklearn.utils._mask._get_mask` has it."""
    if not _may_be_missing(missing, value):
        return _nowhere(b, value)
    if _is_missing_marker(missing):
        return b.op("IsNaN", value)
    # A Python number takes the dtype of the data, a NumPy scalar brings its own.
    common = np.result_type(dtype_of(value), missing)
    return b.op("Equal", b.cast(value, common), b.constant(missing, common))


def _may_be_missing(missing: Any, value: ir.Value) -> bool:
    return dtype_of(value).kind == "f" if _is_missing_marker(missing) else not isinstance(missing, str)


def _is_missing_marker(missing: Any) -> bool:
    return missing is None or is_scalar_nan(missing) or is_pandas_na(missing)


def _nowhere(b: Builder, value: ir.Value) -> ir.Value:
    return b.op("Less", value, value)
