"""Serialize a model in parts: protobuf takes three times the bytes of what it serializes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from google.protobuf.message import Message

from bridge.wire import bytes_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

    Part: TypeAlias = bytes | Message

SPLIT = frozenset({"graph", "node", "initializer", "attribute"})
"""The fields whose messages are parts of their own; a graph in an attribute stays whole."""


class FileParts:
    """A serialized model, one tensor or attribute at a time.

    Attributes
    ----------
    size
        The bytes that all parts take.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._parts, self.size = _split(model)

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            yield part if isinstance(part, bytes) else part.SerializeToString()


def _split(message: Message) -> tuple[list[Part], int]:
    """Return the parts of a message, headers and messages without inner ones, and the bytes that they take."""
    present = message.ListFields()
    if not any(field.name in SPLIT for field, _ in present):
        return [message], message.ByteSize()
    rest = type(message)()
    parts: list[Part] = [rest]
    size = 0
    for field, value in present:
        if field.name in SPLIT:
            for child in [value] if isinstance(value, Message) else value:
                inner, length = _split(child)
                header = bytes_header(field.number, length)
                parts += [header, *inner]
                size += len(header) + length
        elif isinstance(value, Message):
            getattr(rest, field.name).CopyFrom(value)
        elif hasattr(value, "extend"):
            getattr(rest, field.name).extend(value)
        else:
            setattr(rest, field.name, value)
    return parts, rest.ByteSize() + size
