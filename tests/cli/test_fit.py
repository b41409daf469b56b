"""`bridge fit`: from an estimator and tables in files to a trained estimator in a file."""

from __future__ import annotations

import sqlite3

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops import io

import bridge.stream
from bridge.data.sources import Files

ROWS = 20_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    table["code"] = np.where(table["a"] + 0.3 * rng.normal(size=ROWS) > 0, "01", "1")
    table.to_csv(folder / "train.csv", index=False)
    table[:300].drop(columns="code").to_csv(folder / "sample.csv", index=False)
    with sqlite3.connect(folder / "train.db") as connection:
        table.to_sql("rows", connection, index=False)
    connection.close()
    pipeline = make_pipeline(StandardScaler(), SGDClassifier(random_state=0))
    io.dump(pipeline, folder / "untrained.skops")
    joblib.dump(MiniBatchKMeans(3, random_state=0), folder / "clusters.joblib")
    io.dump(LogisticRegression(), folder / "logistic.skops")
    expected = bridge.stream.fit(
        pipeline, Files(folder / "train.csv", text=("code",)), target="code", chunk_rows=100, epochs=2, progress=False
    )
    return folder, expected


def arguments(folder, output):
    train = ["fit", folder / "untrained.skops", folder / "train.csv", "--target", "code", "--text", "code"]
    return [*train, "--chunk-rows", 100, "--epochs", 2, "-o", output]


@pytest.mark.parametrize("suffix", ["skops", "joblib"])
def test_fit_writes_the_trained_estimator_which_export_takes(run, folder, tmp_path, suffix):
    folder, expected = folder
    output = tmp_path / f"fitted.{suffix}"

    told = run(*arguments(folder, output), "--checkpoint", tmp_path / "state")
    exported = run("export", output, "--sample", folder / "sample.csv", "-o", tmp_path / "m.onnx", "--trust")

    found = joblib.load(output) if suffix == "joblib" else io.load(output, trusted=io.get_untrusted_types(file=output))
    assert told.exit_code == exported.exit_code == 0
    assert told.stdout == f"{output}: Pipeline\n"
    assert found[-1].classes_.tolist() == ["01", "1"]
    assert found[-1].coef_.tobytes() == expected[-1].coef_.tobytes()
    assert not (tmp_path / "state").exists()


def test_fit_reads_a_query_and_named_features_without_a_target(run, folder, tmp_path):
    folder, _ = folder
    output = tmp_path / "fitted.joblib"

    query = ["--sql", "select * from rows order by rowid", "--feature", "c", "--feature", "a", "--trust"]
    found = run("fit", folder / "clusters.joblib", folder / "train.db", *query, "-o", output)

    assert found.exit_code == 0
    assert joblib.load(output).feature_names_in_.tolist() == ["c", "a"]


@pytest.mark.parametrize(
    ("estimator", "output", "message"),
    [
        ("untrained.skops", "out.pkl", "out.pkl has the suffix '.pkl'; expected one of .skops, .joblib"),
        ("untrained.skops", "no/out.skops", "does not exist"),
        ("logistic.skops", "out.skops", 'Use SGDClassifier(loss="log_loss")'),
        ("clusters.joblib", "out.skops", "add --trust"),
    ],
)
def test_fit_refuses_in_words(run, folder, tmp_path, estimator, output, message):
    folder, _ = folder

    found = run("fit", folder / estimator, folder / "train.csv", "--target", "code", "-o", tmp_path / output)

    assert found.exit_code == 2
    assert message in found.stderr
    assert list(tmp_path.iterdir()) == []


def test_interrupt_is_130_and_the_same_command_goes_on(folder, tmp_path, interrupt_and_repeat):
    folder, expected = folder
    output, state = tmp_path / "fitted.joblib", tmp_path / "state"

    code, stderr, left = interrupt_and_repeat([*arguments(folder, output), "--checkpoint", state], state)

    assert code == 130
    assert "Traceback" not in stderr
    assert f"the same command goes on from {state}\ninterrupted\n" in stderr
    assert left == {"state"}
    assert joblib.load(output)[-1].coef_.tobytes() == expected[-1].coef_.tobytes()
