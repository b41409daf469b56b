"""Operators that look values up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper

from tests.passes.judge import element, ml_model
from tests.passes.operators.combination import WORDS, Example, Operator

if TYPE_CHECKING:
    from tests.passes.operators.combination import Choice, Source

TYPES = ("int64", "float32", "string", "int32", "int16", "float64")
LISTS = {"int64": "int64s", "float32": "floats", "string": "strings"}
DEFAULTS = {"int64": ("default_int64", 77), "float32": ("default_float", 7.5), "string": ("default_string", "none")}
PAIRS_OF_VERSION_1 = {("int64", "string"), ("string", "int64")}


def _values(dtype: str, source: Source, *, keys: bool) -> list[Any]:
    if dtype == "string":
        return list(WORDS[1:]) if keys else ["p", "q", "p", "r"]
    if dtype.startswith("float"):
        return [float("nan"), 0.0, 2.0, 0.5] if keys else source.dyadic(4).tolist()
    return [3, 0, 2, int(source.rng.choice([-5, 9, 90]))] if keys else [5, 6, 7, -8]


def _tensor(values: list[Any], dtype: str) -> TensorProto:
    if dtype == "string":
        return helper.make_tensor("t", TensorProto.STRING, [len(values)], [v.encode() for v in values])
    array = np.array(values, dtype)
    return helper.make_tensor("t", element(array), array.shape, array)


def _possible(choice: Choice) -> bool:
    version, pair = choice["version"], (choice["key"], choice["value"])
    if version == 1:
        return choice["form"] == "lists" and pair in PAIRS_OF_VERSION_1
    if choice["form"] == "lists":
        return set(pair) <= set(LISTS)
    return version == 4


def _label_encoder(choice: Choice, source: Source) -> Example:
    key, value = choice["key"], choice["value"]
    keys, values = _values(key, source, keys=True), _values(value, source, keys=False)
    attributes: dict[str, Any] = {}
    if choice["version"] == 1:
        attributes["classes_strings"] = list(WORDS[1:])
    elif choice["form"] == "lists":
        attributes |= {f"keys_{LISTS[key]}": keys, f"values_{LISTS[value]}": values}
    else:
        attributes |= {"keys_tensor": _tensor(keys, key), "values_tensor": _tensor(values, value)}
    if choice["default"] == "given":
        if choice["form"] == "lists":
            name, default = DEFAULTS[value]
            attributes[name] = default
        else:
            attributes["default_tensor"] = _tensor(["none" if value == "string" else 77], value)
    x = source.rows(2, key, ties=[k for k in keys if not isinstance(k, str)])
    output = element(np.zeros(1, object if value == "string" else value))
    return Example(ml_model("LabelEncoder", {"X": x}, [output], version=choice["version"], **attributes), {"X": x})


def _category_mapper(choice: Choice, source: Source) -> Example:
    to_text = choice["key"] == "int64"
    attributes: dict[str, Any] = {"cats_strings": ["b", "a", "é", "a"], "cats_int64s": [5, 0, 2, 2]}
    if choice["default"] == "given":
        name, default = DEFAULTS["string" if to_text else "int64"]
        attributes[name] = default
    x = source.rows(2, choice["key"], ties=[5, 0, 2])
    output = TensorProto.STRING if to_text else TensorProto.INT64
    return Example(ml_model("CategoryMapper", {"X": x}, [output], version=1, **attributes), {"X": x})


DEFAULT = ["absent", "given"]
OPERATORS = (
    Operator(
        "LabelEncoder",
        {"version": [1, 2, 4], "key": TYPES, "value": TYPES, "form": ["lists", "tensors"], "default": DEFAULT},
        _label_encoder,
        _possible,
    ),
    Operator("CategoryMapper", {"version": [1], "key": ["string", "int64"], "default": DEFAULT}, _category_mapper),
)
