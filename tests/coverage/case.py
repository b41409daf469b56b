"""One case: an estimator, configured and not yet fitted, and the data that it is fitted and asked on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from tests.coverage.data import of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.coverage.data import Data

DEFAULT = "default"


@dataclass(frozen=True)
class Case:
    """What one row of the table is about.

    Attributes
    ----------
    estimator
        Cloned before it is fitted; or, for what is made from fitted parts, a function from the data to the estimator
        fitted on it, and `owner` its class.
    data
        Makes the rows.
    variant
        What distinguishes it from the other cases of its class.
    methods
        Those to export and compare; by default all that answer on new rows.
    issue
        Whether it was silently wrong, in skl2onnx or in onnxruntime, when this project began.
    """

    estimator: Any
    data: Callable[[], Data]
    variant: str = DEFAULT
    issue: bool = False
    owner: type | None = None
    methods: tuple[str, ...] = ()

    @property
    def cls(self) -> type:
        return self.owner or type(self.estimator)

    @property
    def name(self) -> str:
        return f"{self.cls.__name__}: {self.variant}"

    def __str__(self) -> str:
        return self.name

    def fitted(self) -> Any:
        """Return the estimator, fitted on the data's rows for it."""
        data = self.data()
        np.random.seed(0)  # noqa: NPY002 - for estimators without a random_state
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if not hasattr(self.estimator, "fit"):
                return self.estimator(data)
            estimator = clone(self.estimator)
            return estimator.fit(data.X) if data.y is None else estimator.fit(data.X, data.y)


@dataclass(frozen=True)
class Default:
    """The first case of a class, which others are made of: other columns, other targets, each value of an option.

    Attributes
    ----------
    columns, target
        The data, as `tests.coverage.data.of` names it; or `data` makes it.
    """

    estimator: Any
    columns: str = "numbers"
    target: str = "none"
    data: Callable[[], Data] | None = None

    def case(self) -> Case:
        return Case(self.estimator, self.data or of(self.columns, self.target))
