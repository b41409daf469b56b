"""How far an answer is from the estimator's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Difference:
    """What was found on some rows.

    Attributes
    ----------
    error
        The largest absolute difference of a number; None for labels, and for what cannot be compared.
    labels
        How many labels differ; None for numbers.
    problem
        Why it cannot be compared, or empty.
    """

    error: float | None = None
    labels: int | None = None
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return "?"
        return f"{self.labels} rows" if self.error is None else f"{self.error:.0e}"

    def within(self, error: float) -> bool:
        """Return whether no number differs by more, and no label."""
        return not self.problem and (self.labels == 0 if self.error is None else self.error <= error)

    def to_json(self) -> dict[str, Any]:
        return {"error": self.error, "labels_differing": self.labels, "problem": self.problem}


def find_difference(answer: Any, expected: Any, *, labels: bool) -> Difference:
    """Return how far `answer` is from `expected`, the estimator's own, for the same rows.

    Other libraries answer with the probability of the second class alone, and with further axes of length 1.
    """
    if hasattr(expected, "toarray") and hasattr(answer, "toarray") and answer.shape == expected.shape:
        # A million columns of terms are never made dense.
        return Difference(error=float(abs(answer - expected).max()) if expected.shape[0] else 0.0)
    try:
        theirs, ours = _as_array(expected), _as_array(answer)
    except (TypeError, ValueError) as error:
        return Difference(problem=f"no array: {error}")
    if theirs.ndim == 2 and theirs.shape[1] == 2 and ours.size == len(theirs) != 0 and not labels:
        ours = np.column_stack([1 - ours.reshape(-1), ours.reshape(-1)])
    if ours.size != theirs.size:
        return Difference(problem=f"shape {ours.shape} where the estimator has {theirs.shape}")
    ours = ours.reshape(theirs.shape)
    if labels or theirs.dtype.kind not in "fiub":
        differing = (ours != theirs).reshape(len(theirs), -1).any(axis=1) if len(theirs) else np.zeros(0, bool)
        return Difference(labels=int(differing.sum()))
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):
        errors = np.where(same, 0.0, np.abs(ours - theirs))
    return Difference(error=float(np.where(np.isnan(errors), np.inf, errors).max(initial=0.0)))


def _as_array(answer: Any) -> NDArray[Any]:
    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    # Several outputs are a list of arrays, one each.
    return np.column_stack(answer) if isinstance(answer, list | tuple) else np.asarray(answer)
