"""Models whose constants lie in a file of their own: read, lowered, written, served, and refused where data is gone."""

from __future__ import annotations

import pickle

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import RandomForestClassifier

import bridge
from bridge.errors import ArtifactError, InputError
from bridge.passes import data_file
from bridge.summary import summarize

ROWS = np.linspace(-2, 2, 40, dtype=np.float32).reshape(-1, 4)
WEIGHTS = np.arange(4 * 300, dtype=np.float32).reshape(4, 300) / 64


@pytest.fixture
def file(tmp_path):
    """A model file with a Scaler and a matrix product, whose matrix lies in weights.bin."""
    scaler = helper.make_node("Scaler", ["X"], ["S"], domain="ai.onnx.ml", offset=[1.0], scale=[2.0])
    product = helper.make_node("MatMul", ["S", "W"], ["Y"])
    graph = helper.make_graph(
        [scaler, product],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["N", 300])],
        [numpy_helper.from_array(WEIGHTS, "W")],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx.ml", 1)]
    path = tmp_path / "in" / "model.onnx"
    path.parent.mkdir()
    onnx.save(
        helper.make_model(graph, opset_imports=opsets, ir_version=7),
        path,
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    return path


def answers(path):
    return bridge.load(path).run(ROWS)["Y"]


@pytest.mark.parametrize("target", ["portable", "cuda", "cpu"])
def test_external_data_is_kept_external(file, tmp_path, target):
    out = tmp_path / "out.onnx"
    bridge.lower(file, out, target=target)
    (data,) = tmp_path.glob("out.onnx.*.data")
    assert WEIGHTS.tobytes() in data.read_bytes()
    assert out.stat().st_size < WEIGHTS.nbytes
    np.testing.assert_array_equal(answers(out), (ROWS - 1) * 2 @ WEIGHTS)
    np.testing.assert_array_equal(answers(out), answers(file))


def test_the_data_file_is_part_of_the_summary(file):
    assert summarize(onnx.load(file, load_external_data=False)).data_files == {"weights.bin": WEIGHTS.nbytes}


def test_without_a_path_the_result_holds_the_data(file):
    lowered = bridge.lower(file, target="portable")
    np.testing.assert_array_equal(bridge.load(lowered).run(ROWS)["Y"], answers(file))


def test_a_file_is_lowered_onto_itself_and_leaves_no_stale_data(file):
    expected = answers(file)
    for target in ("cpu", "portable"):
        bridge.lower(file, file, target=target)
        np.testing.assert_array_equal(answers(file), expected)
    assert len(list(file.parent.glob("model.onnx.*.data"))) == 1


def test_a_write_that_fails_leaves_the_old_model_and_its_data(file, monkeypatch):
    bridge.lower(file, file, target="portable")
    expected, before = answers(file), file.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bridge.artifact.os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        bridge.lower(file, file, target="portable", precision="float32", batch_size=2)
    assert file.read_bytes() == before
    np.testing.assert_array_equal(answers(file), expected)


def test_a_forest_too_large_for_one_file_is_exported_checked_and_served(tmp_path, monkeypatch):
    monkeypatch.setattr(data_file, "MOST_BYTES", 1000)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)).astype(np.float32)
    forest = RandomForestClassifier(5, random_state=0).fit(X, rng.integers(0, 3, 300))
    path = tmp_path / "forest.onnx"
    model = bridge.export(forest, X, path, target="cuda")
    assert {f.name.split(".")[-1] for f in tmp_path.iterdir()} == {"onnx", "data"}
    np.testing.assert_array_equal(bridge.load(path).predict_proba(X), forest.predict_proba(X))
    assert bridge.verify(forest, path, X).ok
    clone = pickle.loads(pickle.dumps(bridge.load(path)))
    np.testing.assert_array_equal(clone.predict(X), forest.predict(X))
    with pytest.raises(InputError, match=r"external data \(forest.onnx.*data\).*Pass the path"):
        bridge.load(model)
    with pytest.raises(InputError, match="Pass a path to write to"):
        bridge.export(forest, X, target="cuda")


def test_data_that_is_gone_or_cut_short_is_named(file):
    weights = file.parent / "weights.bin"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ArtifactError, match=r"'W' ends at byte 4800 of the file .*weights.bin, which has 4796"):
        bridge.lower(file, target="portable")
    weights.unlink()
    with pytest.raises(ArtifactError, match=r"constant 'W' is kept in the file .*weights.bin, which is missing"):
        bridge.lower(file, target="portable")
    with pytest.raises(ArtifactError, match="cannot load this model"):
        bridge.load(file)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"offset": "-8"}, "has the offset '-8' in its file, expected a number of bytes"),
        ({"length": "all"}, "has the length 'all' in its file, expected a number of bytes"),
        ({"length": "4"}, "has 4 bytes in the file .*weights.bin; its shape has 4800"),
        ({"length": "4804"}, "has 4804 bytes in the file .*weights.bin; its shape has 4800"),
        ({"location": "a\0b"}, "is kept in .*, which names no file"),
        ({"location": "a" * 5000}, "is kept in .*, which names no file"),
        ({"location": ""}, "is kept in the file .*, which is missing"),
    ],
)
def test_entries_that_no_data_has_are_named(file, entries, reason):
    model = onnx.load(file, load_external_data=False)
    (tensor,) = model.graph.initializer
    for key, value in entries.items():
        next(e for e in tensor.external_data if e.key == key).value = value
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactError, match=f"the constant 'W' {reason}"):
        bridge.lower(file, target="portable")


@pytest.mark.parametrize("elem_type", [TensorProto.UNDEFINED, 99])
def test_an_unknown_element_type_is_named(file, elem_type):
    model = onnx.load(file, load_external_data=False)
    model.graph.initializer[0].data_type = elem_type
    file.write_bytes(model.SerializeToString())
    for read in (bridge.lower, bridge.load, lambda path: summarize(onnx.load(path, load_external_data=False))):
        with pytest.raises(ArtifactError, match=f"'W' has the unknown element type {elem_type}"):
            read(file)


def test_text_in_a_data_file_is_refused(file):
    model = onnx.load(file, load_external_data=False)
    model.graph.initializer[0].data_type = TensorProto.STRING
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactError, match="'W' is text, which ONNX keeps in the model alone"):
        bridge.lower(file)


def test_data_with_other_names_is_refused(file):
    (file.parent / "copy").hardlink_to(file.parent / "weights.bin")
    with pytest.raises(ArtifactError, match=r"'W' is kept in .*weights.bin, which has other names \(hard links\)"):
        bridge.lower(file)


def test_data_outside_of_the_models_folder_is_refused(file):
    model = onnx.load(file, load_external_data=False)
    (file.parent.parent / "secret").write_bytes(bytes(4800))
    model.graph.initializer[0].external_data[0].value = "../secret"
    file.write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactError, match="outside of the folder of the model"):
        bridge.lower(file, target="portable")


def test_a_model_in_memory_whose_data_lies_in_a_file_is_refused(file):
    model = onnx.load(file, load_external_data=False)
    with pytest.raises(ArtifactError, match=r"kept in a file, 'weights.bin'.\nPass the path"):
        bridge.lower(model, target="portable")
