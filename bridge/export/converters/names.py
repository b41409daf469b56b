"""DictVectorizer, FeatureHasher and MultiLabelBinarizer: the host finds the positions of names and their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.preprocessing import MultiLabelBinarizer

from bridge.data.entries import COUNT_DTYPES
from bridge.data.naming import Form, Naming
from bridge.errors import UnsupportedError
from bridge.export.registry import Answer, converts
from bridge.export.terms import as_block, open_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.data.schema import Scalar
    from bridge.export.block import Block
    from bridge.export.builder import Builder

_FORMS: dict[str, Form] = {"dict": "dict", "pair": "pairs", "string": "names"}
"""What FeatureHasher calls them."""


@converts(DictVectorizer)
def convert_dict_vectorizer(b: Builder, vectorizer: Any, x: Block) -> Mapping[str, Answer]:
    by_position = sorted(vectorizer.vocabulary_.items(), key=lambda item: item[1])
    naming = Naming(
        _column_of(x, vectorizer),
        "",
        _dtype_of(vectorizer),
        len(by_position),
        "dict",
        separator=vectorizer.separator,
        refuse_repeats=bool(vectorizer.sparse),
    )
    return _answer(b, vectorizer, x, naming, [name for name, _ in by_position], sparse=vectorizer.sparse)


@converts(FeatureHasher)
def convert_feature_hasher(b: Builder, hasher: Any, x: Block) -> Mapping[str, Answer]:
    naming = Naming(
        _column_of(x, hasher),
        "",
        _dtype_of(hasher),
        int(hasher.n_features),
        _FORMS[hasher.input_type],
        is_hashed=True,
        alternate_sign=bool(hasher.alternate_sign),
    )
    return _answer(b, hasher, x, naming, (), sparse=True)


@converts(MultiLabelBinarizer)
def convert_multi_label_binarizer(b: Builder, binarizer: Any, x: Block) -> Mapping[str, Answer]:
    labels = list(binarizer.classes_)
    naming = Naming(_column_of(x, binarizer), "", "int64", len(labels), "labels")
    return _answer(b, binarizer, x, naming, labels, sparse=binarizer.sparse_output)


def _answer(
    b: Builder, estimator: Any, x: Block, naming: Naming, names: Sequence[Any], *, sparse: bool
) -> Mapping[str, Answer]:
    if not naming.width:
        raise UnsupportedError(f"{type(estimator).__name__} was fitted on rows that name nothing: it has no columns")
    known = tuple(_as_scalar(name, estimator) for name in names)
    return {"transform": as_block(b, x, open_terms(x.parts[0], naming, known), sparse=sparse)}


def _column_of(x: Block, estimator: Any) -> str:
    part = x.parts[0] if len(x.parts) == 1 else None
    if part is None or part.objects is None or part.value.producer() is not None:
        raise UnsupportedError(
            f"{type(estimator).__name__} needs one dict, list or set per row as the data has it; here it gets "
            f"{x.width} columns of {x.dtype}, or the answer of another step.\n"
            "Give it the rows themselves, or the column: ('name', vectorizer, 'column') in a ColumnTransformer."
        )
    return part.objects.name


def _dtype_of(estimator: Any) -> str:
    name: str = np.dtype(estimator.dtype).name
    if name not in COUNT_DTYPES:
        raise UnsupportedError(
            f"{type(estimator).__name__}(dtype={estimator.dtype}): expected one of {', '.join(COUNT_DTYPES)}"
        )
    return name


def _as_scalar(name: Any, estimator: Any) -> Scalar:
    """Return a name as JSON has it; its hash and equality, by which it is found, stay the same."""
    value = name.item() if isinstance(name, np.generic) else name
    if not isinstance(value, (str, int, float)) or value != value:  # noqa: PLR0124
        raise UnsupportedError(
            f"{type(estimator).__name__} knows the name {name!r} of type {type(name).__name__}; a file holds text, "
            "integers, booleans and floats.\nFit with such names."
        )
    return str(value) if isinstance(value, str) else value
