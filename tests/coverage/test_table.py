"""README's table of estimators is that of the results, and counts what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.coverage.judge import Outcome
from tests.coverage.results import Known, Row, known_of, read_rows, row_of, with_new, write_rows
from tests.coverage.table import BLOCK, WIDTH, as_markdown

README = Path(__file__).parents[2] / "README.md"
ROW = Row("Ridge: default", ["predict"], "ok", "ok", "ok", skl2onnx="ok")
REFUSED = replace(ROW, case="Ridge: target two", cpu="refused: no", cuda="refused: no", portable="refused: no")


def _cells(rows):
    header, _, *lines = as_markdown(rows).partition("\n\n")[0].splitlines()
    names = [cell.strip() for cell in header.strip("|").split("|")]
    return [dict(zip(names, (c.strip() for c in line.strip("|").split("|")), strict=True)) for line in lines]


def test_readme_shows_the_results():
    assert BLOCK.read(README.read_text("utf-8")) == as_markdown(read_rows())


def test_table_fits_the_page():
    assert max(map(len, as_markdown(read_rows()).splitlines())) <= WIDTH


def test_line_counts_the_cases_that_are_ok():
    no_fit = replace(ROW, case="Ridge: sparse", cpu="no fit: ValueError")
    (line,) = _cells([ROW, REFUSED, no_fit])

    assert line == {"methods": "predict", "skl2onnx": "ok", "cases ok": "1/2", "estimators": "Ridge"}


def test_estimators_with_the_same_methods_and_outcome_share_a_line():
    lasso = replace(ROW, case="Lasso: default")
    other = replace(ROW, case="Lars: default", skl2onnx="wrong: predict")

    lines = _cells([ROW, lasso, other])

    assert [(line["estimators"], line["skl2onnx"]) for line in lines] == [("Lasso, Ridge", "ok"), ("Lars", "wrong")]


def test_text_below_names_what_is_not_ok():
    assert "refused with the reason: Ridge." in as_markdown([ROW, REFUSED])


def test_what_is_not_ok_is_known_once_where_all_targets_say_the_same():
    wrong = replace(ROW, case="Ridge: b", cuda="wrong: predict of unseen rows: 3 of 4 rows")

    assert known_of([ROW, REFUSED, wrong]) == [
        Known("Ridge: target two", "all", "refused", "no"),
        Known("Ridge: b", "cuda", "wrong", "predict of unseen rows"),
    ]


def test_row_holds_what_each_target_found():
    ok = Outcome("a", "cpu", "ok", error=1.234e-16, ties=1, methods=("predict",))
    outcomes = {"cpu": ok, "cuda": replace(ok, host=("Loop",)), "portable": replace(ok, status="refused", detail="why")}

    row = row_of(outcomes)

    assert row == Row("a", ["predict"], "ok", "ok", "refused: why", error=[1.2e-16, 1.2e-16], ties=3, host=["Loop"])


def test_results_keep_one_row_a_case_and_none_of_cases_that_are_gone(tmp_path):
    path = tmp_path / "results.json"
    changed = replace(ROW, cpu="wrong: x")

    write_rows(with_new([ROW, REFUSED], [changed], [ROW.case]), path)

    assert read_rows(path) == [changed]


def test_text_around_the_markers_stays():
    text = f"before\n{BLOCK.begin}\nold\n{BLOCK.end}\nafter\n"

    assert BLOCK.fill(text, "new") == f"before\n{BLOCK.begin}\nnew\n{BLOCK.end}\nafter\n"


def test_missing_marker_is_an_error():
    with pytest.raises(ValueError, match="lacks"):
        BLOCK.fill("no table here", "new")
