"""Rows without an answer are named by file and line, and stop the scoring or go to a file of their own."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

import bridge
import bridge.stream
from bridge.data import csv_rows
from bridge.errors import InputError

GOOD = [f"{i},{i % 5}.25,{i / 7}" for i in range(40)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Refuses NaN and infinity."""
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    file = tmp_path_factory.mktemp("bad") / "m.onnx"
    bridge.export(LinearRegression().fit(table, table["a"] + 2 * table["b"]), table, file, target="cpu")
    return file


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(csv_rows, "PIECE_BYTES", 100)


def write(folder, rows, name="t.csv", header="id,a,b"):
    (folder / name).write_bytes(b"\n".join(r if isinstance(r, bytes) else r.encode() for r in [header, *rows]))
    return folder / name


def score(model, source, folder, **options):
    given = {"columns": ["id"], "chunk_rows": 7, "progress": False}
    return bridge.stream.score(model, source, folder / "out.csv", **(given | options))


ODD = {
    "too few fields": ("8,1", "2 fields; expected 3, as in the first line"),
    "too many fields": ("8,1,2,3", "4 fields; expected 3, as in the first line"),
    "text": ("8,foo,1", "column 'a' holds 'foo'; expected double"),
    "missing": ("8,,1", "column 'a' contains NaN, which the estimator does not accept."),
    "infinite": ("8,1,-inf", "column 'b' contains infinity, which the estimator does not accept."),
    "bytes": (b"\xff,1,2", "column 'id' holds '\ufffd'; expected string"),
    "quoted": ('"8\n8",1,x', "column 'b' holds 'x'; expected double"),
}


@pytest.mark.parametrize("at", [0, 1, 23, 40])
@pytest.mark.parametrize("kind", ODD)
def test_bad_row_stops_with_file_line_and_cause(kind, at, model, tmp_path):
    row, cause = ODD[kind]

    with pytest.raises(InputError) as caught:
        score(model, write(tmp_path, [*GOOD[:at], row, *GOOD[at:]]), tmp_path)

    cause = cause.replace("'\ufffd'", "'\\udcff'")
    assert str(caught.value).startswith(f"{tmp_path}/t.csv, line {at + 2}: {cause}")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("places", [[0], [20], [40], [0, 1, 2], [5, 6, 19, 33], list(range(0, 41, 3)), [39, 40]])
def test_bad_rows_go_to_a_file_and_the_others_are_answered_alike(places, model, tmp_path):
    kinds = list(ODD)
    rows, expected = list(GOOD), []
    for number, place in enumerate(places):
        row, cause = ODD[kinds[number % len(kinds)]]
        rows.insert(place, row)
        expected.append((row, cause))
    score(model, write(tmp_path, GOOD, "good.csv"), tmp_path)
    wanted = (tmp_path / "out.csv").read_text()

    scored = score(model, write(tmp_path, rows), tmp_path, bad_rows=tmp_path / "bad.csv")

    bad = pd.read_csv(tmp_path / "bad.csv", keep_default_na=False)
    assert (scored.rows, scored.bad_rows, len(bad)) == (len(GOOD), len(places), len(places))
    assert (tmp_path / "out.csv").read_text() == wanted
    text = b"\n".join(r if isinstance(r, bytes) else r.encode() for r in ["id,a,b", *rows]).decode(errors="replace")
    lines = text.split("\n")
    for row in bad.itertuples():
        assert "\n".join(lines[row.line - 1 :]).startswith(row.row)
    found = sorted((r.row, r.cause.replace("\\udcff", "\ufffd")) for r in bad.itertuples())
    assert found == sorted((r.decode(errors="replace") if isinstance(r, bytes) else r, c) for r, c in expected)
    assert set(bad["file"]) == {str(tmp_path / "t.csv")}


def test_no_bad_rows_give_a_file_of_names(model, tmp_path):
    scored = score(model, write(tmp_path, GOOD), tmp_path, bad_rows=tmp_path / "bad.csv")

    assert scored.bad_rows == 0
    assert (tmp_path / "bad.csv").read_text() == "file,line,cause,row\n"


def test_all_rows_may_be_bad(model, tmp_path):
    scored = score(model, write(tmp_path, ["1,2", "3,x,4", "5,,6"]), tmp_path, bad_rows=tmp_path / "bad.csv")

    assert (scored.rows, scored.bad_rows) == (0, 3)
    assert (tmp_path / "out.csv").read_text() == "id,predict\n"


def test_lines_count_on_over_empty_ones_and_in_each_file(model, tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in", [*GOOD[:20], "", "", "7,,1"], "a.csv")
    write(tmp_path / "in", ["9,1", *GOOD[:3]], "b.csv")

    score(model, tmp_path / "in", tmp_path, bad_rows=tmp_path / "bad.csv")

    bad = pd.read_csv(tmp_path / "bad.csv")
    assert [(name[-5:], line) for name, line in zip(bad["file"], bad["line"], strict=True)] == [
        ("a.csv", 24),
        ("b.csv", 2),
    ]


@pytest.mark.parametrize("places", [[0], [3, 4, 5], [10, 39], list(range(40))])
def test_rows_of_parquet_are_named_by_their_number(places, model, tmp_path):
    table = pd.DataFrame({"id": range(40), "a": np.arange(40.0), "b": 1.0})
    table.loc[places, "a"] = np.nan
    table.to_parquet(tmp_path / "t.parquet", row_group_size=11)

    scored = score(model, tmp_path / "t.parquet", tmp_path, bad_rows=tmp_path / "bad.csv")

    bad, out = pd.read_csv(tmp_path / "bad.csv"), pd.read_csv(tmp_path / "out.csv")
    assert scored.rows + scored.bad_rows == 40
    assert (bad["line"] - 1).tolist() == places
    assert [json.loads(row)["id"] for row in bad["row"]] == places
    assert out["id"].tolist() == [i for i in range(40) if i not in places]


def test_unknown_category_and_refused_value_are_bad_rows(tmp_path):
    words = pd.DataFrame({"w": ["red", "green"] * 9})
    encoded = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(words, [0, 1] * 9)
    bridge.export(encoded, words, tmp_path / "words.onnx", target="cpu")
    numbers = pd.DataFrame({"x": np.linspace(0, 1, 30)})
    spline = make_pipeline(SplineTransformer(extrapolation="error"), LinearRegression()).fit(numbers, numbers["x"])
    bridge.export(spline, numbers, tmp_path / "spline.onnx", target="cpu")

    for file, rows, line, cause in (
        ("words.onnx", pd.DataFrame({"w": ["red", "blue", "green"]}), 2, "unknown categories: 'blue'"),
        ("spline.onnx", pd.DataFrame({"x": [0.1, 0.2, 7.0]}), 3, "the row is refused"),
    ):
        scored = score(tmp_path / file, rows, tmp_path, columns=[], bad_rows=tmp_path / "bad.csv")

        bad = pd.read_csv(tmp_path / "bad.csv")
        assert (scored.rows, bad["line"].tolist()) == (2, [line])
        assert cause in bad["cause"][0]


def test_quote_that_does_not_end_is_an_error_of_the_file(model, tmp_path):
    with pytest.raises(InputError, match="a quote in the row of line 12 does not end"):
        score(model, write(tmp_path, [*GOOD[:10], '"8,1,2', *GOOD]), tmp_path, bad_rows=tmp_path / "bad.csv")


def test_quote_within_the_last_row_is_a_bad_row_alone(model, tmp_path):
    scored = score(model, write(tmp_path, [*GOOD, '5" pipe,x,1']), tmp_path, bad_rows=tmp_path / "bad.csv")

    assert (scored.rows, pd.read_csv(tmp_path / "bad.csv")["line"].tolist()) == (40, [42])


@pytest.mark.parametrize("quoted", ["", '"8",1,2'])
def test_carriage_return_ends_a_line(quoted, model, tmp_path):
    rows = [*GOOD[:3], "8\r,1,2", quoted, *GOOD[3:], "9,,1"]

    scored = score(model, write(tmp_path, rows), tmp_path, bad_rows=tmp_path / "bad.csv")

    bad = pd.read_csv(tmp_path / "bad.csv")
    assert scored.rows == 40 + bool(quoted) + 1  # an empty id is one
    assert bad[["line", "row"]].to_numpy().tolist() == [[5, "8"], [44 + 1, "9,,1"]]


def test_times_of_a_day_beside_a_bad_row_are_read(model, tmp_path):
    file = write(tmp_path, ["10:00:00,1,2", "11:30:00,1,2", "noon,1,2"])

    score(model, file, tmp_path, bad_rows=tmp_path / "bad.csv")

    assert pd.read_csv(tmp_path / "out.csv")["id"].tolist() == ["10:00:00", "11:30:00", "noon"]


def test_names_in_another_encoding_are_refused(model, tmp_path):
    (tmp_path / "t.csv").write_text("id,a,b,größe\n1,2,3,4\n", encoding="latin-1")

    with pytest.raises(InputError, match="the names of its columns are no UTF-8"):
        score(model, tmp_path / "t.csv", tmp_path)


@pytest.mark.parametrize("name", ["out.csv", "../{}/out.csv"])
def test_bad_rows_cannot_go_to_the_sink(name, model, tmp_path):
    with pytest.raises(InputError, match=r"another \.csv file"):
        score(model, write(tmp_path, GOOD), tmp_path, bad_rows=tmp_path / name.format(tmp_path.name))
