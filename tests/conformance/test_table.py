"""README's table of runtimes is that of the results, and counts what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models.zoo import ZOO
from tests.conformance.cases import SAMPLE
from tests.conformance.measure import Result
from tests.conformance.results import Row, read_rows, row_of, with_new, write_rows
from tests.conformance.runtimes import RUNTIMES
from tests.conformance.table import BLOCK, as_markdown

README = Path(__file__).parents[2] / "README.md"
ROW = Row("tract", "1", "bridge", "tree", "a", loads=True, agrees=True, missing=None, reason="")
WIDEST = 100
"""Of a line of the table."""


def _cells(rows):
    header, _, *lines = as_markdown(rows).partition("\n\n")[0].splitlines()
    names = [cell.strip() for cell in header.strip("|").split("|")]
    return [dict(zip(names, (c.strip() for c in line.strip("|").split("|")), strict=True)) for line in lines]


def test_readme_shows_the_results():
    assert BLOCK.read(README.read_text()) == as_markdown(read_rows())


def test_table_fits_the_page():
    assert max(len(line) for line in as_markdown(read_rows()).partition("\n\n")[0].splitlines()) <= WIDEST


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.name)
def test_results_hold_every_file_that_a_runtime_is_asked_for(runtime):
    rows = read_rows()
    asked = {
        (row.exporter, row.model, row.family)
        for row in rows
        if row.runtime == "onnxruntime" and (row.model in SAMPLE or not runtime.is_slow)
    }

    found = [(row.exporter, row.model, row.family) for row in rows if row.runtime == runtime.name]

    assert set(found) == asked
    assert len(found) == len(asked)


def test_results_are_of_models_in_the_zoo():
    assert {row.model for row in read_rows()} <= {model.name for model in ZOO}


def test_table_counts_files_by_family_and_exporter():
    rows = [
        ROW,
        replace(ROW, model="b", agrees=False),
        replace(ROW, model="c", family="linear", missing="differs"),
        replace(ROW, exporter="skl2onnx", loads=False, agrees=False),
    ]

    (line,) = _cells(rows)

    assert line["runtime"] == "tract"
    assert (line["loads"], line["tree"], line["linear"], line["NaN"]) == ("3/3", "1/2", "1/1", "0/1")
    assert (line["skl2onnx"], line["agrees"]) == ("0/1", "0/1")


@pytest.mark.parametrize(
    ("verdicts", "loads", "agrees", "missing"),
    [
        ({"one": "agrees", "many": "agrees"}, True, True, None),
        ({"one": "agrees", "many": "differs"}, True, False, None),
        ({"one": "agrees", "many": "agrees", "missing": "differs"}, True, True, "differs"),
        ({"one": "fails", "many": "fails"}, True, False, None),
        ({"one": "does not load", "many": "does not load"}, False, False, None),
    ],
)
def test_row_says_how_far_a_file_came(verdicts, loads, agrees, missing):
    results = [Result("tract", "a", batch, verdict, f"{verdict}!") for batch, verdict in verdicts.items()]

    row = row_of(results, version="1", exporter="bridge", family="tree")

    assert (row.loads, row.agrees, row.missing) == (loads, agrees, missing)
    first_bad = next((r for r in results if r.verdict != "agrees"), None)
    assert row.reason == ("" if first_bad is None else f"{first_bad.batch}: {first_bad.detail}")


def test_measuring_a_file_again_replaces_its_row_alone(tmp_path):
    path = tmp_path / "results.json"
    others = [replace(ROW, runtime="TVM"), replace(ROW, model="b"), replace(ROW, exporter="skl2onnx")]
    write_rows([ROW, *others], path)

    write_rows(with_new(read_rows(path), [replace(ROW, agrees=False)]), path)

    assert set(read_rows(path)) == {*others, replace(ROW, agrees=False)}


def test_text_around_the_markers_stays():
    text = f"before\n{BLOCK.begin}\nold\n{BLOCK.end}\nafter\n"

    assert BLOCK.fill(text, "new") == f"before\n{BLOCK.begin}\nnew\n{BLOCK.end}\nafter\n"


def test_missing_marker_is_an_error():
    with pytest.raises(ValueError, match="lacks"):
        BLOCK.fill("no table here", "new")
