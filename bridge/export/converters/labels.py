"""LabelEncoder and LabelBinarizer: one column of labels, given as a vector."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer, LabelEncoder

from bridge.export.builder import dtype_of
from bridge.export.converters.lookup import Table, category_parts, look_up, matches
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(LabelEncoder)
def convert_label_encoder(b: Builder, encoder: Any, x: Block) -> Mapping[str, Answer]:
    """Return the position of each label, which the host refuses where it is none, as the estimator does."""
    classes = encoder.classes_
    (part,) = category_parts(x, [classes], strict=True)
    table = Table(classes, np.arange(len(classes), dtype=np.float64).reshape(-1, 1), np.array([-1.0]))
    return {"transform": b.flatten_column(b.cast(look_up(b, part, [table]), np.int64))}


@converts(LabelBinarizer)
def convert_label_binarizer(b: Builder, binarizer: Any, x: Block) -> Mapping[str, Answer]:
    """Return `pos_label` where a row has the label of a column, else `neg_label`; one column for two labels."""
    classes = binarizer.classes_
    if binarizer.y_type_.startswith("multilabel"):
        value = x.matrix()
        found = b.op("Not", b.op("Equal", value, b.like(0, value)))
    else:
        # Of two labels, an unknown one would have scikit-learn answer with as many columns as the batch asks for.
        (part,) = category_parts(x, [classes], strict=len(classes) == 2)
        if dtype_of(part.value).kind == "f":
            is_whole = b.op("Equal", b.op("Floor", part.value), part.value)
            b.refuse(b.op("Not", is_whole), "LabelBinarizer takes no labels with a fraction")
        asked = classes[1:] if len(classes) == 2 else classes
        found = matches(b, part, [0] * len(asked), asked.tolist())
        if len(classes) == 1:  # the only label is the negative one
            found = b.op("And", found, b.op("Not", found))
    marks = b.constant(binarizer.pos_label, np.int64), b.constant(binarizer.neg_label, np.int64)
    width = x.width if binarizer.y_type_.startswith("multilabel") else len(classes) if len(classes) != 2 else 1
    return {"transform": replace(x.of(b.where(found, *marks), width), sparse=binarizer.sparse_output)}
