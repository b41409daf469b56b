"""Which of an estimator's methods a default export has, and why it leaves out the others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bridge.export.asking import answer_quietly
from bridge.export.registry import Answer, Refused
from bridge.method import PREDICT_STD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger("bridge")


def answering_methods(estimator: Any, names: Sequence[str], few: Any) -> tuple[list[str], dict[str, str]]:
    """Return the methods that answer a few rows, or all where none does, and the reasons of others."""
    refusals = {name: _refusal(estimator, name, names[0], few) for name in names}
    answering = [name for name, reason in refusals.items() if reason is None]
    return answering or list(names), {name: reason for name, reason in refusals.items() if reason and answering}


def exportable_methods(
    estimator: Any, names: Sequence[str], answers: Mapping[str, Answer], left_out: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Return the methods that a graph can have, or all where it can have none, and all reasons, which are logged."""
    refused = {name: given.reason for name in names if isinstance(given := answers.get(name), Refused)}
    if len(refused) == len(names):
        return list(names), dict(left_out)
    reasons = {**left_out, **refused}
    for name, reason in reasons.items():
        logger.warning("%s.%s is left out of the file: %s", type(estimator).__name__, name, reason)
    # Of standard deviations a converter of the user's own may know nothing.
    kept = [name for name in names if name not in refused and (name != PREDICT_STD or name in answers)]
    return kept, reasons


def takes(estimator: Any, method: str, few: Any) -> bool:
    """Return whether an estimator answers a method for a few rows."""
    try:
        answer_quietly(estimator, method, few)
    except Exception:  # noqa: BLE001  estimators refuse with whatever their code happens to raise
        return False
    return True


def _refusal(estimator: Any, method: str, first: str, few: Any) -> str | None:
    """Return why a method that `hasattr` finds says, once called, that it is not there; None where it answers.

    An AttributeError without a name, or a NotImplementedError, was raised on purpose (for this solver, say), and means
    what `hasattr` should have said: the reason is empty. Python's own say which name was missing. A ValueError or
    TypeError (of a sparse matrix, say) about rows that the `first` method takes is not about the rows.
    """
    try:
        answer_quietly(estimator, method, few)
    except NotImplementedError:
        return ""
    except AttributeError as error:
        return "" if error.name is None else None
    except (TypeError, ValueError) as error:
        # Of others it is asked again, and they are reported, by `_ask`.
        return f"it refuses to answer: {error}" if method != first and takes(estimator, first, few) else None
    except Exception:  # noqa: BLE001  as above
        return None
    return None
