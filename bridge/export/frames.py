"""Whether a method answers with a DataFrame, and which."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from bridge.data.frame import frame_columns, is_frame
from bridge.errors import UnsupportedError
from bridge.export.asking import answer_quietly
from bridge.method import FrameForm

if TYPE_CHECKING:
    from bridge.export.block import Block, Part


def find_frame_form(estimator: Any, method: str, few: Any, actual: Any) -> FrameForm | None:
    """Return the form of the DataFrame that `actual`, the estimator's answer to a few rows, is; None for an array.

    By `set_output`, or because a step hands on what it gets, or applies a function to it: then an array has an array
    for its answer, which shows by asking.
    """
    if is_frame(actual):
        return replace(_form_of(actual, method), follows=not is_frame(_ask(estimator, method, np.asarray(few))))
    if not _may_hand_on(estimator) or not isinstance(few, np.ndarray) or few.ndim != 2:
        return None
    import pandas as pd

    frame = pd.DataFrame(few).add_prefix("x")
    found = _ask(estimator, method, frame)
    if not is_frame(found) or frame_columns(found) != frame_columns(frame):
        return None
    return FrameForm("pandas", (), (), follows=True)


def with_own_columns(form: FrameForm, given: Block, few: Any, actual: Any) -> FrameForm:
    """Return the form with the names of the table's columns that `given` hands on as they are, in their own dtypes."""
    own = [_own_name(part) for part in given.parts for _ in range(part.width)]
    if not is_frame(few) or len(own) != len(form.names):
        return form
    dtypes = {name: str(few[name].dtype) for name in own if name}
    kept = [name if dtypes.get(name) == str(actual[n].dtype) else "" for name, n in zip(own, form.names, strict=True)]
    return replace(form, own=tuple(kept)) if any(kept) else form


def _own_name(part: Part) -> str:
    is_input = part.value.producer() is None and part.width == 1 and (part.source or part.text) is not None
    return part.names[0] if is_input and part.names else ""


def _form_of(actual: Any, method: str) -> FrameForm:
    try:
        return FrameForm.of(actual)
    except ValueError as error:
        raise UnsupportedError(
            f"{method} answers with {error}.\nUse set_output(transform='pandas'), or 'default'."
        ) from error


def _may_hand_on(estimator: Any) -> bool:
    """Return whether the last step may answer with the table itself, or with a function of it."""
    if isinstance(estimator, Pipeline):
        return all(step in (None, "passthrough") or _may_hand_on(step) for _, step in estimator.steps)
    return isinstance(estimator, FunctionTransformer)


def _ask(estimator: Any, method: str, rows: Any) -> Any:
    """Return the estimator's answer, None where it refuses."""
    try:
        return answer_quietly(estimator, method, rows)
    except Exception:  # noqa: BLE001  estimators refuse with whatever their code happens to raise
        return None
