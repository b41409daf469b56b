"""Files that are no model, or no whole one, are refused; a write is whole or leaves nothing."""

import copy
import json
import logging
from functools import partial

import numpy as np
import onnx
import pytest
from skl2onnx import to_onnx

import bridge
from bridge.artifact import FORMAT, read_model, write_model
from bridge.errors import ArtifactError, BridgeError, InputError
from bridge.opset import METADATA_KEY
from tests.bad_input.cases import ARRAY, fitted


@pytest.fixture(scope="module")
def model():
    return bridge.export(*fitted("pipeline"), target="cpu", methods=["predict", "predict_proba"], check=False)


@pytest.fixture(scope="module")
def plain():
    estimator, sample = fitted("forest")
    return to_onnx(estimator, sample[:1].astype(np.float32), options={"zipmap": False}, target_opset=17)


def metadata_of(model):
    return json.loads(next(p.value for p in model.metadata_props if p.key == METADATA_KEY))


def with_metadata(model, text):
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    del changed.metadata_props[:]
    if text is not None:
        changed.metadata_props.add(key=METADATA_KEY, value=text)
    return changed


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x00" * 100, b"{}", bytes(range(256))], ids=repr)
@pytest.mark.parametrize("call", [bridge.load, lambda p: bridge.lower(p, target="cpu")], ids=["load", "lower"])
def test_file_that_is_no_model_is_refused_with_its_name_and_size(tmp_path, content, call):
    path = tmp_path / "data.onnx"
    path.write_bytes(content)
    with pytest.raises(
        ArtifactError, match=rf"data\.onnx is no ONNX model, or it is truncated.*\({len(content)} bytes read\)"
    ):
        call(path)


@pytest.mark.parametrize("call", [bridge.load, lambda p: bridge.lower(p, target="cpu")], ids=["load", "lower"])
def test_folder_and_missing_file_are_named(tmp_path, call):
    with pytest.raises(ArtifactError, match=r"is a folder; expected an .onnx file"):
        call(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        call(tmp_path / "nowhere.onnx")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        call(str(tmp_path / "nowhere.onnx"))


def test_file_that_was_cut_off_anywhere_is_refused(tmp_path, model):
    whole = model.SerializeToString()
    path = tmp_path / "cut.onnx"
    for length in [*range(0, len(whole), 53), *range(len(whole) - 200, len(whole))]:
        path.write_bytes(whole[:length])
        with pytest.raises(ArtifactError, match="truncated"):
            bridge.load(path)


def test_file_that_was_cut_off_before_its_metadata_is_refused(tmp_path, model):
    path = tmp_path / "cut.onnx"
    path.write_bytes(with_metadata(model, None).SerializeToString())
    with pytest.raises(
        ArtifactError, match=r"bridge metadata is gone: the file is truncated, or .*\n.*Export the model again"
    ):
        bridge.load(path)


def test_flipped_bits_raise_nothing_but_bridge_s_own_errors(tmp_path, model):
    rng = np.random.default_rng(0)
    whole = np.frombuffer(model.SerializeToString(), np.uint8)
    path = tmp_path / "damaged.onnx"
    for _ in range(60):
        damaged = whole.copy()
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged.tobytes())
        try:
            bridge.load(path)
        except BridgeError:
            continue


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "3", '"text"', "{}", '{"format": 1}', '{"format": "new"}'], ids=repr
)
def test_metadata_that_is_damaged_is_refused(model, text):
    with pytest.raises(ArtifactError, match=r"bridge metadata is damaged \(.*\)\. Export the model again"):
        bridge.load(with_metadata(model, text))


def test_metadata_of_a_newer_format_is_refused_with_both(model):
    newer = {**metadata_of(model), "format": FORMAT + 1}
    message = rf"metadata of format {FORMAT + 1}; this bridge reads up to {FORMAT}\. Upgrade onnx-bridge"
    with pytest.raises(ArtifactError, match=message):
        bridge.load(with_metadata(model, json.dumps(newer)))


def test_each_damaged_field_of_the_metadata_is_refused(model):
    found = metadata_of(model)
    for path in (
        ("schema",),
        ("schema", "columns"),
        ("schema", "n_features"),
        ("schema", "feature_names"),
        ("schema", "columns", 0),
        ("schema", "columns", 0, "name"),
        ("schema", "columns", 0, "tensor"),
        ("schema", "columns", 0, "index"),
        ("schema", "columns", 4, "vocabulary"),
        ("methods",),
        ("methods", 0, "outputs"),
        ("methods", 0, "dtype"),
        ("methods", 0, "labels", 0, "values"),
        ("classes", 0, "dtype"),
        ("row_bytes",),
        ("kernel_row_bytes",),
        ("entry_bytes",),
        ("parity",),
    ):
        for value in ("no such thing", -1, None):
            damaged = copy.deepcopy(found)
            holder = damaged
            for key in path[:-1]:
                holder = holder[key]
            if isinstance(value, type(holder[path[-1]])) or (value is None and path[-1] == "feature_names"):
                continue
            holder[path[-1]] = value
            with pytest.raises(ArtifactError, match="metadata"):
                bridge.load(with_metadata(model, json.dumps(damaged)))


def test_library_that_is_none_of_frames_is_not_imported(model):
    found = metadata_of(model)
    found["methods"][0]["frame"] = {"library": "antigravity", "names": [], "dtypes": []}
    with pytest.raises(ArtifactError, match="a frame of 'antigravity'; expected one of pandas or polars"):
        bridge.load(with_metadata(model, json.dumps(found)))


@pytest.mark.parametrize("kind", ["input", "output"])
def test_graph_that_was_changed_after_the_export_is_refused(model, kind):
    found = metadata_of(model)
    if kind == "input":
        found["schema"]["columns"][0]["name"] = "Dist"
    else:
        found["methods"][0]["outputs"] = ["Predict"]
    with pytest.raises(ArtifactError, match=rf"the graph has no {kind} '\w+', which its bridge metadata names"):
        bridge.load(with_metadata(model, json.dumps(found)))


def test_model_that_onnxruntime_cannot_load_is_refused_with_its_reason(model):
    broken = onnx.ModelProto()
    broken.CopyFrom(model)
    broken.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ArtifactError, match=r"onnxruntime .* cannot load this model: .*NoSuchOperator"):
        bridge.load(broken)


def test_file_of_another_exporter_is_served_as_it_is_with_a_notice(tmp_path, plain, caplog):
    path = tmp_path / "plain.onnx"
    path.write_bytes(plain.SerializeToString())
    estimator, _ = fitted("forest")
    with caplog.at_level(logging.WARNING, logger="bridge"):
        predictor = bridge.load(path)
    (notice,) = [r.getMessage() for r in caplog.records]
    assert "no bridge metadata: serving it as a plain model with the methods predict, predict_proba" in notice
    rows = ARRAY.astype(np.float32)
    np.testing.assert_array_equal(predictor.predict(rows), estimator.predict(rows))
    np.testing.assert_allclose(predictor.predict_proba(rows), estimator.predict_proba(rows), atol=1e-6)
    assert not hasattr(predictor, "classes_")
    assert set(predictor.run(rows)) == {"label", "probabilities"}
    with pytest.raises(InputError, match="X has 2 features, but the model is expecting 3"):
        predictor.predict(rows[:, :2])
    with pytest.raises(InputError, match="beyond float32"):
        predictor.predict(ARRAY * 1e300)


@pytest.mark.parametrize(
    "write",
    [
        partial(bridge.export, None, None, check=True),
        partial(bridge.export, None, None, check=False),
        partial(bridge.lower, "missing.onnx"),
    ],
)
def test_folder_that_does_not_exist_is_named_before_the_work(tmp_path, write):
    for path in (tmp_path / "nowhere" / "model.onnx", tmp_path):
        with pytest.raises(
            ArtifactError, match=r"nowhere does not exist\. Create it first|is a folder; expected the name"
        ):
            write(path)
    assert list(tmp_path.iterdir()) == []


def test_write_that_fails_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path, model, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")

    def fail(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bridge.artifact.os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_model(model, path)
    assert path.read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["model.onnx"]


def test_written_file_is_the_model_and_nothing_lies_beside_it(tmp_path, model):
    path = tmp_path / "model.onnx"
    write_model(model, path)
    assert read_model(path) == model
    assert [f.name for f in tmp_path.iterdir()] == ["model.onnx"]


def test_file_of_two_gigabytes_is_refused(tmp_path, monkeypatch, model):
    monkeypatch.setattr("bridge.artifact.onnx.checker.MAXIMUM_PROTOBUF", 100)
    with pytest.raises(ArtifactError, match=r"the model has \d+ bytes, and one ONNX file holds at most 2 GB"):
        write_model(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []
