"""A file is there whole or not at all."""

import os

import pytest

from bridge.data.beside import written_beside
from bridge.errors import ArtifactError


def test_file_appears_with_its_suffix_and_the_usual_rights(tmp_path):
    with written_beside(tmp_path / "model.onnx") as beside:
        assert beside.parent == tmp_path
        assert beside.suffix == ".onnx"
        beside.write_bytes(b"whole")
    assert [f.name for f in tmp_path.iterdir()] == ["model.onnx"]
    assert (tmp_path / "model.onnx").stat().st_mode & 0o077


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["disk full", "Ctrl-C"])
def test_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def fail_halfway():
        with written_beside(path) as beside:
            beside.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        fail_halfway()
    assert path.read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["model.onnx"]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"the folder .*nowhere does not exist\. Create it first"):
        written_beside(tmp_path / "nowhere" / "model.onnx").__enter__()


def test_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="is a folder; expected the name of a file"):
        written_beside(tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_in_place_of_a_file_is_named_and_left(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ArtifactError, match="is a device or a pipe; expected the name of a file"):
        written_beside(pipe).__enter__()
    assert pipe.is_fifo()
