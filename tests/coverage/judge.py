"""What becomes of one case for one target: ok, refused with the reason, or wrong with the worst figure."""

from __future__ import annotations

import math
import signal
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

import bridge
from bridge.errors import BridgeError, InputError, InputTypeError, LoweringError, ParityError, UnsupportedError
from bridge.verify.compare import compare
from tests.coverage.plain import differences, tied_rows
from tests.coverage.rows import answer, is_taken
from tests.coverage.subject import SEARCHES, Remembering, Spliced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import onnx

    from tests.coverage.subject import Subject

Status = Literal["ok", "refused", "wrong", "no fit", "no inference"]
TIME_LIMIT = 120
LONGEST = 240
"""Of a reason."""


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes
    ----------
    case, target
        Which.
    detail
        The reason of a refusal, or what is wrong.
    error
        The largest scaled error, as bridge.verify.tolerance defines it, where rounding decides nothing.
    ties
        Rows in which rounding decides.
    methods
        The methods compared.
    host
        For target "cuda": the operators that onnxruntime leaves on the CPU.
    """

    case: str
    target: str
    status: Status
    detail: str = ""
    error: float = 0.0
    ties: int = 0
    methods: tuple[str, ...] = ()
    host: tuple[str, ...] = ()


class TooSlow(BaseException):
    """A case takes longer than it may; what catches every error of an estimator lets it pass."""


@dataclass
class Found:
    """What the comparisons of one case have shown so far: wrong answers, and rows that only scikit-learn takes."""

    problems: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    error: float = 0.0
    ties: int = 0


def judge(subject: Subject, target: str, hosted: Callable[[onnx.ModelProto], tuple[str, ...]]) -> Outcome:
    """Return what became of a case; `hosted` names the operators that stay on the CPU."""
    try:
        with _time_limit(TIME_LIMIT), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _judge(subject, target, hosted)
    except TooSlow:
        return Outcome(subject.name, target, "wrong", f"took more than {TIME_LIMIT} s")


def _judge(subject: Subject, target: str, hosted: Callable[[onnx.ModelProto], tuple[str, ...]]) -> Outcome:
    name, methods = subject.name, subject.methods
    if not methods:
        return Outcome(name, target, "no inference", "no method answers on new rows")
    try:
        # The file for "cuda" is compared below alone, on more rows than its own check has.
        options = {"target": target, "methods": subject.exported, "check": target != "cuda"}
        model = bridge.export(subject.fitted, subject.data.sample, **options)
    except ParityError as error:
        status: Status = "refused" if target == "portable" else "wrong"
        return Outcome(name, target, status, f"ParityError: {_worst_line(error)}", methods=methods)
    except (UnsupportedError, LoweringError, InputError, InputTypeError) as error:
        return Outcome(name, target, "refused", _short(error), methods=methods)
    except Exception as error:  # noqa: BLE001 - a crash is an outcome
        return Outcome(name, target, "wrong", f"crash in export: {_short(error)}", methods=methods)
    found = Found()
    try:
        _ask_all(subject, bridge.load(model, device="cpu", threads=1), found)
    except Exception as error:  # noqa: BLE001
        found.problems.append(f"crash in predict: {_short(error)}")
    host = hosted(model) if target == "cuda" else ()
    status = "wrong" if found.problems else "refused" if found.refusals else "ok"
    detail = "; ".join(found.problems or found.refusals)[:LONGEST]
    return Outcome(name, target, status, detail, found.error, found.ties, methods, host)


def _ask_all(subject: Subject, predictor: Any, found: Found) -> None:
    estimator, predictor = subject.estimator, Remembering(predictor)
    have = tuple(m.name for m in predictor.methods)
    found.problems += [f"no method {name}" for name in subject.methods if name not in have]
    found.problems += _attribute_problems(subject.fitted, predictor)
    for where, rows in subject.ordinary():
        _compare(estimator, predictor, rows, where, found)
        _check_plainly(estimator, predictor, rows, where, found)
    if subject.one_row is not None:
        both = (Spliced(model, subject.unseen, subject.one_row) for model in (estimator, predictor))
        _compare(*both, subject.unseen, "one row", found)
        _check_plainly(estimator, predictor, subject.one_row, "one row", found)
    if refused := subject.refused_rows():
        lax = [rows for rows in refused if is_taken(predictor, subject.main, rows)]
        if lax:
            found.problems.append(f"answers {len(lax)} of {len(refused)} rows that {subject.cls} refuses")
    if predictor.metadata.precision == "exact" and predictor.metadata.exact_decisions:
        on_thresholds = subject.on_thresholds(predictor.metadata.schema)
        if on_thresholds is not None:
            _compare(estimator, predictor, on_thresholds, "rows on thresholds", found)
            _check_plainly(estimator, predictor, on_thresholds, "rows on thresholds", found)
    _ask_special(subject, predictor, found)


def _ask_special(subject: Subject, predictor: Any, found: Found) -> None:
    """Compare the rows with special values that the estimator takes; the predictor shall refuse the others."""
    read = {c.index + i for c in predictor.metadata.schema.columns for i in range(c.width)}
    for value, accepted, others in subject.special():
        if predictor.metadata.precision == "float32" and math.isfinite(value) and value:
            continue  # 0 in float32, or a number beside which those of the data vanish
        if accepted is not None:
            _compare(subject.estimator, predictor, accepted, f"rows with {value}", found)
            _check_plainly(subject.estimator, predictor, accepted, f"rows with {value}", found)
        if math.isfinite(value):
            continue  # what a logarithm or a square root refuses
        lax = [column for column, rows in others if column in read and is_taken(predictor, subject.main, rows)]
        if lax:
            found.problems.append(f"answers {value} in column {lax[0]}, which {subject.cls} refuses")


def _compare(estimator: Any, predictor: Any, rows: Any, where: str, found: Found) -> None:
    """Compare by bridge.verify."""
    try:
        report = compare(estimator, predictor, rows)
    except InputError as error:
        found.refusals.append(f"refuses {where}: {_short(error)}")
        return
    except BridgeError as error:
        found.problems.append(f"{where}: {_short(error)}")
        return
    for m in report.methods:
        found.error = max(found.error, 0.0 if m.explained else m.max_scaled)
        found.ties += m.explained
        if not m.ok(report.bounds):
            figures = f"{m.loose_rows} of {m.rows} rows, scaled error {m.max_scaled:.2g}"
            found.problems.append(f"{m.name} of {where}: {m.problem or figures}")


def _check_plainly(estimator: Any, predictor: Any, rows: Any, where: str, found: Found) -> None:
    if not is_taken(predictor, predictor.methods[0].name, rows):
        return  # which `_compare` has told
    for m in predictor.methods:
        is_decided = predictor.metadata.precision == "exact" and m.name not in SEARCHES
        ties = tied_rows(estimator, rows) if is_decided else _any_row
        different = differences(answer(estimator, m.name, rows), answer(predictor, m.name, rows), ties)
        if different:
            found.problems.append(f"{m.name} of {where}: {different}")


def _any_row(count: int) -> Any:
    """Leave labels of float32, and neighbours at one distance, to bridge.verify, which tells what rounding decides."""
    return np.ones(count, bool)


def _attribute_problems(estimator: Any, predictor: Any) -> Iterator[str]:
    classes = getattr(estimator, "classes_", None)
    if classes is not None and len(classes):  # CatBoost's regressors have none
        different = differences(classes, predictor.classes_, lambda rows: np.zeros(rows, bool))
        if different:
            yield f"classes_: {different}"
    count = getattr(estimator, "n_features_in_", None)
    if count is not None and predictor.n_features_in_ != count:
        yield f"n_features_in_ is {predictor.n_features_in_} instead of {count}"


def _worst_line(error: ParityError) -> str:
    """Return the first line of a report that says what is wrong."""
    report: Any = error.report
    bad = [m for m in report.methods if not m.ok(report.bounds)]
    if not bad:
        return _short(error)
    m = max(bad, key=lambda m: m.max_scaled)
    return f"{m.name}: {m.problem or f'{m.loose_rows} of {m.rows} rows, scaled error {m.max_scaled:.2g}'}"


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    kind = type(error).__name__
    return f"{kind}: {text}"[:LONGEST]


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
