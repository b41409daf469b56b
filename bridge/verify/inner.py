"""The model at the end of searches and pipelines, and the rows that it is asked about."""

from __future__ import annotations

from typing import Any


def inner_model(estimator: Any, data: Any) -> tuple[Any, Any]:
    """Return the estimator that answers for a search or a pipeline, and `data` as the steps before hand it on.

    Without the steps' work where `data` is None.
    """
    best = getattr(estimator, "best_estimator_", None)
    if best is not None:
        return inner_model(best, data)
    steps = [step for _, step in getattr(estimator, "steps", ())]
    if not steps or steps[-1] in (None, "passthrough"):
        return estimator, data
    for step in steps[:-1]:
        data = data if data is None or step in (None, "passthrough") else step.transform(data)
    return inner_model(steps[-1], data)
