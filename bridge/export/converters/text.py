"""Vectorizers of text: the host finds and counts the terms, the graph weighs them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer

from bridge.data.analysis import Analysis
from bridge.data.entries import COUNT_DTYPES
from bridge.errors import UnsupportedError
from bridge.export.builder import Terms, dtype_of
from bridge.export.registry import Answer, converts
from bridge.export.terms import as_block, open_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(CountVectorizer)
def convert_count_vectorizer(b: Builder, vectorizer: Any, x: Block) -> Mapping[str, Answer]:
    return _answer(b, x, _counted(vectorizer, x, _vocabulary(vectorizer)))


@converts(TfidfVectorizer)
def convert_tfidf_vectorizer(b: Builder, vectorizer: Any, x: Block) -> Mapping[str, Answer]:
    return _answer(b, x, _weighted_terms(b, vectorizer._tfidf, _counted(vectorizer, x, _vocabulary(vectorizer))))


@converts(HashingVectorizer)
def convert_hashing_vectorizer(b: Builder, vectorizer: Any, x: Block) -> Mapping[str, Answer]:
    counts = _counted(vectorizer, x, (), width=vectorizer.n_features, alternate_sign=vectorizer.alternate_sign)
    return _answer(b, x, replace(counts, values=normalized(b, counts.values, vectorizer.norm)))


@converts(TfidfTransformer)
def convert_tfidf_transformer(b: Builder, transformer: Any, x: Block) -> Mapping[str, Answer]:
    value = x.floats()
    if value in b.terms:
        return _answer(b, x, _weighted_terms(b, transformer, b.terms[value]))
    if transformer.norm == "l2" and not transformer.sublinear_tf:
        # Which changes no direction, and keeps squares of small numbers above 0 in float32.
        largest = b.row_max(b.op("Abs", value))
        value = b.div(value, b.where(b.op("Equal", largest, b.like(0, largest)), b.like(1, largest), largest))
    weights = b.constant(transformer.idf_.reshape(1, -1)) if transformer.use_idf else None
    return {"transform": replace(x.of(_weighted(b, transformer, value, weights), x.width), sparse=True)}


def _answer(b: Builder, x: Block, terms: Terms) -> Mapping[str, Answer]:
    return {"transform": as_block(b, x, terms)}


def _vocabulary(vectorizer: Any) -> tuple[str, ...]:
    by_position = sorted(vectorizer.vocabulary_.items(), key=lambda item: item[1])
    return tuple(str(term) for term, _ in by_position)


def _counted(
    vectorizer: Any, x: Block, vocabulary: tuple[str, ...], *, width: int = 0, alternate_sign: bool = False
) -> Terms:
    """Return two new inputs, which the host fills with the terms of the text column that is `x`."""
    _check_settings(vectorizer)
    part = x.parts[0] if len(x.parts) == 1 else None
    if part is None or part.text is None or part.value.producer() is not None:
        raise UnsupportedError(
            f"{type(vectorizer).__name__} needs one column of text as the table has it; here it gets "
            f"{x.width} columns of {x.dtype}, or the answer of another step.\n"
            "Give it the column itself: ('name', vectorizer, 'column') in a ColumnTransformer."
        )
    low, high = vectorizer.ngram_range
    analysis = Analysis(
        column=part.text.name,
        counts="",
        dtype=np.dtype(vectorizer.dtype).name,
        width=width or len(vocabulary),
        analyzer=vectorizer.analyzer,
        ngrams=(int(low), int(high)),
        lowercase=bool(vectorizer.lowercase),
        strip_accents=vectorizer.strip_accents or None,
        pattern=vectorizer.token_pattern or "",
        stop_words=tuple(sorted(vectorizer.get_stop_words() or ())) if vectorizer.analyzer == "word" else (),
        alternate_sign=alternate_sign,
        binary=bool(vectorizer.binary),
    )
    return open_terms(part, analysis, vocabulary)


def _check_settings(vectorizer: Any) -> None:
    """Raise for what is code of the user's own, and for what no column of text holds."""
    name = type(vectorizer).__name__
    for setting in ("analyzer", "preprocessor", "tokenizer", "strip_accents"):
        value = getattr(vectorizer, setting)
        is_code = callable(value) or (setting in ("preprocessor", "tokenizer") and value is not None)
        if is_code and not (setting == "tokenizer" and vectorizer.analyzer in ("char", "char_wb")):
            raise UnsupportedError(
                f"{name}({setting}={getattr(value, '__name__', value)}) runs Python code on the text, which a file "
                "cannot hold.\nUse analyzer, lowercase, strip_accents, token_pattern, stop_words and ngram_range."
            )
    if vectorizer.input != "content":
        raise UnsupportedError(
            f"{name}(input={vectorizer.input!r}) reads files. Use input='content' and give the text."
        )
    if np.dtype(vectorizer.dtype).name not in COUNT_DTYPES:
        raise UnsupportedError(f"{name}(dtype={vectorizer.dtype}): expected one of {', '.join(COUNT_DTYPES)}")


def _weighted_terms(b: Builder, transformer: Any, counts: Terms) -> Terms:
    weights = None
    if transformer.use_idf:
        weights = b.op("Gather", b.constant(np.append(transformer.idf_, 0.0)), counts.columns, axis=0)
    return replace(counts, values=_weighted(b, transformer, counts.values, weights))


def _weighted(b: Builder, transformer: Any, values: ir.Value, weights: ir.Value | None) -> ir.Value:
    """Return what a TfidfTransformer makes of counts; what is 0 stays so, as it is not there in a sparse matrix."""
    if dtype_of(values).kind != "f":
        values = b.cast(values, np.float64)
    if transformer.sublinear_tf:
        is_absent = b.op("Equal", values, b.like(0, values))
        grown = b.add(b.op("Log", b.where(is_absent, b.like(1, values), values)), b.like(1, values))
        values = b.where(is_absent, b.like(0, values), grown)
    if weights is not None:
        wide = b.mul(b.cast(values, dtype_of(weights)), weights)
        values = b.cast(wide, dtype_of(values))
    return normalized(b, values, transformer.norm)


def normalized(b: Builder, values: ir.Value, norm: str | None) -> ir.Value:
    """Return rows divided by their length, rows of zeros as they are."""
    if norm is None:
        return values
    if norm == "max":
        length = b.row_max(b.op("Abs", values))
    else:
        length = b.sum(b.op("Abs", values) if norm == "l1" else b.mul(values, values), keepdims=True)
        length = length if norm == "l1" else b.op("Sqrt", length)
    length = b.where(b.op("Equal", length, b.like(0, length)), b.like(1, length), length)
    return b.div(values, length)
