"""Every case: the defaults, what is made of them by other data, labels and option values, and the named ones."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils._param_validation import Options

from tests.coverage.data import as_float32, as_frame, as_integers, as_sparse, of, with_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.coverage.case import Case, Default
    from tests.coverage.data import Data

COLUMN_VARIANTS: dict[str, Callable[[Data], Data]] = {
    "DataFrame": as_frame,
    "sparse": as_sparse,
    "float32": as_float32,
    "integers": as_integers,
    "NaN": with_missing,
}
CLASSES = ("binary", "three", "binary text", "three text", "bools", "multilabel", "multioutput text")
NUMBERS = ("real", "column", "two")

FIT_ALONE = frozenset({
    "AffinityPropagation.affinity", "FeatureAgglomeration.metric", "GraphicalLasso.covariance",
    "accept_sparse", "alpha_H", "batch_size", "bin_seeding", "bisecting_strategy", "bootstrap", "bootstrap_features",
    "breadth_first", "check_inverse", "class_prior", "compute_distances", "compute_full_tree",
    "compute_inverse_components", "compute_labels", "compute_score", "copy", "copy_X", "copy_X_train", "copy_x",
    "decode_error", "dual", "early_stopping", "eigen_tol", "error_on_new", "error_score", "feature_name_combiner",
    "feature_names_out", "fit_path", "fresh_restarts", "gcv_mode", "init", "init_params", "input", "interaction_cst",
    "iterated_power", "learning_method", "learning_rate", "max_features", "max_no_improvement", "max_samples",
    "max_skips", "max_trials", "min_resources", "n_candidates", "n_components", "n_init", "n_iter_no_change",
    "nesterovs_momentum", "noise_variance_init", "oob_score", "optimizer", "order", "path_method",
    "power_iteration_normalizer", "precompute", "quantile_method", "random_state", "refit", "return_train_score",
    "scoring", "selection", "shrinking", "shuffle", "sort", "splitter", "stop_n_inliers", "store_covariance",
    "store_cv_results", "store_precision", "use_legacy_attributes", "validate", "verbose",
    "verbose_feature_names_out", "warm_start", "whiten_solver",
})  # fmt: skip
"""Parameters whose options are not varied: what the fit does, keeps and says; the fitted state has the same form."""


@cache
def all_cases() -> tuple[Case, ...]:
    """Return every case once, those of one class one after another."""
    cases = [case for default in defaults() for case in _varied(default)] + list(named())
    by_name = {case.name: case for case in cases}
    return tuple(sorted(by_name.values(), key=lambda c: c.cls.__name__))


@cache
def defaults() -> tuple[Default, ...]:
    return tuple(default for module in _families() for default in module.DEFAULTS)


@cache
def named() -> tuple[Case, ...]:
    return tuple(case for module in _families() for case in module.NAMED)


def option_cases() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return the name of the case of each value of an option, and those of the named cases that have the value."""
    for default in defaults():
        cls = type(default.estimator)
        own = [case for case in named() if case.cls is cls and hasattr(case.estimator, "fit")]
        for option, value in options_of(default.estimator):
            having = tuple(case.name for case in own if _is(case.estimator.get_params(deep=False)[option], value))
            yield f"{cls.__name__}: {option}={_named_value(value)}", having


def _is(one: Any, value: Any) -> bool:
    return type(one) is type(value) and one == value


def _named_value(value: Any) -> str:
    return str(getattr(value, "__name__", value))


def _families() -> Iterator[Any]:
    folder = Path(__file__).parent / "cases"
    for found in pkgutil.iter_modules([str(folder)]):
        yield importlib.import_module(f"tests.coverage.cases.{found.name}")


def _varied(default: Default) -> Iterator[Case]:
    first = default.case()
    yield first
    for name, change in COLUMN_VARIANTS.items():
        yield replace(first, data=partial(_changed, first.data, change), variant=name)
    if default.data is None:
        kinds = CLASSES if is_classifier(default.estimator) else NUMBERS if is_regressor(default.estimator) else ()
        for target in kinds:
            if target != default.target:
                yield replace(first, data=of(default.columns, target), variant=f"target {target}")
    for option, value in options_of(default.estimator):
        estimator = clone(default.estimator).set_params(**{option: value})
        yield replace(first, estimator=estimator, variant=f"{option}={_named_value(value)}")


def _changed(source: Callable[[], Data], change: Callable[[Data], Data]) -> Data:
    data = source()
    if not isinstance(data.X, np.ndarray) or data.X.ndim != 2 or (data.X.dtype.kind == "O" and change is not as_frame):
        raise TypeError("the data is no table of numbers")
    return change(data)


def options_of(estimator: Any) -> Iterator[tuple[str, Any]]:
    """Return the closed choices of the constructor, other than the one that `estimator` has."""
    now = estimator.get_params(deep=False)
    for name, constraints in getattr(type(estimator), "_parameter_constraints", {}).items():
        is_of_the_fit = name in FIT_ALONE or f"{type(estimator).__name__}.{name}" in FIT_ALONE
        if is_of_the_fit or name not in now or not isinstance(constraints, list):
            continue
        values: list[Any] = []
        for constraint in constraints:
            if isinstance(constraint, Options):
                values += sorted(constraint.options, key=str)
            elif constraint == "boolean":
                values += [False, True]
        if values and None in constraints and not isinstance(values[0], bool):
            values.append(None)
        yield from ((name, value) for value in values if value is not now[name] and value != now[name])
