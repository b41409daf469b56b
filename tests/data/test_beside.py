from __future__ import annotations

import stat

import pytest

from bridge.data.beside import written_beside
from bridge.errors import ArtifactError


def test_file_appears_whole_under_its_name(tmp_path):
    with written_beside(tmp_path / "out.csv") as beside:
        beside.write_text("all of it")
        assert not (tmp_path / "out.csv").exists()

    assert (tmp_path / "out.csv").read_text() == "all of it"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_file_is_readable_as_any_new_file(tmp_path):
    (tmp_path / "plain.txt").touch()

    with written_beside(tmp_path / "out.txt"):
        pass

    modes = {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt])
def test_interruption_leaves_the_old_file_alone(tmp_path, interruption):
    (tmp_path / "out.csv").write_text("as before")

    def half_written():
        with written_beside(tmp_path / "out.csv") as beside:
            beside.write_text("half")
            raise interruption

    with pytest.raises(interruption):
        half_written()

    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "as before"


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="nowhere does not exist"), written_beside(tmp_path / "nowhere" / "out.csv"):
        pass


def test_folder_is_no_file(tmp_path):
    with pytest.raises(ArtifactError, match="is a folder"), written_beside(tmp_path):
        pass
