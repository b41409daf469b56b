"""A scoring that was stopped goes on from its finished parts, and the files have the same bytes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

import bridge
import bridge.stream
from bridge.data import csv_rows
from bridge.errors import ArtifactError, InputError
from bridge.stream import identity
from bridge.stream.parts import IDENTITY

ROWS, CHUNK = 300, 20


class StoppedError(Exception):
    """Ends a scoring from within its source."""


@pytest.fixture(scope="module")
def table():
    found = pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 2)), columns=["a", "b"])
    found.insert(0, "id", [f"r{i}" for i in range(ROWS)])
    found.loc[[3, 17, 100, 222, 299], "b"] = np.nan
    return found


@pytest.fixture(scope="module")
def model(table, tmp_path_factory):
    file = tmp_path_factory.mktemp("resume") / "m.onnx"
    good = table.dropna()[["a", "b"]]
    bridge.export(LinearRegression().fit(good, good["a"]), good, file, target="cpu")
    return file


def stopping(table, chunks):
    """Return a function that returns frames, and stops after so many chunks."""

    def frames():
        for start in range(0, len(table), CHUNK):
            if start >= chunks * CHUNK:
                raise StoppedError
            yield table[start : start + CHUNK]

    return frames


def score(model, source, folder, sink="out.parquet", **options):
    given = {"columns": ["id"], "chunk_rows": CHUNK, "bad_rows": folder / "bad.csv", "resume": True, "progress": False}
    return bridge.stream.score(model, source, folder / sink, **(given | options))


def stop(model, table, folder, chunks=6, **options):
    with pytest.raises(StoppedError):
        score(model, stopping(table, chunks), folder, **options)


@pytest.mark.parametrize("sink", ["out.csv", "out.parquet", "out.arrow"])
def test_scoring_stopped_again_and_again_gives_the_same_bytes(sink, model, table, tmp_path):
    (tmp_path / "whole").mkdir()
    score(model, stopping(table, 99), tmp_path / "whole", sink, resume=False)

    for chunks in (0, 1, 4, 4, 9, 15):
        if chunks < 15:
            stop(model, table, tmp_path, chunks, sink=sink)
            assert not (tmp_path / sink).exists()
            assert len(list((tmp_path / f"{sink}.parts").glob("*.arrow"))) >= max(0, chunks - 3)
    scored = score(model, stopping(table, 99), tmp_path, sink)

    assert (scored.rows, scored.bad_rows) == (ROWS - 5, 5)
    for name in (sink, "bad.csv"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert {p.name for p in tmp_path.iterdir()} == {sink, "bad.csv", "whole"}


def test_scoring_killed_at_random_moments_gives_the_same_bytes():
    run = [sys.executable, "-m", "tests.stream.kills", "--kills", "4", "--of", "scoring"]

    found = subprocess.run(run, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("killed 4 times") == 3, found.stdout


def test_kept_parts_are_not_asked_again(model, table, tmp_path, monkeypatch):
    stop(model, table.fillna(0), tmp_path)
    kept = len(list((tmp_path / "out.parquet.parts").glob("*.arrow")))
    asked = []
    predictor = bridge.load(model)
    predict = predictor.predict
    monkeypatch.setattr(predictor, "predict", lambda rows: asked.append(len(rows)) or predict(rows))

    score(predictor, stopping(table.fillna(0), 99), tmp_path)

    assert kept >= 3
    assert asked.count(CHUNK) == ROWS // CHUNK - kept


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"columns": []}, "options"),
        ({"chunk_rows": 21}, "options"),
        ({"bad_rows": "stop"}, "options"),
        ({"model": "other"}, "model"),
        ({"versions": "other"}, "versions"),
    ],
)
def test_parts_of_another_scoring_are_refused(options, what, model, table, tmp_path, monkeypatch):
    stop(model, table, tmp_path)
    source, file = stopping(table, 99), model
    options = dict(options)
    if options.pop("versions", ""):
        monkeypatch.setattr(identity, "PACKAGES", ())
    if options.pop("model", ""):
        file = tmp_path / "other.onnx"
        forest = RandomForestRegressor(2, random_state=0).fit(table[["a", "b"]], table["a"])
        bridge.export(forest, table[["a", "b"]], file, target="cpu")

    with pytest.raises(InputError, match=rf"a scoring with other {what}\."):
        score(file, source, tmp_path, **options)


def test_source_with_other_rows_is_refused(model, table, tmp_path):
    stop(model, table, tmp_path)

    with pytest.raises(InputError, match="other rows than before, in part 0"):
        score(model, stopping(table[::-1], 99), tmp_path)


def test_source_that_has_become_shorter_is_refused(model, table, tmp_path):
    stop(model, table, tmp_path)

    with pytest.raises(InputError, match=r"the source ends after 2 chunks, but [3456] were answered before"):
        score(model, stopping(table[: 2 * CHUNK], 99), tmp_path)


def test_changed_file_is_refused(model, table, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_rows, "PIECE_BYTES", 1000)
    good = table.fillna(0)
    good.assign(b=[*good["b"][:-1], "text"]).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="line 301: column 'b' holds 'text'"):
        score(model, tmp_path / "t.csv", tmp_path, bad_rows="stop")
    good.to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(InputError, match=r"a scoring with other source\."):
        score(model, tmp_path / "t.csv", tmp_path, bad_rows="stop")


@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b[:40], lambda _: b""])
def test_damaged_part_is_named(damage, model, table, tmp_path):
    stop(model, table, tmp_path)
    part = tmp_path / "out.parquet.parts" / "000001.arrow"
    part.write_bytes(damage(part.read_bytes()))

    with pytest.raises(ArtifactError, match=r"000001\.arrow is damaged"):
        score(model, stopping(table, 99), tmp_path)


def test_folder_of_something_else_is_left_alone(model, table, tmp_path):
    (tmp_path / "out.parquet.parts").mkdir()
    (tmp_path / "out.parquet.parts" / "notes.txt").write_text("mine")

    with pytest.raises(ArtifactError, match="no folder of finished parts"):
        score(model, table, tmp_path)

    assert (tmp_path / "out.parquet.parts" / "notes.txt").read_text() == "mine"


def test_file_in_the_place_of_the_folder_is_left_alone(model, table, tmp_path):
    (tmp_path / "out.parquet.parts").write_text("mine")

    with pytest.raises(ArtifactError, match="no folder of finished parts"):
        score(model, table, tmp_path)

    assert (tmp_path / "out.parquet.parts").read_text() == "mine"


def test_file_of_somebody_else_stays_in_the_folder(model, table, tmp_path):
    stop(model, table, tmp_path)
    (tmp_path / "out.parquet.parts" / ".DS_Store").write_text("mine")

    score(model, stopping(table, 99), tmp_path)

    assert [p.name for p in (tmp_path / "out.parquet.parts").iterdir()] == [".DS_Store"]


def test_damaged_identity_is_named(model, table, tmp_path):
    stop(model, table, tmp_path)
    (tmp_path / "out.parquet.parts" / IDENTITY).write_text("{")

    with pytest.raises(ArtifactError, match=r"identity\.json is damaged"):
        score(model, stopping(table, 99), tmp_path)


def test_disk_that_is_full_of_parts_is_said(model, table, tmp_path, monkeypatch):
    @contextmanager
    def full(*_args):
        raise OSError(28, "No space left on device")
        yield

    monkeypatch.setattr(pa.ipc, "new_file", full)

    with pytest.raises(ArtifactError, match=r"000000\.arrow cannot be written: No space left"):
        score(model, table, tmp_path, "out.csv")


def test_full_disk_is_said_and_leaves_the_old_file(model, table, tmp_path):
    """A limit on the size of files stands for the disk: SIGXFSZ is ignored, and writing fails."""
    code = (
        "import resource, signal, sys, bridge.stream\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))\n"
        "bridge.stream.score(sys.argv[1], sys.argv[2], sys.argv[3], columns=['id'], progress=False)\n"
    )
    pd.concat([table.fillna(0)] * 30).to_csv(tmp_path / "t.csv", index=False)

    for name in ("out.csv", "out.parquet", "out.arrow"):
        (tmp_path / name).write_text("as before")
        command = [sys.executable, "-c", code, str(model), str(tmp_path / "t.csv"), str(tmp_path / name)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)

        told = f"bridge.errors.ArtifactError: {tmp_path / name} cannot be written: File too large."
        assert found.stderr.strip().splitlines()[-1].startswith(told)
        assert (tmp_path / name).read_text() == "as before"
    assert {p.name for p in tmp_path.iterdir()} == {"t.csv", "out.csv", "out.parquet", "out.arrow"}
