"""What the last full run found, a row a case, in results.json; what is known not to be ok, in expected.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.coverage.judge import Outcome

RESULTS = Path(__file__).parent / "results.json"
EXPECTED = Path(__file__).parent / "expected.json"
TARGETS = ("cpu", "cuda", "portable")
NOT_ASKED = "not asked"
REASON = 90
"""Characters of a reason that is expected."""
_ALWAYS = {"case", "methods", *TARGETS}


@dataclass(frozen=True)
class Row:
    """What became of one case.

    Attributes
    ----------
    case
        Its name.
    methods
        The inference methods that scikit-learn answers with.
    cpu, cuda, portable
        For each target "ok", or the status and the reason.
    error
        The largest scaled error of "cpu" and "cuda", and that of "portable".
    ties
        Rows in which rounding decides, over all targets.
    host
        The operators that onnxruntime would run on the CPU of the file for "cuda".
    skl2onnx
        What skl2onnx makes of it, for default cases and those that were wrong when this project began.
    """

    case: str
    methods: list[str]
    cpu: str
    cuda: str
    portable: str
    error: list[float] = field(default_factory=list)
    ties: int = 0
    host: list[str] = field(default_factory=list)
    skl2onnx: str = ""

    @property
    def is_case(self) -> bool:
        """Whether scikit-learn itself fits it and answers on new rows."""
        return not self.cpu.startswith(("no fit", "no inference"))

    @property
    def is_ok(self) -> bool:
        """Whether every target answers as scikit-learn does."""
        return self.cpu == self.cuda == self.portable == "ok"


@dataclass(frozen=True)
class Known:
    """A case that is known not to be ok.

    Attributes
    ----------
    case, target
        Which.
    status
        "refused" or "wrong".
    reason
        A part of what is said about it.
    """

    case: str
    target: str
    status: str
    reason: str


def row_of(outcomes: Mapping[str, Outcome], skl2onnx: str = "") -> Row:
    """Return the row of one case from its outcome for every target."""
    exact = max(outcomes[t].error for t in ("cpu", "cuda"))
    portable = outcomes.get("portable")
    return Row(
        case=outcomes["cpu"].case,
        methods=list(outcomes["cpu"].methods),
        cpu=said(outcomes["cpu"]),
        cuda=said(outcomes["cuda"]),
        portable=said(portable) if portable else NOT_ASKED,
        error=[_figure(exact), _figure(portable.error if portable else 0.0)],
        ties=sum(outcome.ties for outcome in outcomes.values()),
        host=list(outcomes["cuda"].host),
        skl2onnx=skl2onnx,
    )


def said(outcome: Outcome) -> str:
    """Return "ok", or the status and the reason."""
    return f"{outcome.status}: {outcome.detail}" if outcome.detail else outcome.status


def _figure(value: float) -> float:
    """Return two digits; JSON has no infinity."""
    return float(f"{min(value, 1e308):.1e}")


def with_new(rows: Iterable[Row], new: Iterable[Row], names: Iterable[str]) -> list[Row]:
    """Return `rows` with `new` in their place, without those of cases that are no more among `names`.

    What is known of "portable" stays where that was not asked.
    """
    by_case = {row.case: row for row in rows}
    for row in new:
        before = by_case.get(row.case)
        if before and row.portable == NOT_ASKED:
            row = replace(row, portable=before.portable, error=[row.error[0], *before.error[1:]])  # noqa: PLW2901
        by_case[row.case] = row
    known = set(names)
    return [row for name, row in by_case.items() if name in known]


def read_rows(path: Path = RESULTS) -> list[Row]:
    return [Row(**row) for row in _read(path)]


def write_rows(rows: Iterable[Row], path: Path = RESULTS) -> None:
    ordered = sorted(rows, key=lambda row: row.case)
    _write([{k: v for k, v in asdict(row).items() if v or k in _ALWAYS} for row in ordered], path)


def read_known(path: Path = EXPECTED) -> list[Known]:
    return [Known(**known) for known in _read(path)]


def known_of(rows: Iterable[Row]) -> list[Known]:
    """Return what is not ok among the rows; one entry for all targets where they say the same."""
    found = []
    for row in rows:
        said = {target: getattr(row, target) for target in TARGETS}
        bad = {target: text for target, text in said.items() if row.is_case and text != "ok"}
        if len(bad) == len(TARGETS) and len({_reason(text) for text in bad.values()}) == 1:
            bad = {"all": said["cpu"]}
        found += [Known(row.case, target, text.partition(":")[0], _reason(text)) for target, text in bad.items()]
    return found


def _reason(text: str) -> str:
    """Return what is said without the figures, which may change with a library's version."""
    reason = text.partition(": ")[2]
    return reason.partition(":")[0] if text.startswith("wrong") else reason[:REASON]


def write_known(known: Iterable[Known], path: Path = EXPECTED) -> None:
    _write([asdict(one) for one in sorted(known, key=lambda one: (one.case, one.target))], path)


def _read(path: Path) -> list[dict]:
    return json.loads(path.read_text("utf-8")) if path.exists() else []


def _write(rows: list[dict], path: Path) -> None:
    """Write the rows one a line, so that a change of one is a change of one line."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", "utf-8")
