from __future__ import annotations

import pyarrow as pa
import pytest

from bridge.data import csv_blocks
from bridge.data.csv_rows import CsvFile
from bridge.data.csv_salvage import NULLS

ROWS = "".join(f"{i},{i / 7!r},t{i}\n" for i in range(60))
TEXTS = {
    "plain": "a,b,c\n" + ROWS,
    "no last line feed": "a,b,c\n" + ROWS[:-1],
    "carriage returns": "a,b,c\r\n" + ROWS.replace("\n", "\r\n"),
    "old line ends": "a,b,c\r" + ROWS.replace("\n", "\r"),
    "byte order mark": "\ufeffa,b,c\n" + ROWS,
    "quoted names": '"a","b","c"\n' + ROWS,
    "names over two lines": '"a\n1",b,c\n' + ROWS,
    "empty line first": "\na,b,c\n" + ROWS,
    "empty lines": "a,b,c\n" + "\n" * 200 + ROWS + "\n" * 200,
    "quotes in the middle": "a,b,c\n" + ROWS + '7,8,"x\ny ""z"", \n,,"\n' * 9 + ROWS,
    "quotes in one line": "a,b,c\n" + ROWS + '1,2,"' + "\n" * 300 + '"\n' + ROWS,
    "names alone": "a,b,c\n",
}


def columns(file, types):
    tables = list(csv_blocks.csv_blocks(file, types, ()))
    names = tables[0].column_names if tables else []
    return {name: [v for t in tables for v in t.column(name).to_pylist()] for name in names}


@pytest.mark.parametrize("size", [50, 100, 2**20])
@pytest.mark.parametrize("name", TEXTS)
def test_pieces_hold_the_rows_that_arrow_reads_at_once(tmp_path, monkeypatch, name, size):
    file = tmp_path / "t.csv"
    file.write_bytes(TEXTS[name].encode())
    expected = columns(file, None)
    first = "a\n1" if name == "names over two lines" else "a"
    least = {"empty lines": 250, "quotes in one line": 400}.get(name, 0)  # Arrow's blocks must hold a row
    monkeypatch.setattr(csv_blocks, "BLOCK_BYTES", max(size, least))
    monkeypatch.setattr(csv_blocks, "PIECE_BYTES", max(size, least))

    found = columns(file, {"c": pa.string(), first: pa.float64()})

    assert found.get("c", []) == expected.get("c", [])
    assert found.get(first, []) == expected.get(first, [])
    assert len(found.get("c", [])) == (0 if name == "names alone" else len(expected["c"]))


@pytest.mark.parametrize("typed", [False, True])
def test_the_same_words_are_missing_values_as_in_scoring(tmp_path, typed):
    words = [*NULLS, "none", "Nan", "-"]
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *(f"{word},x" for word in words)]) + "\n")
    types = {"a": pa.string(), "b": pa.string()}
    (_, scored, _), *_ = CsvFile.open(tmp_path / "t.csv").parsed(types)

    found = columns(tmp_path / "t.csv", types if typed else None)

    assert found["a"] == scored.column("a").to_pylist() == [None] * len(NULLS) + words[len(NULLS) :]
