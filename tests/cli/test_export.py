from __future__ import annotations

import numpy as np
import onnx
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from skops import io

import bridge


class Doubler(TransformerMixin, BaseEstimator):
    def fit(self, _table, _target=None):
        self.n_features_in_ = 1
        return self

    def transform(self, table):
        return 2 * np.asarray(table)


def test_skops_file_is_exported_without_trust(run, files, tmp_path):
    result = run("export", files.skops, "--sample", files.sample, "-o", tmp_path / "m.onnx", "--target", "cpu")

    assert result.exit_code == 0, result.output
    assert "equal on 300 rows" in result.stdout
    assert (bridge.load(tmp_path / "m.onnx").predict(files.table) == files.pipeline.predict(files.table)).all()


def test_pickle_is_refused_without_trust(run, files, tmp_path):
    result = run("export", files.joblib, "--sample", files.sample, "-o", tmp_path / "m.onnx")

    assert result.exit_code == 2
    assert "pipe.joblib is a pickle" in result.stderr
    assert "--trust" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_pickle_is_exported_with_trust(run, files, tmp_path):
    result = run("export", files.joblib, "--sample", files.sample, "-o", tmp_path / "m.onnx", "--trust", "--no-check")

    assert result.exit_code == 0, result.output
    assert "not checked" in result.stdout


def test_unknown_types_in_a_skops_file_are_refused_by_name(run, files, tmp_path):
    io.dump(Doubler().fit(None), tmp_path / "own.skops")

    result = run("export", tmp_path / "own.skops", "--sample", files.sample, "-o", tmp_path / "m.onnx")

    assert result.exit_code == 2
    assert "Doubler" in result.stderr
    assert "--trust" in result.stderr


def test_step_without_converter_is_named(run, files, tmp_path):
    pipeline = make_pipeline(Doubler(), LinearRegression()).fit(files.table[["amount"]], files.table["count"])
    io.dump(pipeline, tmp_path / "own.skops")
    files.table[["amount"]].to_csv(tmp_path / "a.csv", index=False)

    result = run("export", tmp_path / "own.skops", "--sample", tmp_path / "a.csv", "-o", tmp_path / "m.onnx", "--trust")

    assert result.exit_code == 2
    assert "Doubler" in result.stderr
    assert "register_converter" in result.stderr
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("name", ["broken.skops", "broken.joblib", "broken.pkl"])
def test_damaged_estimator_file_is_a_clear_error(run, files, tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04nothing of the kind")

    result = run("export", tmp_path / name, "--sample", files.sample, "-o", tmp_path / "m.onnx", "--trust")

    assert result.exit_code == 2
    assert f"{name} cannot be read" in result.stderr


def test_estimator_file_of_unknown_kind_is_refused(run, files, tmp_path):
    result = run("export", files.csv, "--sample", files.sample, "-o", tmp_path / "m.onnx")

    assert result.exit_code == 2
    assert "no .skops, .joblib, .pkl or .pickle file" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--target", "tpu", "unknown target 'tpu'"),
        ("--precision", "int4", "unknown precision 'int4'"),
        ("--method", "score", "has no method score"),
        ("--sample", "nowhere.parquet", "nowhere.parquet: No such file"),
        ("--sample", "sample.xlsx", "expected one of .csv, .parquet"),
        ("-o", "no/such/folder/m.onnx", "folder no/such/folder does not exist"),
    ],
)
def test_bad_option_is_a_clear_error(run, files, tmp_path, option, value, message):
    options = {"--sample": files.sample, "-o": tmp_path / "m.onnx", option: value}

    result = run("export", files.skops, *(part for pair in options.items() for part in pair))

    assert result.exit_code == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_chosen_method_alone_is_exported(run, files, tmp_path):
    run("export", files.skops, "--sample", files.sample, "-o", tmp_path / "m.onnx", "--method", "predict_proba")

    assert [o.name for o in onnx.load(tmp_path / "m.onnx").graph.output] == ["predict_proba"]


def test_estimator_fitted_on_an_array_takes_a_file_by_position(run, files, tmp_path):
    numbers = files.table[["amount", "count"]]
    io.dump(LinearRegression().fit(numbers.to_numpy(), files.table["count"]), tmp_path / "linear.skops")
    numbers.to_csv(tmp_path / "numbers.csv", index=False)

    export = run("export", tmp_path / "linear.skops", "--sample", tmp_path / "numbers.csv", "-o", tmp_path / "m.onnx")
    verify = run("verify", tmp_path / "linear.skops", tmp_path / "m.onnx", tmp_path / "numbers.csv")

    assert export.exit_code == 0, export.output
    assert verify.exit_code == 0, verify.output
    assert [i.name for i in onnx.load(tmp_path / "m.onnx").graph.input] == ["X"]


def test_trees_are_exported_in_the_form_that_is_asked_for_and_brought_into_another(run, files, tmp_path):
    kept, other = tmp_path / "kept.onnx", tmp_path / "other.onnx"

    options = ["--sample", files.sample, "--target", "cuda", "--strategy", "forest"]
    export = run("export", files.skops, *options, "-o", kept)
    lower = run("lower", kept, "-o", other, "--strategy", "traverse", "--target", "cuda")
    refused = run("lower", kept, "-o", other, "--strategy", "forest")

    assert export.exit_code == 0, export.output
    assert "bridge" in {n.domain for n in onnx.load(kept).graph.node}
    assert lower.exit_code == 0, lower.output
    assert {n.domain for n in onnx.load(other).graph.node} == {""}
    assert run("verify", files.skops, other, files.csv).exit_code == 0
    assert refused.exit_code == 2
    assert "Use target 'cpu' or 'cuda', or another strategy." in refused.stderr
