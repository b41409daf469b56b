"""Real data sets, split into rows to fit on and rows that no model has seen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn import datasets

from bridge.demo.flights import load_flights

FLIGHTS_TO_FIT = 40_000
HELD_OUT = 0.5
"""The part of scikit-learn's bundled sets that is held out: they are small, and rows to compare are the point."""
MISSING = 0.05


@dataclass(frozen=True)
class Data:
    """A data set: `train` and `labels` to fit on, `held_out` to compare on."""

    train: Any
    labels: Any
    held_out: Any


@cache
def flights() -> Data:
    """Return the flights: a DataFrame with text, integers, floats and missing values; labels are strings."""
    table, late = load_flights()
    return Data(table[:FLIGHTS_TO_FIT], late[:FLIGHTS_TO_FIT], table[FLIGHTS_TO_FIT:])


@cache
def breast_cancer() -> Data:
    """Return 30 float64 features in an array; two classes, 0 and 1."""
    return _split(*datasets.load_breast_cancer(return_X_y=True))


@cache
def breast_cancer_frame() -> Data:
    """Return the same in a DataFrame, whose column names have spaces; labels are bools."""
    table, labels = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    return _split(table, labels.to_numpy() == 1)


@cache
def breast_cancer_missing() -> Data:
    """Return the same in an array in which one value in twenty is NaN; labels are strings."""
    table, labels = datasets.load_breast_cancer(return_X_y=True)
    table[np.random.default_rng(0).random(table.shape) < MISSING] = np.nan
    return _split(table, np.array(["malignant", "benign"])[labels])


@cache
def digits() -> Data:
    """Return 64 pixels from 0 to 16, so ties at every threshold; ten classes."""
    return _split(*datasets.load_digits(return_X_y=True))


@cache
def digits_float32() -> Data:
    """Return the same as float32."""
    table, labels = datasets.load_digits(return_X_y=True)
    return _split(table.astype(np.float32), labels)


@cache
def wine() -> Data:
    """Return 13 float64 features; three classes with names."""
    table, labels = datasets.load_wine(return_X_y=True)
    return _split(table, np.array(["barolo", "grignolino", "barbera"])[labels])


@cache
def diabetes() -> Data:
    """Return 10 float64 features in a DataFrame; a number to predict."""
    table, target = datasets.load_diabetes(return_X_y=True, as_frame=True)
    return _split(table, target.to_numpy())


def _split(table: Any, labels: Any) -> Data:
    """Return the data in a seeded random order, cut in two."""
    order = np.random.default_rng(0).permutation(len(labels))
    cut = int(len(order) * (1 - HELD_OUT))
    take = table.iloc if hasattr(table, "iloc") else table
    return Data(take[order[:cut]], labels[order[:cut]], take[order[cut:]])
