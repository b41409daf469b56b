"""The hashes of names, those of names met before from memory."""

from __future__ import annotations

from itertools import compress, repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.murmur import murmur3

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_KNOWN = 2**17
"""Names whose hashes are remembered, 15 MB of words; beyond it all are forgotten."""
_UNKNOWN = 2**40
"""No hash."""


class Hashes:
    """MurmurHash3 of names, as FeatureHasher takes it: of their UTF-8, signed."""

    def __init__(self) -> None:
        self._known: dict[Any, int] = {}

    def __call__(self, names: Sequence[Any]) -> NDArray[np.int64]:
        """Return the hash of each name.

        Raises `TypeError` where one is neither text nor bytes, and `UnicodeEncodeError` for half of a surrogate pair.
        """
        found = np.fromiter(map(self._known.get, names, repeat(_UNKNOWN)), np.int64, len(names))
        is_new = found == _UNKNOWN
        if not is_new.any():
            return found
        some = list(compress(names, is_new.tolist()))
        distinct = dict.fromkeys(some)
        new = dict(zip(distinct, murmur3([_encoded(name) for name in distinct]).tolist(), strict=True))
        found[is_new] = np.fromiter(map(new.__getitem__, some), np.int64, len(some))
        if len(self._known) + len(new) <= MOST_KNOWN:
            self._known.update(new)
        else:  # another dict: threads share this one
            self._known = new if len(new) <= MOST_KNOWN else {}
        return found


def _encoded(name: Any) -> bytes:
    if isinstance(name, str):
        return name.encode()
    if isinstance(name, bytes):
        return name
    raise TypeError("feature names must be strings")
