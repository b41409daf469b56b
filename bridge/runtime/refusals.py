"""Refuse the rows that the estimator raises for, by the output that names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bridge.artifact import Metadata

    Arrays = Sequence[NDArray[Any]]
    Ask = Callable[[Any], Arrays | None]


def refused_output(metadata: Metadata) -> list[str]:
    """Return the name of the output that says which rows are refused, if there is one."""
    return [metadata.refused] if metadata.refused else []


def answered_rows(ask: Ask, reasons: Sequence[str], table: Any) -> Arrays | None:
    """Return what `ask` answers but its last array, the codes of the reasons; raise where a row has one."""
    arrays = ask(table)
    if arrays is None:
        return None
    codes = arrays[-1]
    if codes.any():
        row = int(np.flatnonzero(codes)[0])
        code = int(codes[row])
        reason = reasons[code - 1] if 0 < code <= len(reasons) else "the estimator raises for it"
        raise InputError(f"row {row} is refused: {reason}.\nDrop such rows, or fit an estimator that takes them.")
    return arrays[:-1]
