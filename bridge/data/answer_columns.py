"""Name the columns of a model's answers, for a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


MOST_COLUMNS = 2**14
"""As many as spreadsheets have."""


def answer_columns(method: str, answer: Any, classes: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return one named column per number or label that a method gives for a row.

    Parameters
    ----------
    method
        Its name, which starts each column's name.
    answer
        What the method returned: an array of one or two dimensions, a sparse matrix, a list of arrays, or distances
        and indices, whose columns are named by these.
    classes
        The estimator's `classes_`, one array a target; empty where it has none.

    Returns
    -------
    dict
        "predict" for one column; "predict_proba_late" where there is a class for each; else "transform_0" and so on.
        For several targets the target's number comes before: "predict_proba_0_late".
    """
    if isinstance(answer, tuple):
        parts = zip(("distances", "indices"), answer, strict=True)
        return {
            name: column for what, one in parts for name, column in answer_columns(f"{method}_{what}", one, ()).items()
        }
    if isinstance(answer, list):
        targets = [answer_columns(f"{method}_{i}", one, classes[i : i + 1]) for i, one in enumerate(answer)]
        return {name: column for target in targets for name, column in target.items()}
    if hasattr(answer, "toarray") and answer.shape[1] > MOST_COLUMNS:
        raise InputError(
            f"{method} answers with a sparse matrix of {answer.shape[1]:,} columns; tables end at {MOST_COLUMNS:,}.\n"
            "Ask in Python, which gives the sparse matrix: bridge.load(file)."
        )
    array = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    if array.ndim == 1:
        return {method: array}
    width = array.shape[1]
    one_each = len(classes) == 1 and len(classes[0]) == width
    names = map(str, classes[0] if one_each else range(width))
    return {f"{method}_{name}": array[:, i] for i, name in enumerate(names)}
