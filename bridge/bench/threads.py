"""Keep libraries to a number of threads."""

from __future__ import annotations

import copy
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


def limited(threads: int) -> AbstractContextManager[object]:
    """Return a context in which OpenMP and BLAS, of all libraries that are loaded by then, take this many threads."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(threads)
    return limits


def with_threads(estimator: Any, threads: int) -> Any:
    """Return a copy of an estimator that predicts with this many threads, in all of its parts."""
    mine = copy.deepcopy(estimator)
    _set_threads(mine, threads, set())
    return mine


def own_method(estimator: Any, name: str, threads: int) -> Callable[[Any], Any]:
    """Return a method of an estimator of `with_threads`; CatBoost's take the number as an argument alone."""
    method = getattr(estimator, name)
    try:
        takes = "thread_count" in inspect.signature(method).parameters
    except (TypeError, ValueError):
        takes = False
    found: Callable[[Any], Any] = partial(method, thread_count=threads) if takes else method
    return found


def _set_threads(part: Any, threads: int, seen: set[int]) -> None:
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, list | tuple):
        for one in part:
            _set_threads(one, threads, seen)
    elif hasattr(part, "get_params"):
        if "n_jobs" in vars(part):
            part.n_jobs = threads
        # XGBoost's model keeps the number that it was fitted with.
        if hasattr(part, "get_booster") and part.__sklearn_is_fitted__():
            part.get_booster().set_param({"nthread": threads})
        for value in list(vars(part).values()):
            _set_threads(value, threads, seen)
