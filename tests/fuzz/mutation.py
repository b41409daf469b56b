"""Damage ONNX files: field by field, as no exporter would write them, or byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

WHOLE = (-1, 0, 1, 2, 3, 7, 13, 255, 2**16, 2**31 - 1, 2**31, 2**40, -(2**31), -(2**63), 2**63 - 1)
NUMBERS = (0.0, -0.0, 1.0, 0.5, -1.0, 1e30, -1e30, 1e-40, float("inf"), float("-inf"), float("nan"))
TEXTS = ("", "X", "ai.onnx.ml", "com.example", "LEAF", "BRANCH_EQ", "BRANCH_MEMBER", "MAX", "LOGISTIC", "é", "TO_INT64")
BYTES = (b"", b"\xff", b"LEAF", b"BRANCH_EQ", b"SOFTMAX_ZERO", b"PROBIT", b"MIN", b"X", b"\x00\x00\x80\x7f")


def damage(model: onnx.ModelProto, pick: Random) -> None:
    """Change one field somewhere in `model`: another value, an entry more or less, one of another place, or none."""
    places = [(message, field) for message in _messages(model) for field, _ in message.ListFields()]
    message, field = places[pick.randrange(len(places))]
    if field.is_repeated:
        _damage_list(getattr(message, field.name), field, model, pick)
    elif pick.randrange(4) == 0:
        message.ClearField(field.name)
    elif field.message_type is None:
        setattr(message, field.name, _scalar(field, model, pick))
    else:
        other = _another(field, model, pick)
        getattr(message, field.name).CopyFrom(other)


def damage_bytes(data: bytes, pick: Random) -> bytes:
    """Return `data` with some bytes changed, left out or said twice, or with its end cut off."""
    changed = bytearray(data)
    for _ in range(pick.randrange(1, 4)):
        start = pick.randrange(len(changed) + 1)
        stop = min(len(changed), start + pick.choice((1, 1, 2, 4, 8, 64)))
        match pick.randrange(4):
            case 0:
                changed[start:stop] = bytes(pick.randrange(256) for _ in range(stop - start))
            case 1:
                del changed[start:stop]
            case 2:
                changed[start:start] = changed[start:stop]
            case _:
                del changed[max(start, 1) :]
    return bytes(changed)


def _messages(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                yield from _messages(inner)


def _damage_list(values: Any, field: FieldDescriptor, model: onnx.ModelProto, pick: Random) -> None:
    place = pick.randrange(len(values))
    match pick.randrange(5):
        case 0:
            del values[place:]
        case 1:
            del values[place]
        case 2:
            _rearrange(values, [*range(len(values)), place])
        case 3:
            order = list(range(len(values)))
            pick.shuffle(order)
            _rearrange(values, order)
        case _ if field.message_type is not None:
            values[place].CopyFrom(_another(field, model, pick))
        case _:
            values[place] = _scalar(field, model, pick)


def _rearrange(values: Any, order: list[int]) -> None:
    copies = [values[i] for i in order]
    if values and hasattr(values[0], "SerializeToString"):
        copies = [type(v).FromString(v.SerializePartialToString()) for v in copies]
    del values[:]
    values.extend(copies)


def _another(field: FieldDescriptor, model: onnx.ModelProto, pick: Random) -> Message:
    """Return a message of the field's type from anywhere in the model."""
    other = pick.choice([m for m in _messages(model) if m.DESCRIPTOR is field.message_type])
    return type(other).FromString(other.SerializePartialToString())  # apart: it may hold the place that it goes to


def _scalar(field: FieldDescriptor, model: onnx.ModelProto, pick: Random) -> Any:
    """Return a value that the field can hold: an extreme one, or for text one that stands elsewhere in the model."""
    if field.cpp_type in {field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE}:
        return pick.choice(NUMBERS)
    if field.enum_type is not None:
        return pick.choice(sorted(field.enum_type.values_by_number))
    if field.cpp_type != field.CPPTYPE_STRING:
        least, most = _RANGES[field.cpp_type]
        return pick.choice([n for n in WHOLE if least <= n <= most])
    if field.type == field.TYPE_BYTES:
        return pick.choice(BYTES)
    known = {v for m in _messages(model) for f, v in m.ListFields() if f.type == f.TYPE_STRING and not f.is_repeated}
    known |= {name for node in model.graph.node for name in (*node.input, *node.output)}
    return pick.choice([*TEXTS, *sorted(known)])


_FIELD = onnx.TensorProto.DESCRIPTOR.fields[0]
_RANGES = {
    _FIELD.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    _FIELD.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    _FIELD.CPPTYPE_UINT32: (0, 2**32 - 1),
    _FIELD.CPPTYPE_UINT64: (0, 2**64 - 1),
    _FIELD.CPPTYPE_BOOL: (0, 1),
}
