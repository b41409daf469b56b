"""A training that was stopped goes on from its checkpoint and ends with the same bits."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import FunctionTransformer

import bridge.stream
from bridge.data.sources import Files, Query
from bridge.errors import ArtifactError, InputError, UnsupportedError
from tests.stream.by_hand import contents
from tests.stream.cases import CASES, CHUNK, NUMBERS, PIPELINES, Case

pytestmark = pytest.mark.filterwarnings("ignore")
LEFT = {case.name: case for case in CASES} | PIPELINES


class StoppedError(Exception):
    """Ends a training from within its source."""


class Source:
    """A function that returns frames, and stops after so many."""

    def __init__(self, table):
        self.table, self.left = table, np.inf

    def __call__(self):
        for start in range(0, len(self.table), CHUNK):
            if self.left <= 0:
                raise StoppedError
            self.left -= 1
            yield self.table[start : start + CHUNK]


def fit(case, source, **options):
    given = {"target": case.target, "features": case.features, "chunk_rows": CHUNK, "progress": False}
    return bridge.stream.fit(case.estimator, source, **(given | options))


@pytest.mark.parametrize("name", LEFT)
def test_training_stopped_after_each_chunk_ends_with_the_same_bits(name, table, tmp_path):
    case, source, file = LEFT[name], Source(table), tmp_path / "state"
    np.random.seed(7)  # noqa: NPY002
    expected = fit(case, source, epochs=2, shuffle=True)
    stops = 0
    np.random.seed(7)  # noqa: NPY002

    for blocks in [3] * 6 + [4] * 6 + [9] * 4 + [12] * 2:
        source.left = blocks
        try:
            fit(case, source, epochs=2, shuffle=True, checkpoint=file)
        except StoppedError:
            stops += 1
            np.random.seed(stops)  # noqa: NPY002
    source.left = np.inf
    found = fit(case, source, epochs=2, shuffle=True, checkpoint=file)

    assert stops >= 12
    assert contents(found) == contents(expected)


def test_training_killed_at_random_moments_ends_with_the_same_bits():
    run = [sys.executable, "-m", "tests.stream.kills", "--kills", "10", "--of", "training"]

    found = subprocess.run(run, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stdout + found.stderr
    assert "killed 10 times" in found.stdout


CASE = Case(SGDClassifier(random_state=0), NUMBERS, "label")


@pytest.fixture
def stopped(csv, tmp_path):
    """Return a checkpoint of a training of `CASE` on the CSV file."""
    file = tmp_path / "state"
    fit(CASE, csv, checkpoint=file)
    return file


def test_finished_checkpoint_gives_the_result_without_reading(csv, stopped, monkeypatch):
    expected = contents(fit(CASE, csv))
    monkeypatch.setattr(Files, "blocks", None)

    assert contents(fit(CASE, csv, checkpoint=stopped)) == expected


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"epochs": 2}, "parameters"),
        ({"chunk_rows": 99}, "parameters"),
        ({"features": NUMBERS[:2]}, "parameters"),
        ({"classes": ["high", "low", "mid"]}, "parameters"),
    ],
)
def test_checkpoint_with_other_parameters_is_refused(csv, stopped, options, what):
    with pytest.raises(InputError, match=rf"a training with other {what}\."):
        fit(CASE, csv, checkpoint=stopped, **options)


def test_checkpoint_of_another_estimator_is_refused(csv, stopped):
    with pytest.raises(InputError, match="a training with other estimator"):
        fit(Case(SGDClassifier(random_state=1), NUMBERS, "label"), csv, checkpoint=stopped)


def test_checkpoint_of_other_versions_is_refused(csv, stopped, monkeypatch):
    monkeypatch.setattr("sklearn.__version__", "0.1")

    with pytest.raises(InputError, match="a training with other versions"):
        fit(CASE, csv, checkpoint=stopped)


def test_checkpoint_of_another_file_is_refused(table, stopped, tmp_path):
    table[:500].to_csv(tmp_path / "table.csv", index=False)

    with pytest.raises(InputError, match="a training with other source"):
        fit(CASE, tmp_path / "table.csv", checkpoint=stopped)


def test_checkpoint_of_a_folder_whose_files_were_moved_is_refused(table, tmp_path):
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "b").mkdir()
    table.to_csv(source / "a" / "t.csv", index=False)
    fit(CASE, source, checkpoint=tmp_path / "state")
    (source / "a" / "t.csv").rename(source / "b" / "t.csv")

    with pytest.raises(InputError, match="a training with other source"):
        fit(CASE, source, checkpoint=tmp_path / "state")


def test_iterator_that_begins_with_other_rows_is_refused(table, tmp_path):
    source, other = Source(table), Source(table[::-1])
    source.left = 8
    with pytest.raises(StoppedError):
        fit(CASE, source, checkpoint=tmp_path / "state")

    with pytest.raises(InputError, match="begins with other rows"):
        fit(CASE, other, checkpoint=tmp_path / "state")


def test_iterator_that_has_become_shorter_is_refused(table, tmp_path):
    source, other = Source(table), Source(table[: 2 * CHUNK])
    source.left = 10
    with pytest.raises(StoppedError):
        fit(CASE, source, checkpoint=tmp_path / "state", classes=["high", "low", "mid"], epochs=2)

    with pytest.raises(InputError, match=r"ends after 2 chunks, but 3 were read before"):
        fit(CASE, other, checkpoint=tmp_path / "state", classes=["high", "low", "mid"], epochs=2)


def test_checkpoint_of_a_changed_database_is_refused(table, tmp_path):
    query = Query("select * from t order by rowid", tmp_path / "t.db")
    for rows in (table, table[:600]):
        with sqlite3.connect(tmp_path / "t.db") as connection:
            rows.to_sql("t", connection, index=False, if_exists="replace")
        connection.close()
        if rows is table:
            fit(CASE, query, checkpoint=tmp_path / "state")

    with pytest.raises(InputError, match="a training with other source"):
        fit(CASE, query, checkpoint=tmp_path / "state")


@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b[:40], lambda _: b"hello", lambda _: b""])
def test_damaged_checkpoint_is_refused(csv, stopped, damage):
    stopped.write_bytes(damage(stopped.read_bytes()))

    with pytest.raises(ArtifactError, match="no checkpoint of a training, or damaged"):
        fit(CASE, csv, checkpoint=stopped)


def test_leftovers_of_a_killed_process_are_removed(csv, tmp_path):
    (tmp_path / ".state.abc.part").write_text("half")

    fit(CASE, csv, checkpoint=tmp_path / "state")

    assert [p.name for p in tmp_path.iterdir()] == ["state"]


def test_checkpoint_in_no_folder_is_refused_before_training(csv, tmp_path):
    with pytest.raises(ArtifactError, match="does not exist"):
        fit(CASE, csv, checkpoint=tmp_path / "no" / "state")


def test_estimator_that_cannot_be_pickled_is_refused(csv):
    with pytest.raises(UnsupportedError, match="lambda"):
        fit(
            Case(
                PIPELINES["stateless"].estimator.__class__(
                    [("f", FunctionTransformer(lambda x: x)), ("s", CASE.estimator)]
                ),
                NUMBERS,
                "label",
            ),
            csv,
        )
