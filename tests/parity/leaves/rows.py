"""Rows that lie where trees decide: on thresholds, one step beside them, and on special values."""

from __future__ import annotations

import numpy as np

PLAIN = 0.3
"""The part of the rows that is left as it was drawn."""
TINY = np.finfo(np.float32).smallest_subnormal
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, TINY, -TINY, 5e-324, -1e-310, 2.0**24 + 1, 2.0**31, 2.0**53, 1e30, 1e300)
CATEGORIES = (np.nan, -1.0, -0.5, -0.0, 2.5, 11.0, 12.0, 39.0, 40.0, 63.0, 64.0, 255.0, 256.0, 2.0**24, 2.0**31, 1e30)
"""Known ones, unknown ones, and numbers that are none."""


def adversarial(drawn, forests, columns, dtype, *, nan, inf):
    """Return `drawn` as `dtype`, most rows moved where a tree decides.

    A row is sent down a random tree, to one of the nodes that it meets, and moved onto the threshold of that node,
    or beside it in float32 or in float64. On every fifth a special value lands as well. Without `nan` or `inf` (then
    also without numbers beyond float32) these values are left out.
    """
    rng = np.random.default_rng(0)
    rows = drawn.astype(np.float64)
    moved = np.flatnonzero(rng.random(len(rows)) > PLAIN)
    pools = {}
    for forest, part in zip(forests, np.array_split(moved, len(forests)), strict=True):
        node = _stops(forest, rows[part][:, columns], rng)
        inner = ~forest.is_leaf[node]
        node, at = node[inner], part[inner]
        column, in_set = columns[forest.feature[node]], forest.category[node] >= 0
        beside = _beside(forest.threshold[node], rng)
        rows[at, column] = np.where(in_set, rng.choice(CATEGORIES, len(at)), beside)
        pools |= dict.fromkeys(columns[forest.feature[~forest.is_leaf]].tolist(), SPECIAL)
        pools |= dict.fromkeys(columns[forest.feature[forest.category >= 0]].tolist(), CATEGORIES)
    for part, column in zip(np.array_split(rng.permutation(moved)[: len(moved) // 5], len(pools)), pools, strict=True):
        rows[part, column] = rng.choice(pools[column], len(part))
    return _allowed(rows, drawn, dtype, nan=nan, inf=inf)


def _stops(forest, rows, rng):
    """Return the node at which each row is stopped, seldom met ones as often as roots; for sets it goes either way."""
    node = rng.choice(forest.roots, len(rows))
    path = [node]
    for _ in range(forest.depth - 1):
        value = rows[np.arange(len(rows)), forest.feature[node]]
        goes_left = np.where(np.isnan(value), forest.missing_left[node], value <= forest.threshold[node])
        goes_left = np.where(forest.category[node] >= 0, rng.random(len(rows)) < 0.5, goes_left)
        child = np.where(goes_left, forest.left[node], forest.right[node])
        node = np.where(forest.is_leaf[node], node, child)
        path.append(node)
    met = np.array(path)
    # The largest of log(weight) plus Gumbel noise is a draw by weight.
    score = rng.gumbel(size=met.shape) - np.log(np.bincount(met.ravel())[met])
    score[forest.is_leaf[met]] = -np.inf
    return met[score.argmax(axis=0), np.arange(len(rows))]


def _beside(threshold, rng):
    with np.errstate(over="ignore"):
        choices = [threshold, threshold.astype(np.float32)]
        choices += [np.nextafter(v, v.dtype.type(side)) for v in choices[:2] for side in (-np.inf, np.inf)]
    return np.choose(rng.integers(len(choices), size=len(threshold)), [c.astype(np.float64) for c in choices])


def _allowed(rows, drawn, dtype, *, nan, inf):
    most = np.finfo(np.float32).max
    with np.errstate(over="ignore"):
        rows = rows.astype(dtype)
    if not nan:
        rows = np.where(np.isnan(rows), drawn.astype(dtype), rows)
    return rows if inf else np.clip(rows, -most, most)


def lost_in_float32(rows, forest, columns):
    """Return which rows differ from a threshold of their column, from above, by less than float32 can tell.

    Rounding keeps order, so a row that rounds with the threshold decides otherwise exactly where it lies above it.
    """
    lost = np.zeros(len(rows), bool)
    for feature in np.unique(forest.feature[~forest.is_leaf]):
        asking = ~forest.is_leaf & (forest.feature == feature) & (forest.category < 0)
        thresholds = np.unique(forest.threshold[asking])
        if not thresholds.size:
            continue
        values = rows[:, columns[feature]]
        with np.errstate(over="ignore"):
            below = thresholds[np.maximum(np.searchsorted(thresholds, values) - 1, 0)]
            lost |= (below < values) & (below.astype(np.float32) == values.astype(np.float32))
    return lost
