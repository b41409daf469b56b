"""Distances from the rows of the data to the rows that an estimator was fitted on, by every metric with a formula."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import UnsupportedError
from bridge.export.converters import formulas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.builder import Builder

    Points = NDArray[Any]
    Formula = Callable[[Builder, ir.Value, Points, Mapping[str, Any]], ir.Value]


@dataclass(frozen=True)
class Metric:
    """A metric by scikit-learn's name, with its parameters.

    `reduced` orders points as their distances do and is what scikit-learn's trees compare: squares without the root.
    """

    name: str
    params: Mapping[str, Any]

    def reduced(self, b: Builder, x: ir.Value, points: Points) -> ir.Value:
        """Return (rows, points), in the dtype of `x`, which is that of `points`."""
        write = METRICS.get(self.name)
        if write is None:
            known = ", ".join(sorted(METRICS))
            raise UnsupportedError(
                f"the metric {self.name!r} has no formula in bridge.\n"
                f"Fit with one of {known}, or with metric='precomputed' and distances of your own."
            )
        return write(b, x, points, self.params)

    def undefined(self, b: Builder, x: ir.Value, points: Points, *, has_tree: bool) -> ir.Value | None:
        """Return bool (rows, 1), the rows that are 0 / 0 away from a point, or None where none can be.

        By shares of the columns that either has, two rows of zeros are; of Bray-Curtis a tree makes 0.
        """
        if self.name not in {"dice", "sokalsneath"} and (self.name != "braycurtis" or has_tree):
            return None
        if (points != 0).any(axis=1).all():
            return None
        size = b.sum(b.op("Abs", b.op("Sign", x)), keepdims=True)
        return b.op("Equal", size, b.like(0, size))

    def root(self, b: Builder, reduced: ir.Value) -> ir.Value:
        """Return the distances of which `reduced` holds the order."""
        if self.name in ROOTED:
            return b.op("Sqrt", reduced)
        if self.name in POWERS and self._power != 1:
            return b.op("Pow", reduced, b.like(1.0 / self._power, reduced))
        if self.name == "haversine":
            return b.mul(b.like(2.0, reduced), formulas.arcsine(b, b.op("Sqrt", reduced)))
        return reduced

    def reduced_distance(self, b: Builder, distance: ir.Value) -> ir.Value:
        """Return what `reduced` has at these distances, rounded as scikit-learn's `_dist_to_rdist` does."""
        if self.name in ROOTED or (self.name in POWERS and self._power == 2):
            return b.mul(distance, distance)
        if self.name in POWERS:
            return b.op("Pow", distance, b.like(self._power, distance))
        if self.name == "haversine":
            half = b.op("Sin", b.mul(b.like(0.5, distance), distance))
            return b.mul(half, half)
        return distance

    def reduced_outside(self, b: Builder, x: ir.Value, lowest: Points, highest: Points) -> ir.Value:
        """Return (rows, boxes), the least that `reduced` can be in each box of `lowest` and `highest` columns.

        For the metrics of a KDTree alone: sums of powers, and the largest.
        """
        power = {"euclidean": 2.0, "manhattan": 1.0, "chebyshev": 1.0}.get(self.name, self._power)
        total: ir.Value | None = None
        for j in range(lowest.shape[1]):
            column = b.take_columns(x, [j])
            below, above = b.sub(b.constant(lowest[None, :, j]), column), b.sub(column, b.constant(highest[None, :, j]))
            beyond = b.op("Max", b.op("Max", below, above), b.like(0, column))
            term = (
                beyond if power == 1 else b.mul(beyond, beyond) if power == 2 else b.op("Pow", beyond, b.like(power, x))
            )
            total = term if total is None else b.op("Max" if self.name == "chebyshev" else "Add", total, term)
        if total is None:
            raise UnsupportedError("there are no columns to take distances in")
        return total

    def reduced_radius(self, radius: float) -> float:
        """Return what `reduced` has at a distance of `radius`, rounded as scikit-learn's `_dist_to_rdist` does."""
        if self.name in ROOTED:
            return radius * radius
        if self.name in POWERS:
            return float(np.float64(radius) ** self._power)
        return float(np.sin(0.5 * radius) ** 2) if self.name == "haversine" else radius

    @property
    def is_sum_of_differences(self) -> bool:
        """Whether `reduced` takes float32 rows too, and then rounds their differences as scikit-learn does."""
        return self.name in {"manhattan", "chebyshev", "minkowski", "seuclidean"}

    @property
    def _power(self) -> float:
        return float(self.params.get("p", 2))


def metric_of(name: Any, params: Mapping[str, Any] | None) -> Metric:
    """Return the metric of an estimator's parameters `metric` and `metric_params`, under one name for its synonyms."""
    if not isinstance(name, str):
        raise UnsupportedError(
            "a metric that is a function cannot be exported: it is the user's code.\n"
            "Name a metric, or fit with metric='precomputed' and compute the distances before."
        )
    given = {k: v for k, v in (params or {}).items() if v is not None and not k.endswith("norm_squared")}
    if name in POWERS and "w" not in given:
        name = {1.0: "manhattan", 2.0: "euclidean", np.inf: "chebyshev"}.get(float(given.get("p", 2)), name)
    return Metric(SYNONYMS.get(name, name), given)


SYNONYMS = {
    "l2": "euclidean",
    "l1": "manhattan",
    "cityblock": "manhattan",
    "infinity": "chebyshev",
    "p": "minkowski",
    "matching": "hamming",
    "sokalmichener": "rogerstanimoto",
}
POWERS = frozenset({"minkowski", "p"})
SETS = ("jaccard", "dice", "rogerstanimoto", "russellrao", "sokalsneath", "yule")
ROOTED = frozenset({"euclidean", "seuclidean", "mahalanobis", "nan_euclidean"})
METRICS: Mapping[str, Formula] = {
    "euclidean": formulas.euclidean,
    "sqeuclidean": formulas.euclidean,
    "seuclidean": formulas.seuclidean,
    "mahalanobis": formulas.mahalanobis,
    "manhattan": formulas.manhattan,
    "chebyshev": formulas.chebyshev,
    "minkowski": formulas.minkowski,
    "cosine": formulas.cosine,
    "correlation": formulas.correlation,
    "canberra": formulas.canberra,
    "braycurtis": formulas.braycurtis,
    "hamming": formulas.hamming,
    "haversine": formulas.haversine,
    "nan_euclidean": formulas.nan_euclidean,
    **{kind: partial(formulas.binary, kind=kind) for kind in SETS},
}
