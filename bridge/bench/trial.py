"""Time an estimator beside bridge's files of it and other libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.bench.contender import Contender, compare_answers, time_contenders
from bridge.bench.forms import Maker, choose_forms
from bridge.bench.others import OTHERS, choose_others
from bridge.bench.report import OWN, Comparison
from bridge.bench.threads import limited, own_method, with_threads
from bridge.cores import usable_cores
from bridge.data.table import row_count
from bridge.errors import InputError, UnsupportedError
from bridge.method import METHODS, PREDICT_STD, offers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.bench.differences import Difference
    from bridge.bench.forms import Form

SIZES = (1, 100, 10_000)
PREFERRED = ("predict_proba", "predict", "transform")


def time_estimator(
    estimator: Any,
    X: Any,  # noqa: N803
    *,
    targets: Sequence[str] = (),
    strategies: Sequence[str] = (),
    rows: Sequence[int] = SIZES,
    threads: int | None = 1,
    methods: Sequence[str] | None = None,
    others: Sequence[str] | None = None,
    seconds: float = 1.0,
    say: Callable[[str], None] = lambda _: None,
) -> list[Comparison]:
    """Return how long the methods of a fitted estimator take, of its files, and of other libraries, in one run.

    Parameters
    ----------
    estimator, X
        As in `bridge.export`. The timed rows are taken from `X` too: give more rows than the largest number of them.
    targets, strategies
        The files to make, a file for each pair; by default what a user would choose between on a CPU.
    rows
        Numbers of rows of a call.
    threads
        Of each contender; None for all cores that this process may use.
    methods
        By default `predict_proba`, or else `predict` or `transform`.
    others
        Names in `bridge.bench.others.OTHERS`; by default all but the slow compiler. What is not installed is told.
    seconds
        Of each measurement: one of each contender, method and number of rows.
    say
        Is told what comes next.

    Raises
    ------
    InputError
        Something is asked for that does not exist.
    UnsupportedError
        The estimator cannot be exported.
    """
    count = usable_cores() if threads is None else threads
    check_positive("rows", rows)
    check_positive("threads", [count])
    if not row_count(X):
        raise InputError("the sample has no rows; expected at least one, of what predict will get")
    named, forms, libraries = (
        _choose_methods(estimator, methods),
        choose_forms(targets, strategies),
        choose_others(others),
    )
    own = with_threads(estimator, count)
    with limited(count):
        made, left_out = _make_forms(Maker(own, X, named, count), forms, say)
    found = []
    for method in named:
        contenders = {OWN: Contender(own_method(own, method, count), X)}
        contenders |= {name: by_method[method] for name, by_method in made.items()}
        beside, reasons = make_others(own, X, method, libraries, count, say)
        comparison = compare(
            type(estimator).__name__,
            method,
            contenders | beside,
            sizes=rows,
            threads=count,
            own=library(estimator),
            is_labels=method == "predict" and hasattr(estimator, "classes_"),
            left_out=left_out | reasons,
            seconds=seconds,
            say=say,
        )
        found.append(comparison)
    return found


def compare(
    model: str,
    method: str,
    contenders: dict[str, Contender],
    *,
    sizes: Sequence[int],
    threads: int,
    own: str,
    is_labels: bool = False,
    left_out: dict[str, str] | None = None,
    unlike: Mapping[str, Contender] | None = None,
    seconds: float,
    say: Callable[[str], None],
) -> Comparison:
    """Return the times of contenders, of which `OWN` is one, and their differences from it.

    Those of `unlike` are timed too, and answer something else.
    """
    table = contenders[OWN].table
    left_out = dict(left_out or {})
    differences: dict[str, Difference] = {}
    with limited(threads):
        for name in [n for n in contenders if n != OWN]:
            say(f"{model}: comparing {name}")
            try:
                differences[name] = compare_answers(contenders[OWN], contenders[name], labels=is_labels)
            except Exception as error:  # noqa: BLE001  # other libraries fail in whatever their code happens to raise
                left_out[name] = reason_of(error)
        running = {n: one for n, one in contenders.items() if n not in left_out} | dict(unlike or {})
        times = {}
        for size in dict.fromkeys(sizes):
            say(f"{model}.{method}: timing {size:,} rows a call")
            times[size] = time_contenders(running, size, seconds)
    shape: tuple[int, ...] = tuple(getattr(table, "shape", ()))
    return Comparison(
        model=model,
        method=method,
        own=own,
        columns=shape[1] if len(shape) > 1 else 1,
        dtype=str(table.dtype) if isinstance(table, np.ndarray) else "table",
        sample_rows=row_count(table),
        threads=threads,
        times=times,
        differences=differences,
        left_out=left_out,
    )


def make_others(
    estimator: Any, table: Any, method: str, names: Sequence[str], threads: int, say: Callable[[str], None]
) -> tuple[dict[str, Contender], dict[str, str]]:
    """Return the libraries that predict with this estimator, and why others do not.

    Those that are for other models are in neither.
    """
    found, left_out = {}, {}
    matrix = _as_matrix(table)
    for name in names:
        other = OTHERS[name]
        if not other.takes(estimator):
            continue
        if missing := other.missing():
            left_out[other.title] = missing
        elif method != ("predict_proba" if hasattr(estimator, "predict_proba") else "predict"):
            left_out[other.title] = "asked for probabilities of classifiers and predictions of regressors alone"
        elif matrix is None:
            left_out[other.title] = "asked for tables of numbers alone"
        else:
            say(f"{type(estimator).__name__}: preparing {other.title}")
            try:
                found[other.title] = Contender(other.build(estimator, matrix, threads), matrix)
            except Exception as error:  # noqa: BLE001  # they fail in whatever their code happens to raise
                left_out[other.title] = reason_of(error)
    return found, left_out


def reason_of(error: Exception) -> str:
    """Return an error in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}"


def library(estimator: Any) -> str:
    """Return the name of the library that an estimator comes from."""
    name = type(estimator).__module__.partition(".")[0]
    return {"sklearn": "scikit-learn", "lightgbm": "LightGBM", "xgboost": "XGBoost", "catboost": "CatBoost"}.get(
        name, type(estimator).__name__
    )


def check_positive(what: str, values: Sequence[int]) -> None:
    """Raise where one of `values` is no whole number from 1 on."""
    for value in values:
        if not isinstance(value, int) or value < 1:
            raise InputError(f"{what} is {value!r}; expected a whole number from 1 on")


def _make_forms(
    maker: Maker, forms: Sequence[Form], say: Callable[[str], None]
) -> tuple[dict[str, dict[str, Contender]], dict[str, str]]:
    made, left_out = {}, {}
    for form in forms:
        say(f"exporting {form.name}")
        match maker.make(form):
            case str(reason):
                left_out[form.name] = reason
            case contenders:
                made[form.name] = contenders
    return made, left_out


def _choose_methods(estimator: Any, asked: Sequence[str] | None) -> list[str]:
    had = [name for name in METHODS if name != PREDICT_STD and offers(estimator, name)]
    if unknown := [name for name in asked or [] if name not in had]:
        raise InputError(
            f"{type(estimator).__name__} has no method {', '.join(unknown)}; it has {', '.join(had) or 'none'}"
        )
    if not had:
        raise UnsupportedError(
            f"{type(estimator).__name__} has no inference method; expected one of {', '.join(METHODS)}"
        )
    return list(asked) if asked else [next((name for name in PREFERRED if name in had), had[0])]


def _as_matrix(table: Any) -> np.ndarray[Any, Any] | None:
    """Return a table of numbers as an array; None for any other."""
    if hasattr(table, "toarray"):
        return None
    array = np.asarray(table)
    is_mixed = array.dtype == object and hasattr(table, "select_dtypes")
    if is_mixed and all(d.kind in "biuf" for d in table.dtypes):  # booleans beside numbers
        array = array.astype(np.float64)
    return np.ascontiguousarray(array) if array.ndim == 2 and array.dtype.kind in "fiu" else None
