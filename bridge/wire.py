"""Cut a serialized protobuf message into its fields without parsing or copying what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from google.protobuf.message import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The wire types of protobuf's encoding (protobuf.dev, "Encoding"); groups, which ONNX does not use, are refused."""


class Field(NamedTuple):
    """One field: its number, its wire type, what it holds, and all of its bytes with its tag."""

    number: int
    wire_type: int
    content: memoryview
    whole: memoryview


def read_fields(message: memoryview) -> Iterator[Field]:
    """Yield the fields of a message in their order; raise `DecodeError` where its bytes are none."""
    start = 0
    while start < len(message):
        tag, at = _read_varint(message, start)
        wire_type = tag & 7
        if wire_type == VARINT:
            _, end = _read_varint(message, at)
        elif wire_type == BYTES:
            length, at = _read_varint(message, at)
            end = at + length
        elif wire_type in {FIXED32, FIXED64}:
            end = at + (4 if wire_type == FIXED32 else 8)
        else:
            raise DecodeError(f"a field of wire type {wire_type}")
        if end > len(message):
            raise DecodeError("a field that ends behind the message")
        yield Field(tag >> 3, wire_type, message[at:end], message[start:end])
        start = end


def write_bytes(number: int, content: bytes | memoryview) -> bytes:
    """Return a field that holds bytes, text or a message."""
    return bytes_header(number, len(content)) + bytes(content)


def bytes_header(number: int, length: int) -> bytes:
    """Return what stands before the `length` bytes of such a field."""
    return _varint(number << 3 | BYTES) + _varint(length)


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number that begins at `at`, and where the next begins."""
    number = 0
    for place, byte in enumerate(message[at : at + 10]):
        number |= (byte & 127) << (7 * place)
        if byte < 128:
            return number, at + place + 1
    raise DecodeError("a number without an end")


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
