"""scikit-learn's own list of its estimators."""

from __future__ import annotations

import warnings
from functools import cache

from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.utils import all_estimators


@cache
def estimator_classes() -> dict[str, type]:
    """Return every class by its name, those of sklearn.experimental too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(all_estimators())
