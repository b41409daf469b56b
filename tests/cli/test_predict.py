from __future__ import annotations

from contextlib import contextmanager

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import MiniBatchNMF
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import bridge
from bridge.data import files as table_files
from bridge.data import sinks
from bridge.stream import plan

READERS = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".arrow": pd.read_feather, ".feather": pd.read_feather}


@pytest.mark.parametrize("suffix", READERS)
def test_predictions_are_the_estimators(run, files, tmp_path, suffix):
    output = tmp_path / f"out{suffix}"

    result = run("predict", files.model, files.csv, "-o", output)

    assert result.exit_code == 0, result.output
    assert READERS[suffix](output)["predict"].tolist() == files.pipeline.predict(files.table).tolist()


@pytest.mark.parametrize("suffix", READERS)
def test_every_kind_of_table_is_read(run, files, tmp_path, suffix):
    data = tmp_path / f"data{suffix}"
    table_files.write_table({name: files.table[name].to_numpy() for name in files.table}, data)

    result = run("predict", files.model, data, "-o", tmp_path / "out.parquet", "--method", "predict_proba")

    assert result.exit_code == 0, result.output
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert list(found) == ["predict_proba_no", "predict_proba_yes"]
    assert np.abs(found.to_numpy() - files.pipeline.predict_proba(files.table)).max() <= 1e-12


def test_several_methods_stand_side_by_side(run, files, tmp_path):
    result = run(
        "predict",
        files.model,
        files.csv,
        "-o",
        tmp_path / "out.csv",
        "--method",
        "predict",
        "--method",
        "predict_proba",
    )

    assert result.exit_code == 0, result.output
    assert list(pd.read_csv(tmp_path / "out.csv")) == ["predict", "predict_proba_no", "predict_proba_yes"]


def test_columns_of_other_meaning_are_left_out_and_named(run, files, tmp_path):
    files.table.assign(id=range(len(files.table))).iloc[:, ::-1].to_csv(tmp_path / "more.csv", index=False)

    result = run("predict", files.model, tmp_path / "more.csv", "-o", tmp_path / "out.csv")

    assert result.exit_code == 0, result.output
    assert "not used by the model: id" in result.stderr
    assert pd.read_csv(tmp_path / "out.csv")["predict"].tolist() == files.pipeline.predict(files.table).tolist()


def test_rows_that_hang_on_each_other_are_asked_together(run, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "MOST_ROWS", 100)
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((200, 6)), columns=list("abcdef"))
    model = MiniBatchNMF(3, random_state=0, tol=1e-2).fit(table)
    bridge.export(model, table, tmp_path / "topics.onnx", target="cpu")
    table.to_csv(tmp_path / "data.csv", index=False)

    result = run("predict", tmp_path / "topics.onnx", tmp_path / "data.csv", "-o", tmp_path / "out.parquet")

    assert result.exit_code == 0, result.output
    expected = model.transform(table)
    assert np.abs(model.transform(table[:100]) - expected[:100]).max() > 1e-6
    np.testing.assert_allclose(pd.read_parquet(tmp_path / "out.parquet").to_numpy(), expected, atol=1e-12)


def test_no_rows_give_no_rows(run, files, tmp_path):
    files.table[:0].to_csv(tmp_path / "none.csv", index=False)

    result = run("predict", files.model, tmp_path / "none.csv", "-o", tmp_path / "out.parquet")

    assert result.exit_code == 0, result.output
    assert pd.read_parquet(tmp_path / "out.parquet").shape == (0, 1)


def test_missing_column_is_named_and_nothing_written(run, files, tmp_path):
    files.table.drop(columns="amount").to_csv(tmp_path / "less.csv", index=False)
    (tmp_path / "out.csv").write_text("as before")

    result = run("predict", files.model, tmp_path / "less.csv", "-o", tmp_path / "out.csv")

    assert result.exit_code == 2
    assert "'amount'" in result.stderr
    assert (tmp_path / "out.csv").read_text() == "as before"


def test_unknown_category_is_named(run, files, tmp_path):
    files.table.assign(code="99").to_csv(tmp_path / "new.csv", index=False)

    result = run("predict", files.model, tmp_path / "new.csv", "-o", tmp_path / "out.csv")

    assert result.exit_code == 2
    assert "'99'" in result.stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [("bad.parquet", b"no parquet"), ("bad.arrow", b"no arrow"), ("bad.csv", b""), ("b.csv", b'code,amount,count\n"')],
)
def test_damaged_table_is_a_clear_error(run, files, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    result = run("predict", files.model, tmp_path / name, "-o", tmp_path / "out.csv")

    assert result.exit_code == 2
    assert f"{name} cannot be read as" in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_unknown_method_is_refused_with_those_that_exist(run, files, tmp_path):
    result = run("predict", files.model, files.csv, "-o", tmp_path / "out.csv", "--method", "transform")

    assert result.exit_code == 2
    assert "it has predict, predict_proba" in result.stderr


def test_output_of_unknown_kind_is_refused_before_the_work(run, files, tmp_path):
    result = run("predict", files.model, files.csv, "-o", tmp_path / "out.txt")

    assert result.exit_code == 2
    assert "'.txt'" in result.stderr


def test_interrupt_while_writing_leaves_the_old_file(run, files, tmp_path, monkeypatch):
    @contextmanager
    def interrupted(file, _schema):
        def write(_table):
            file.write_text("half of it")
            raise KeyboardInterrupt

        yield write

    monkeypatch.setitem(sinks._OPENERS, ".csv", interrupted)
    (tmp_path / "out.csv").write_text("as before")

    result = run("predict", files.model, files.csv, "-o", tmp_path / "out.csv")

    assert result.exit_code == 130
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "as before"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_one_column_of_texts(run, tmp_path, suffix):
    texts = ["007 is late", "12 on time", "13", "late again"] * 5
    pipe = make_pipeline(TfidfVectorizer(token_pattern=r"\w+"), LogisticRegression()).fit(texts, [1, 0, 0, 1] * 5)
    joblib.dump(pipe, tmp_path / "pipe.joblib")
    table_files.write_table({"note": np.array(texts, object)}, tmp_path / f"notes{suffix}")
    table_files.write_table({"note": np.array(["007", "13"], object)}, tmp_path / f"new{suffix}")

    sample = ("--sample", tmp_path / f"notes{suffix}", "--trust")
    made = run("export", tmp_path / "pipe.joblib", *sample, "-o", tmp_path / "m.onnx")
    compared = run("verify", tmp_path / "pipe.joblib", tmp_path / "m.onnx", tmp_path / f"notes{suffix}", "--trust")
    found = run("predict", tmp_path / "m.onnx", tmp_path / f"new{suffix}", "-o", tmp_path / "out.csv")

    assert [r.exit_code for r in (made, compared, found)] == [0, 0, 0], (made.output, compared.output, found.output)
    assert pd.read_csv(tmp_path / "out.csv")["predict"].tolist() == pipe.predict(["007", "13"]).tolist()
