"""Take an estimator apart into the steps that train, in order, and those that have nothing to learn."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

from bridge.errors import InputTypeError, UnsupportedError
from bridge.stream.advice import refuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STATELESS = (
    "AdditiveChi2Sampler",
    "Binarizer",
    "FeatureHasher",
    "FunctionTransformer",
    "HashingVectorizer",
    "Normalizer",
)
"""scikit-learn's transformers that learn nothing but the number and names of the columns."""


@dataclass(frozen=True)
class Step:
    """A step of a pipeline, or the one of a plain estimator, whose name is empty."""

    name: str
    estimator: Any
    kind: Literal["trains", "stateless", "frozen"]


@dataclass(frozen=True)
class Pass:
    """One reading of the source, which trains the step at `index` on what the steps before it make of the rows."""

    index: int
    epoch: int


def find_steps(estimator: Any) -> tuple[Step, ...]:
    """Return the steps. Raises `UnsupportedError` where one cannot be trained in chunks, or there is none to train."""
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        found = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise InputTypeError(f"expected a scikit-learn estimator, an instance; found {found}")
    steps = tuple(Step(name, one, _kind(one, name)) for name, one in _flatten("", estimator))
    if len(steps) == 1 and hasattr(steps[0].estimator, "partial_fit"):  # HashingVectorizer: sklearn lets it
        return (Step(steps[0].name, steps[0].estimator, "trains"),)
    if not any(step.kind == "trains" for step in steps):
        names = ", ".join(type(step.estimator).__name__ for step in steps)
        raise UnsupportedError(f"nothing to train: {names} learn(s) nothing from data")
    return steps


def plan_passes(steps: Sequence[Step], epochs: int) -> tuple[Pass, ...]:
    """Return the passes in order: one for each step that trains, `epochs` for the last of them."""
    trained = [i for i, step in enumerate(steps) if step.kind == "trains"]
    return tuple(Pass(i, 0) for i in trained[:-1]) + tuple(Pass(trained[-1], epoch) for epoch in range(epochs))


def takes_classes(estimator: Any) -> bool:
    """Return whether the first `partial_fit` has to know all classes."""
    if "classes" in signature(estimator.partial_fit).parameters:
        return True
    inner = getattr(estimator, "estimator", None)
    passes_on = "partial_fit_params" in signature(estimator.partial_fit).parameters
    return passes_on and inner is not None and hasattr(inner, "partial_fit") and takes_classes(inner)


def is_multilabel(estimator: Any) -> bool:
    """Return whether several targets are labels that a row has or has not, as to MLPClassifier."""
    from sklearn.utils import get_tags

    tags = get_tags(estimator)
    return tags.classifier_tags is not None and tags.classifier_tags.multi_label and not tags.target_tags.multi_output


def least_rows(steps: Sequence[Step], features: int) -> int:
    """Return the fewest rows that each step takes at once: IncrementalPCA refuses fewer than its components."""
    counts = [1]
    for step in steps:
        if type(step.estimator).__name__ == "IncrementalPCA":
            counts.append(step.estimator.n_components or features)
        elif step.kind == "trains" and isinstance(count := getattr(step.estimator, "n_clusters", None), int):
            counts.append(count)
    return max(counts)


def _flatten(name: str, estimator: Any) -> Iterator[tuple[str, Any]]:
    from sklearn.pipeline import Pipeline

    if not isinstance(estimator, Pipeline):
        yield name, estimator
        return
    for inner, step in estimator.steps:
        if step is not None and step != "passthrough":
            yield from _flatten(f"{name}.{inner}" if name else inner, step)


def _kind(estimator: Any, name: str) -> Literal["trains", "stateless", "frozen"]:
    from sklearn.frozen import FrozenEstimator

    if isinstance(estimator, FrozenEstimator):
        return "frozen"
    if type(estimator).__name__ in STATELESS and type(estimator).__module__.startswith("sklearn."):
        return "stateless"
    if hasattr(estimator, "partial_fit"):
        return "trains"
    raise refuse(estimator, name)
