"""What an estimator reads: a table, or rows that are objects of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.base import BaseEstimator
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from bridge.data.frame import is_frame
from bridge.data.objects import as_objects

if TYPE_CHECKING:
    from collections.abc import Iterator

READERS = (DictVectorizer, FeatureHasher, MultiLabelBinarizer)
"""The classes that read objects: dicts, pairs, lists of names, sets of labels."""
_INNER = ("best_estimator_", "estimator_", "estimators_", "calibrated_classifiers_", "regressor_", "estimator")
"""Where ensembles, searches and the like keep the fitted estimators that they hand their rows to."""


def object_rows(estimator: Any, sample: Any) -> Any:
    """Return the sample, or, where the estimator reads an object a row, an array (rows,) of these."""
    if is_frame(sample) or not any(isinstance(step, READERS) for step in first_steps(estimator)):
        return sample
    return as_objects(sample)


def reads_images(estimator: Any) -> bool:
    """Return whether a row is an image: (height, width) or (height, width, channels)."""
    return any(isinstance(step, PatchExtractor) for step in first_steps(estimator))


def first_steps(estimator: Any) -> Iterator[Any]:
    """Yield what reads the rows themselves; a ColumnTransformer reads a table, whatever its parts do."""
    if isinstance(estimator, Pipeline):
        first = next((step for _, step in estimator.steps if step is not None and step != "passthrough"), None)
        yield from first_steps(first)
        return
    if isinstance(estimator, FeatureUnion):
        for _, transformer in estimator.transformer_list:
            yield from first_steps(transformer)
        return
    inner = next((found for name in _INNER if (found := getattr(estimator, name, None)) is not None), None)
    members = inner if isinstance(inner, list) else [inner]
    if estimator_like := [m for m in members if isinstance(m, BaseEstimator) or hasattr(m, "estimator")]:
        for member in estimator_like:
            yield from first_steps(member)
        return
    yield estimator
