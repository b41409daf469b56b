"""The models of `bridge bench --suite trees`: float32 data of 28 columns, and how fast the kernel is meant to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FEATURES, FITTED_ROWS = 28, 20_000
CATEGORICAL, CATEGORIES = 8, 40
MISSING = 0.1


@dataclass(frozen=True)
class Case:
    """A model, unfitted, from the number of its threads, and its data.

    Attributes
    ----------
    name
        The model.
    build
        Returns it unfitted, for a number of threads.
    aim
        How many times as fast as its own prediction the kernel is to be, for 10,000 rows.
    data
        "NaN": a tenth of the numbers missing; "sets": 8 columns of 40 categories; "classes": five, not two.
    """

    name: str
    build: Callable[[int], Any]
    aim: float
    data: Literal["", "NaN", "sets", "classes"] = ""

    @property
    def share(self) -> float:
        """Which part of its aims a model with missing numbers, categories or several classes is to keep."""
        return 0.5 if self.data else 1.0

    def fit(self, threads: int) -> tuple[Any, NDArray[np.float32]]:
        """Return the fitted model and the rows that it was fitted on."""
        from sklearn.datasets import make_classification

        x, y = make_classification(
            FITTED_ROWS, FEATURES, n_informative=12, n_classes=5 if self.data == "classes" else 2, random_state=0
        )
        x = x.astype(np.float32)
        rng = np.random.default_rng(0)
        if self.data == "NaN":
            x[rng.random(x.shape) < MISSING] = np.nan
        if self.data == "sets":
            codes = rng.permutation(CATEGORIES)
            for column in x.T[:CATEGORICAL]:
                cuts = np.quantile(column, np.linspace(0, 1, CATEGORIES + 1)[1:-1])
                column[:] = codes[np.digitize(column, cuts)]
        return self.build(threads).fit(x, y), x


def _forest(threads: int, depth: int | None = None) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, max_depth=depth, random_state=0, n_jobs=threads)


def _shallow_forest(threads: int) -> Any:
    return _forest(threads, 8)


def _gradient_boosting(_threads: int) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    return GradientBoostingClassifier(random_state=0)


def _histogram(_threads: int, **options: Any) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=0, early_stopping=False, **options)


def _long_histogram(threads: int) -> Any:
    return _histogram(threads, max_iter=500)


def _categorical_histogram(threads: int) -> Any:
    return _histogram(threads, categorical_features=[*range(CATEGORICAL)])


def _lightgbm(threads: int) -> Any:
    try:
        from lightgbm import LGBMClassifier
    except ImportError as error:
        raise MissingExtraError("lightgbm", extra="boosters", purpose="the model 'lightgbm 500'") from error
    return LGBMClassifier(n_estimators=500, n_jobs=threads, verbose=-1)


def _xgboost(threads: int) -> Any:
    try:
        from xgboost import XGBClassifier
    except ImportError as error:
        raise MissingExtraError("xgboost", extra="boosters", purpose="the model 'xgboost 500 d6'") from error
    return XGBClassifier(n_estimators=500, max_depth=6, n_jobs=threads)


TREES = (
    Case("forest 100 d8", _shallow_forest, 7),
    Case("forest 100", _forest, 3),
    Case("gradient boosting 100", _gradient_boosting, 10),
    Case("histogram 100", _histogram, 30),
    Case("histogram 500", _long_histogram, 30),
    Case("lightgbm 500", _lightgbm, 30),
    Case("xgboost 500 d6", _xgboost, 10),
    Case("forest 100 d8, NaN", _shallow_forest, 7, "NaN"),
    Case("histogram 100, NaN", _histogram, 30, "NaN"),
    Case("histogram 100, sets", _categorical_histogram, 30, "sets"),
    Case("forest 100 d8, 5 of", _shallow_forest, 7, "classes"),
    Case("histogram 100, 5 of", _histogram, 30, "classes"),
)
