from __future__ import annotations

import json

import pytest

from bridge import cli_bench
from bridge.bench.others import OTHERS

QUICK = ("--rows", "1,20", "--seconds", "0", "--other", "none")


def test_an_estimator_is_timed_beside_its_files(run, files, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    result = run("bench", files.skops, "--sample", files.sample, *QUICK, "-o", tmp_path / "results.json")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines[:-1])) <= 80  # the last names the file
    assert "Pipeline.predict_proba, 3 columns, table" in lines[0]
    for words in ("1 row a call", "20 rows a call", "  scikit-learn", "  bridge cpu, auto", "  bridge portable, auto"):
        assert any(line.startswith(words) for line in lines), words
    found = json.loads((tmp_path / "results.json").read_text())
    assert {cell["rows"] for cell in found["comparisons"][0]["cells"]} == {1, 20}


def test_targets_forms_and_methods_can_be_chosen(run, files):
    chosen = ("--target", "cpu", "--strategy", "gemm", "--strategy", "traverse", "--method", "predict")

    result = run("bench", files.joblib, "--sample", files.sample, "--trust", *QUICK, *chosen)

    assert result.exit_code == 0, result.output
    assert "Pipeline.predict," in result.stdout
    assert "bridge cpu, gemm" in result.stdout
    assert "bridge cpu, traverse" in result.stdout
    assert "portable" not in result.stdout


def test_cpu_time_can_be_shown(run, files):
    result = run("bench", files.skops, "--sample", files.sample, *QUICK, "--target", "cpu", "--clock", "cpu")

    assert result.exit_code == 0, result.output
    assert "CPU time" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "nothing to time"),
        (("pipe.skops",), "nothing to time"),
        (("--suite", "shrubs"), "unknown suite 'shrubs'"),
        (("pipe.skops", "--suite", "trees"), "leave out ESTIMATOR"),
        (("--suite", "trees", "--strategy", "gemm", "--method", "predict"), "leave out --strategy, --method"),
        (("pipe.skops", "--sample", "x.csv", "--model", "forest 100"), "give --suite trees"),
        (("--suite", "trees", "--model", "oak, old"), "no model 'oak, old'"),
        (("--suite", "trees", "--rows", "ten"), "--rows is 'ten'"),
        (("--suite", "trees", "--clock", "sun"), "unknown clock 'sun'"),
        (("--suite", "trees", "--other", "magic"), "unknown library 'magic'"),
        (("--suite", "trees", "-o", "nowhere/results.json"), "does not exist"),
        (("missing.skops", "--sample", "x.csv"), "missing.skops: No such file"),
    ],
)
def test_bad_arguments_are_an_error_in_words(run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)

    result = run("bench", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_help_names_every_library():
    assert cli_bench.LIBRARIES.split(", ") == list(OTHERS)


def test_a_damaged_sample_is_an_error(run, files, tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")

    result = run("bench", files.skops, "--sample", tmp_path / "bad.parquet")

    assert result.exit_code == 2
    assert "bad.parquet cannot be read" in result.stderr
