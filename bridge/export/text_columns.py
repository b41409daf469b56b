"""The outputs of a method whose answer has columns of text."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from bridge.method import FrameForm, Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.export.block import Block, Part
    from bridge.export.builder import Builder


def close_text(
    b: Builder, name: str, given: Block, actual: NDArray[Any], form: FrameForm | None, taken: set[str | None]
) -> tuple[list[ir.Value], Method]:
    """Make an output of codes for each column of text, and one for each run of numbers of one dtype between them.

    `actual` is the estimator's answer to a few rows, (rows, columns) of objects or text.
    """
    values: list[ir.Value] = []
    texts: list[str] = []
    for group in _groups(given):
        value = b.op("Identity", b.concat([part.value for part in group]))
        value.name = f"{name}_{len(values)}"
        while value.name in taken:
            value.name += "_output"
        taken.add(value.name)
        value.shape = ir.Shape(["batch", sum(part.width for part in group)])
        values.append(value)
        texts.append(group[0].text.name if group[0].text is not None else "")
    return values, Method(
        name,
        tuple(str(value.name) for value in values),
        dtype="object" if actual.dtype.kind == "O" else actual.dtype.str,
        shape=tuple(map(int, actual.shape[1:])),
        frame=form,
        texts=tuple(texts),
        bools=tuple(j for j, column in enumerate(actual.T) if all(isinstance(v, (bool, np.bool_)) for v in column)),
    )


def _groups(given: Block) -> list[list[Part]]:
    runs = [list(run) for _, run in groupby(given.parts, lambda part: (part.text is None, part.value.dtype))]
    return [group for run in runs for group in ([run] if run[0].text is None else [[part] for part in run])]
