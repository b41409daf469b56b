"""What some models may answer where several fitted rows are as far away as their last neighbour.

KNNImputer takes neighbours by `numpy.argpartition`, which chooses between rows at one distance by its way through the
numbers, another on every kind of CPU; Isomap, KNeighborsTransformer and LocalOutlierFactor do so for the metrics of
`bridge.verify.ties.PARTITIONED`.
"""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.verify.tolerance import scaled_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bridge.verify.tolerance import Bounds

    Floats = NDArray[np.float64]


MOST_TRIED = 2**24
"""Numbers that trying each choice among tied neighbours may take: 128 MB for a moment."""


def range_of_mean(near: Floats, votes: Floats, count: int, weights: str) -> tuple[Floats, Floats] | None:
    """Return the least and the most that each column of the votes may have on average; None without a tie.

    `near` are the distances in ascending order, of which the first `count` are neighbours; `votes` is (rows, columns).
    """
    last = near[count - 1]
    if near[count] != last or (weights == "distance" and near[0] == 0 < last):  # a hit outweighs all others
        return None
    if weights == "distance" and np.isinf(last):
        return None
    sure, tied = near < last, near == last
    missing = count - int(sure.sum())
    weight = np.ones(len(near))
    if weights == "distance" and last > 0:
        weight = 1 / near
    certain = (weight[sure, None] * votes[sure]).sum(axis=0)
    total = weight[sure].sum() + missing * weight[count - 1]
    ordered = weight[count - 1] * np.sort(votes[tied], axis=0)
    return (certain + ordered[:missing].sum(axis=0)) / total, (certain + ordered[-missing:].sum(axis=0)) / total


def possible_imputations(
    imputer: Any, data: Any, actual: Floats, expected: Floats, bounds: Bounds
) -> NDArray[np.bool_]:
    """Return which rows a KNNImputer may fill so: within the range of their ties, and else as is expected."""
    equal = scaled_error(actual, expected) <= bounds.scaled
    kept = np.flatnonzero(imputer._valid_mask | imputer.keep_empty_features)  # noqa: SLF001
    places = {int(column): place for place, column in enumerate(kept)}
    for row, column, least, most in _tied_columns(imputer, np.asarray(data)):
        slack = bounds.scaled * max(abs(least), abs(most), abs(expected[row, places[column]]))
        equal[row, places[column]] |= least - slack <= actual[row, places[column]] <= most + slack
    return np.asarray(equal.all(axis=1))


def _tied_columns(imputer: Any, data: NDArray[Any]) -> Iterator[tuple[int, int, float, float]]:
    """Yield the rows and columns that are filled from tied donors, and the least and the most that they may get."""
    unit = float(np.finfo(data.dtype if data.dtype.kind == "f" else np.float64).eps)
    rows = data.astype(np.float64)
    marker = imputer.missing_values
    missing = np.isnan(rows) if marker is None or marker != marker else rows == marker  # noqa: PLR0124
    rows, known = np.where(missing, 0, rows), ~missing
    fitted = np.where(imputer._mask_fit_X, 0, imputer._fit_X).astype(np.float64)  # noqa: SLF001
    has = ~np.asarray(imputer._mask_fit_X)  # noqa: SLF001
    for i in np.flatnonzero(missing.any(axis=1)):
        both = known[i] & has
        shared = both.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.where(shared, has.shape[1] / shared, np.nan)
        squares = scale * (both * (rows[i] - fitted) ** 2).sum(axis=1)
        # scikit-learn takes |x|^2 + |y|^2 - 2 x.y in any order, each of its 2 n + 4 terms rounded to up to this.
        rounding = 4 * (has.shape[1] + 4) * unit * scale * ((rows[i] ** 2).sum() + (fitted**2).sum(axis=1))
        for j in np.flatnonzero(missing[i] & imputer._valid_mask):  # noqa: SLF001
            donors = np.flatnonzero(has[:, j] & (shared > 0))
            count = min(int(imputer.n_neighbors), int(has[:, j].sum()))
            if count >= len(donors):
                continue
            donors = donors[np.argsort(squares[donors], kind="stable")]
            near, last = squares[donors], squares[donors[count - 1]]
            near = np.where(np.abs(near - last) <= rounding[donors] + rounding[donors[count - 1]], last, near)
            found = range_of_mean(np.sqrt(near), fitted[donors, j][:, None], count, imputer.weights)
            if found is not None:
                yield int(i), int(j), float(found[0][0]), float(found[1][0])


def possible_places(isomap: Any, data: Any, actual: Floats, bounds: Bounds) -> NDArray[np.bool_]:
    """Return which rows an Isomap may place so: where some choice among the tied rows places them.

    Places are linear in the kernel, -d^2 / 2 for ways of length d, each over the best of the chosen rows. Of too many
    choices only the bounds are looked at: a way over some tied rows is as short as that over the best of them, and as
    long as that over the best of the worst.
    """
    pca = isomap.kernel_pca_
    used = np.flatnonzero(pca.eigenvalues_)
    vectors = np.zeros_like(pca.eigenvectors_)
    vectors[:, used] = pca.eigenvectors_[:, used] / np.sqrt(pca.eigenvalues_[used])
    slopes = vectors - vectors.mean(axis=0)
    start = (pca._centerer.K_fit_all_ - pca._centerer.K_fit_rows_) @ vectors  # noqa: SLF001
    possible = np.zeros(len(actual), np.bool_)
    if isomap.n_neighbors is None or isomap.n_neighbors >= isomap.nbrs_.n_samples_fit_:
        return possible
    distance, index = isomap.nbrs_.kneighbors(data, n_neighbors=isomap.nbrs_.n_samples_fit_)
    for row, (near, order) in enumerate(zip(distance, index, strict=True)):
        last = near[isomap.n_neighbors - 1]
        if near[isomap.n_neighbors] != last:
            continue
        ways = isomap.dist_matrix_[order] + near[:, None]
        sure, tied = ways[near < last], ways[near == last]
        missing = isomap.n_neighbors - len(sure)
        certain = sure.min(axis=0, initial=np.inf)
        kernels = [-0.5 * np.minimum(certain, way) ** 2 for way in (tied.min(axis=0), np.sort(tied, axis=0)[-missing])]
        terms = np.sort(np.stack([k[:, None] * slopes for k in kernels]), axis=0)
        least, most = (start + part.sum(axis=0) for part in terms)
        slack = bounds.scaled * np.abs(terms).max(axis=0).sum(axis=0)
        possible[row] = bool(((least - slack <= actual[row]) & (actual[row] <= most + slack)).all())
        if possible[row] and comb(len(tied), missing) * missing * len(slopes) <= MOST_TRIED:
            places = _kernels_by_choice(certain, tied, missing) @ slopes + start
            possible[row] = bool((np.abs(places - actual[row]) <= slack).all(axis=1).any())
    return possible


def _kernels_by_choice(certain: Floats, tied: Floats, missing: int) -> Floats:
    """Return the kernels (choices, fitted rows) of a row for each choice of so many of its tied neighbours."""
    choices = np.array(list(combinations(range(len(tied)), missing)))
    ways = np.minimum(certain, tied[choices].min(axis=1))
    return np.asarray(-0.5 * ways**2)


def possible_graphs(transformer: Any, data: Any, actual: Floats, bounds: Bounds) -> NDArray[np.bool_]:
    """Return which rows a KNeighborsTransformer may answer so: the nearer rows, and as many of the tied as are left."""
    is_distance = transformer.mode == "distance"
    count, total = transformer.n_neighbors + is_distance, transformer.n_samples_fit_
    possible = np.zeros(len(actual), np.bool_)
    if count >= total:
        return possible
    distance, index = transformer.kneighbors(data, n_neighbors=total)
    for row, (near, order) in enumerate(zip(distance, index, strict=True)):
        got, near = (np.where(np.isnan(v), np.inf, v) for v in (actual[row][order], near))  # noqa: PLW2901
        last = near[count - 1]
        if near[count] != last or (is_distance and not last):
            continue
        wanted = near if is_distance else np.ones(total)
        sure, tied = near < last, near == last
        given = (got == wanted) | (np.abs(got - wanted) <= bounds.scaled * np.maximum(np.abs(wanted), 1.0))
        chosen = tied & (got != 0)
        possible[row] = bool(
            given[sure | chosen].all() and not got[~sure & ~tied].any() and chosen.sum() == count - sure.sum()
        )
    return possible


def possible_outliers(model: Any, method: str, data: Any, actual: NDArray[Any], bounds: Bounds) -> NDArray[np.bool_]:
    """Return which rows a LocalOutlierFactor may judge so.

    A score is -1 times the mean of the neighbours' densities and the mean of how far they reach, both above 0.
    """
    count, total = model.n_neighbors_, model.n_samples_fit_
    possible = np.zeros(len(actual), np.bool_)
    if count >= total:
        return possible
    distance, index = model.kneighbors(data, n_neighbors=total)
    for row, (near, order) in enumerate(zip(distance, index, strict=True)):
        reach = np.maximum(near, model._distances_fit_X_[order, count - 1])
        found = range_of_mean(near, np.column_stack([reach, model._lrd[order]]), count, "uniform")  # noqa: SLF001
        if found is None:
            continue
        best, worst = (-(reached + 1e-10) * density for reached, density in found)
        slack = bounds.scaled * max(1.0, abs(worst))
        least, most = worst - slack, best + slack
        if method != "score_samples":
            least, most = least - model.offset_, most - model.offset_
        if method == "predict":
            possible[row] = least < 0 if actual[row] < 0 else most >= 0
        else:
            possible[row] = least <= actual[row] <= most
    return possible
