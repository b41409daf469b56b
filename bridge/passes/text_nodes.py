"""What each operator does with text: carry it, compare it with a table, or answer from one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from bridge.opset import MAIN_DOMAIN, ML_DOMAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

UNKNOWN = -1
"""The code of a text that is in no table."""

CLASSIFIERS = {
    "TreeEnsembleClassifier": "classlabels_int64s",
    "LinearClassifier": "classlabels_ints",
    "SVMClassifier": "classlabels_ints",
}
"""Operators that answer from `classlabels_strings`, and where they keep integer labels."""

_CARRIED: dict[tuple[str, str], tuple[int, ...] | None] = {
    **{
        (MAIN_DOMAIN, op): (0,)
        for op in (
            "Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Expand", "Tile", "Gather",
            "GatherElements", "GatherND", "Compress", "Split",
        )
    },
    (MAIN_DOMAIN, "Where"): (1, 2),
    (MAIN_DOMAIN, "Concat"): None,
    (ML_DOMAIN, "ArrayFeatureExtractor"): (0,),
}  # fmt: skip


_TYPES = {
    "cats_int64s": ir.AttributeType.INTS,
    "cats_strings": ir.AttributeType.STRINGS,
    "classes_strings": ir.AttributeType.STRINGS,
    "classlabels_strings": ir.AttributeType.STRINGS,
    "keys_strings": ir.AttributeType.STRINGS,
    "values_strings": ir.AttributeType.STRINGS,
    "default_int64": ir.AttributeType.INT,
    "default_string": ir.AttributeType.STRING,
}


@dataclass(frozen=True)
class Role:
    """What a node does with text.

    Attributes
    ----------
    carried
        The inputs whose text its outputs hold.
    compared
        Inputs whose text is compared: with one another, or with `reads`.
    reads, answers
        The texts of the table that input 0 is looked up in, and of the one that output 0 comes from.
    refusal
        Why the node cannot work on codes; empty if it can.
    """

    carried: tuple[int, ...] = ()
    compared: tuple[int, ...] = ()
    reads: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    refusal: str = ""


def role_of(node: ir.Node, text_inputs: Sequence[int]) -> Role:
    """Return the role of a node whose inputs `text_inputs` are text."""
    key = (node.domain, node.op_type)
    if key in _CARRIED:
        carried = _CARRIED[key]
        return Role(carried=tuple(i for i in text_inputs if carried is None or i in carried))
    if key in _ROLES:
        return Role(refusal=fault) if (fault := _wrong_type(node)) else _ROLES[key](node, text_inputs)
    refusal = f"{node.op_type} works on the characters of text, which codes do not have"
    return Role(refusal=refusal) if text_inputs else Role()


def _wrong_type(node: ir.Node) -> str:
    """Return why an attribute of a table, which `to_codes` would rewrite, cannot be read; nothing where all can."""
    for name, kind in _TYPES.items():
        attribute = node.attributes.get(name)
        if attribute is not None and attribute.type != kind:
            return f"attribute '{name}' is {attribute.type.name}, expected {kind.name}"
    return ""


def _role_of_shape(_node: ir.Node, _text_inputs: Sequence[int]) -> Role:
    return Role()


def _role_of_equal(_node: ir.Node, text_inputs: Sequence[int]) -> Role:
    return Role(compared=tuple(text_inputs))


def _role_of_one_hot(node: ir.Node, text_inputs: Sequence[int]) -> Role:
    return Role(compared=tuple(text_inputs), reads=_strings(node, "cats_strings"))


def _role_of_label_encoder(node: ir.Node, text_inputs: Sequence[int]) -> Role:
    texts = _map_texts(node)
    if "classes_strings" in texts:
        return _role_of_two_ways(texts["classes_strings"], text_inputs)
    compared = (0,) if text_inputs else ()
    return Role(compared=compared, reads=texts.get("keys", ()), answers=texts.get("values", ()))


def contradiction_in(node: ir.Node) -> str:
    """Return what no runtime could make of the node's table of text; empty if nothing."""
    if (node.domain, node.op_type) != (ML_DOMAIN, "CategoryMapper"):
        return ""
    numbers = node.attributes.get("cats_int64s")
    count = len(numbers.as_ints()) if numbers is not None and numbers.type == ir.AttributeType.INTS else None
    is_right = count == len(_strings(node, "cats_strings"))
    return "" if is_right else "attributes 'cats_strings' and 'cats_int64s' are not of one length"


def _role_of_category_mapper(node: ir.Node, text_inputs: Sequence[int]) -> Role:
    table = _strings(node, "cats_strings")
    if refusal := contradiction_in(node):
        return Role(reads=table, refusal=refusal)
    return _role_of_two_ways(table, text_inputs)


def _role_of_two_ways(table: tuple[str, ...], text_inputs: Sequence[int]) -> Role:
    return Role(compared=(0,), reads=table) if text_inputs else Role(answers=table)


def _role_of_cast(node: ir.Node, text_inputs: Sequence[int]) -> Role:
    to = node.attributes.get("to")
    to_text = to is not None and to.value == ir.DataType.STRING.value
    if to_text and text_inputs:
        return Role(carried=(0,))
    if to_text:
        return Role(refusal="Cast writes numbers as text, which codes cannot hold")
    return Role(refusal="Cast reads numbers from text, which codes do not have") if text_inputs else Role()


def _role_of_classifier(node: ir.Node, text_inputs: Sequence[int]) -> Role:
    labels = _strings(node, "classlabels_strings")
    if text_inputs:
        return Role(answers=labels, refusal=f"{node.op_type} reads numbers, and its input is text")
    if len(labels) == 1:
        return Role(answers=labels, refusal=f"{node.op_type} has one class label, and onnxruntime answers with others")
    return Role(answers=labels)


_ROLES: dict[tuple[str, str], Callable[[ir.Node, Sequence[int]], Role]] = {
    (MAIN_DOMAIN, "Shape"): _role_of_shape,
    (MAIN_DOMAIN, "Equal"): _role_of_equal,
    (MAIN_DOMAIN, "Cast"): _role_of_cast,
    (ML_DOMAIN, "OneHotEncoder"): _role_of_one_hot,
    (ML_DOMAIN, "LabelEncoder"): _role_of_label_encoder,
    (ML_DOMAIN, "CategoryMapper"): _role_of_category_mapper,
    **{(ML_DOMAIN, op_type): _role_of_classifier for op_type in CLASSIFIERS},
}


def _strings(node: ir.Node, name: str) -> tuple[str, ...]:
    attribute = node.attributes.get(name)
    return tuple(attribute.as_strings()) if attribute is not None and attribute.type == ir.AttributeType.STRINGS else ()


def _map_texts(node: ir.Node) -> dict[str, tuple[str, ...]]:
    """Return the texts of a LabelEncoder or CategoryMapper: by side, or by attribute where that serves both sides."""
    texts = {name: _strings(node, name) for name in ("cats_strings", "classes_strings") if name in node.attributes}
    for side in ("keys", "values"):
        if f"{side}_strings" in node.attributes:
            texts[side] = _strings(node, f"{side}_strings")
        elif (tensor := _text_tensor(node, f"{side}_tensor")) is not None:
            texts[side] = tensor
    return texts


def _text_tensor(node: ir.Node, name: str) -> tuple[str, ...] | None:
    attribute = node.attributes.get(name)
    if attribute is None or attribute.type != ir.AttributeType.TENSOR:
        return None
    tensor = attribute.as_tensor()
    return texts_of(tensor) if tensor.dtype == ir.DataType.STRING else None


def texts_of(tensor: ir.TensorProtocol) -> tuple[str, ...]:
    """Return the strings of a tensor, flat."""
    return tuple(t.decode() if isinstance(t, bytes) else str(t) for t in tensor.numpy().ravel())


def to_codes(node: ir.Node, reads: Mapping[str, int] | None, answers: Mapping[str, int] | None) -> None:
    """Let `node` work on codes in place of text: `reads` are those of its input, `answers` those of its output."""
    if node.op_type == "OneHotEncoder" and reads is not None:
        _replace(node, "cats_strings", "cats_int64s", [reads[t] for t in _strings(node, "cats_strings")])
    elif node.op_type in CLASSIFIERS and answers is not None:
        codes = [answers[t] for t in _strings(node, "classlabels_strings")]
        _replace(node, "classlabels_strings", CLASSIFIERS[node.op_type], codes)
    elif node.op_type == "CategoryMapper":
        _category_mapper_to_codes(node, reads, answers)
    elif "classes_strings" in node.attributes:
        _first_label_encoder_to_codes(node, reads, answers)
    elif node.op_type == "LabelEncoder":
        _label_encoder_to_codes(node, reads, answers)
    elif node.op_type == "Cast":
        node.op_type = "Identity"
        node.attributes.clear()


def _replace(node: ir.Node, old: str, new: str, values: Sequence[int]) -> None:
    node.attributes.pop(old, None)
    node.attributes[new] = ir.AttrInt64s(new, list(values))


def _label_encoder_to_codes(node: ir.Node, reads: Mapping[str, int] | None, answers: Mapping[str, int] | None) -> None:
    texts = _map_texts(node)
    for side, codes in (("keys", reads), ("values", answers)):
        if codes is None or side not in texts:
            continue
        old = f"{side}_strings" if f"{side}_strings" in node.attributes else f"{side}_tensor"
        _replace(node, old, f"{side}_int64s", [codes[t] for t in texts[side]])
    if answers is not None:
        default = _default_text(node)
        for name in ("default_string", "default_tensor"):
            node.attributes.pop(name, None)
        node.attributes["default_int64"] = ir.AttrInt64("default_int64", answers.get(default, UNKNOWN))


def _default_text(node: ir.Node) -> str:
    tensor = _text_tensor(node, "default_tensor")
    if tensor is not None:
        return tensor[0]
    attribute = node.attributes.get("default_string")
    return "_Unused" if attribute is None else attribute.as_string()


def _first_label_encoder_to_codes(
    node: ir.Node, reads: Mapping[str, int] | None, answers: Mapping[str, int] | None
) -> None:
    """Version 1: a list of texts, whose positions are the numbers."""
    _two_lists_to_codes(node, _strings(node, "classes_strings"), None, reads, answers)


def _category_mapper_to_codes(
    node: ir.Node, reads: Mapping[str, int] | None, answers: Mapping[str, int] | None
) -> None:
    numbers = node.attributes.get("cats_int64s")
    texts = _strings(node, "cats_strings")
    _two_lists_to_codes(node, texts, None if numbers is None else numbers.as_ints(), reads, answers)
    node.op_type = "LabelEncoder"


def _two_lists_to_codes(
    node: ir.Node,
    texts: Sequence[str],
    numbers: Sequence[int] | None,
    reads: Mapping[str, int] | None,
    answers: Mapping[str, int] | None,
) -> None:
    """Write a LabelEncoder for a table that is used in either direction, the last one of equal keys first."""
    codes = reads if reads is not None else answers
    if codes is None:
        return
    numbers = range(len(texts)) if numbers is None else numbers
    pairs = [(codes[t], n) for t, n in zip(texts, numbers, strict=True)][::-1]
    if reads is None:
        pairs = [(n, c) for c, n in pairs]
        default = answers.get(_default_text(node), UNKNOWN) if answers is not None else UNKNOWN
    else:
        given = node.attributes.get("default_int64")
        default = -1 if given is None else given.as_int()
    node.attributes.clear()
    node.attributes["keys_int64s"] = ir.AttrInt64s("keys_int64s", [k for k, _ in pairs])
    node.attributes["values_int64s"] = ir.AttrInt64s("values_int64s", [v for _, v in pairs])
    node.attributes["default_int64"] = ir.AttrInt64("default_int64", default)


def code_tensor(tensor: ir.TensorProtocol, codes: Mapping[str, int]) -> ir.TensorProtocol:
    """Return the codes of a tensor of text."""
    values = np.array([codes.get(t, UNKNOWN) for t in texts_of(tensor)], np.int64)
    return ir.tensor(values.reshape(tensor.numpy().shape))
