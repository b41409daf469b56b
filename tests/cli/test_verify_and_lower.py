from __future__ import annotations

import onnx
from sklearn.base import clone
from skops import io

from bridge.artifact import get_metadata


def test_verify_prints_the_report_of_an_equal_file(run, files):
    result = run("verify", files.skops, files.model, files.csv)

    assert result.exit_code == 0, result.output
    assert "differ" in result.stdout
    assert "\nequal" in result.stdout


def test_verify_exits_with_one_for_another_estimators_file(run, files, tmp_path):
    other = clone(files.pipeline).fit(files.table, files.pipeline.predict(files.table)[::-1])
    io.dump(other, tmp_path / "other.skops")

    result = run("verify", tmp_path / "other.skops", files.model, files.csv)

    assert result.exit_code == 1
    assert "NOT equal" in result.stdout


def test_lower_takes_a_file_of_ml_operators_to_a_target(run, files, tmp_path):
    run("export", files.skops, "--sample", files.sample, "-o", tmp_path / "cpu.onnx", "--target", "cpu")

    result = run("lower", tmp_path / "cpu.onnx", "-o", tmp_path / "cuda.onnx", "--target", "cuda")

    assert result.exit_code == 0, result.output
    lowered = onnx.load(tmp_path / "cuda.onnx")
    assert {n.domain for n in lowered.graph.node} == {""}
    assert get_metadata(lowered).target == "cuda"


def test_lower_refuses_what_is_no_model(run, files, tmp_path):
    result = run("lower", files.csv, "-o", tmp_path / "m.onnx", "--target", "cuda")

    assert result.exit_code == 2
    assert "is no ONNX model" in result.stderr
    assert list(tmp_path.iterdir()) == []
