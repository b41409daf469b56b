"""`bridge predict` on more than one file's worth: columns to keep, bad rows, going on, queries, folders."""

from __future__ import annotations

import sqlite3

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def table(files):
    found = files.table.copy()
    found.insert(0, "id", [f"{i:04}" for i in range(len(found))])
    return found


def test_kept_columns_come_first_and_the_schema_is_told(run, files, table, tmp_path):
    table.to_csv(tmp_path / "in.csv", index=False)

    result = run("predict", files.model, tmp_path / "in.csv", "-o", tmp_path / "out.csv", "--keep", "id")

    assert result.exit_code == 0, result.output
    assert "writes: id string, predict string\n" in result.stderr
    assert "not used" not in result.stderr
    found = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert found["id"].tolist() == table["id"].tolist()
    assert found["predict"].tolist() == files.pipeline.predict(files.table).tolist()


def test_name_of_an_answer_cannot_be_kept(run, files, table, tmp_path):
    table.rename(columns={"id": "predict"}).to_parquet(tmp_path / "in.parquet")

    result = run("predict", files.model, tmp_path / "in.parquet", "-o", tmp_path / "out.csv", "--keep", "predict")

    assert result.exit_code == 2
    assert "an answer of the model has this name" in result.stderr


def test_bad_rows_stop_or_go_to_a_file(run, files, table, tmp_path):
    table.to_csv(tmp_path / "in.csv", index=False)
    with (tmp_path / "in.csv").open("a") as file:
        file.write("9,01,much,3\n9,01\n")
    arguments = ["predict", files.model, tmp_path / "in.csv", "-o", tmp_path / "out.csv"]

    stopped = run(*arguments)
    went_on = run(*arguments, "--bad-rows", tmp_path / "bad.csv")

    assert stopped.exit_code == 2
    assert "in.csv, line 302: column 'amount' holds 'much'; expected double." in stopped.stderr
    assert went_on.exit_code == 0, went_on.output
    assert "bad.csv: 2 rows without an answer" in went_on.stdout
    assert pd.read_csv(tmp_path / "bad.csv")["line"].tolist() == [302, 303]
    assert len(pd.read_csv(tmp_path / "out.csv")) == 300


def test_folder_and_query_are_read(run, files, table, tmp_path):
    (tmp_path / "in").mkdir()
    table[:100].to_csv(tmp_path / "in" / "a.csv", index=False)
    table[100:].to_parquet(tmp_path / "in" / "b.parquet")
    with sqlite3.connect(tmp_path / "t.db") as connection:
        table.to_sql("t", connection, index=False)
    connection.close()
    query = ["--sql", "select * from t order by rowid"]

    for data, options in ((tmp_path / "in", []), (tmp_path / "t.db", query)):
        result = run("predict", files.model, data, "-o", tmp_path / "out.csv", "--keep", "id", *options)

        assert result.exit_code == 0, result.output
        found = pd.read_csv(tmp_path / "out.csv", dtype=str)
        assert found["id"].tolist() == table["id"].tolist()
        assert found["predict"].tolist() == files.pipeline.predict(files.table).tolist()


def test_interrupt_is_130_and_the_same_command_goes_on(files, tmp_path, interrupt_and_repeat):
    many = files.table.iloc[np.arange(60_000) % len(files.table)]
    many.to_parquet(tmp_path / "in.parquet")
    output, parts = tmp_path / "out.csv", tmp_path / "out.csv.parts"
    options = ["--resume", "--chunk-rows", "100", "--threads", "1"]

    arguments = ["predict", files.model, tmp_path / "in.parquet", "-o", output, *options]
    code, stderr, left = interrupt_and_repeat(arguments, parts / "000001.arrow")

    assert code == 130
    assert "Traceback" not in stderr
    assert f"the same command goes on from {parts}\ninterrupted\n" in stderr
    assert left == {"in.parquet", "out.csv.parts"}
    assert {path.name for path in tmp_path.iterdir()} == {"in.parquet", "out.csv"}
    assert pd.read_csv(output)["predict"].tolist() == files.pipeline.predict(many).tolist()
