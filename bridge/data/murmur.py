"""MurmurHash3 (x86, 32 bits, seed 0; A. Appleby, public domain), for many texts at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_FIRST, _SECOND = np.uint32(0xCC9E2D51), np.uint32(0x1B873593)


def murmur3(texts: Sequence[bytes]) -> NDArray[np.int32]:
    """Return the hash of each text, as a signed number."""
    hashes = np.zeros(len(texts), np.uint32)
    by_words: dict[int, list[int]] = defaultdict(list)
    for i, text in enumerate(texts):
        by_words[len(text) // 4].append(i)
    for words, members in by_words.items():
        padded = b"".join(texts[i].ljust(4 * words + 4, b"\0") for i in members)
        lengths = np.array([len(texts[i]) for i in members], np.uint32)
        hashes[members] = _hash_words(np.frombuffer(padded, "<u4").reshape(len(members), words + 1), lengths)
    return hashes.view(np.int32)


def _hash_words(words: NDArray[np.uint32], lengths: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the hashes of rows of whole words; the last is what is left of the text, with zeros behind."""
    state = np.zeros(len(words), np.uint32)
    for word in words[:, :-1].T:
        state = _rotated(state ^ _mixed(word), 13) * np.uint32(5) + np.uint32(0xE6546B64)
    state = state ^ _mixed(words[:, -1]) ^ lengths
    state = (state ^ (state >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    state = (state ^ (state >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return np.asarray(state ^ (state >> np.uint32(16)))


def _mixed(word: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return _rotated(word * _FIRST, 15) * _SECOND


def _rotated(value: NDArray[np.uint32], by: int) -> NDArray[np.uint32]:
    return (value << np.uint32(by)) | (value >> np.uint32(32 - by))
