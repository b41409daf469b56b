from __future__ import annotations

import onnx
from onnx import TensorProto, helper
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


def test_lower_makes_a_portable_file_unless_told_otherwise(run, files, tmp_path):
    assert run("lower", files.model, "-o", tmp_path / "new.onnx").exit_code == 0
    assert get_metadata(onnx.load(tmp_path / "new.onnx")).target == "portable"


def test_an_output_that_repeats_text_is_said_to_be_gone(run, tmp_path):
    onnx.save(_text_and_number(), tmp_path / "old.onnx")

    result = run("lower", tmp_path / "old.onnx", "-o", tmp_path / "new.onnx", "--target", "portable")

    assert result.exit_code == 0, result.output
    assert result.stderr == "no output any more: town.output, which repeated the text of input town\n"
    shown = run("inspect", tmp_path / "new.onnx").stdout
    assert "on the host: outputs that repeat a text input, by the caller: town.output of \ntown\n" in shown


def test_lower_refuses_what_is_no_model(run, files, tmp_path):
    result = run("lower", files.csv, "-o", tmp_path / "m.onnx", "--target", "cuda")

    assert result.exit_code == 2
    assert "is no ONNX model" in result.stderr
    assert list(tmp_path.iterdir()) == []


def _text_and_number():
    kinds = {"town": TensorProto.STRING, "size": TensorProto.FLOAT}
    return helper.make_model(
        helper.make_graph(
            [helper.make_node("Identity", [name], [f"{name}.output"]) for name in kinds],
            "g",
            [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in kinds.items()],
            [helper.make_tensor_value_info(f"{name}.output", kind, [None, 1]) for name, kind in kinds.items()],
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=7,
    )


def test_lower_writes_the_form_that_is_asked_for(run, files, tmp_path):
    run("export", files.skops, "--sample", files.sample, "-o", tmp_path / "cpu.onnx", "--target", "cpu")
    form = ["--opset", 17, "--ir-version", 8, "--batch-size", 2]

    result = run("lower", tmp_path / "cpu.onnx", "-o", tmp_path / "p.onnx", "--target", "portable", *form)

    assert result.exit_code == 0, result.output
    lowered = onnx.load(tmp_path / "p.onnx")
    assert (lowered.opset_import[0].version, lowered.ir_version) == (17, 8)
    assert {i.type.tensor_type.shape.dim[0].dim_value for i in lowered.graph.input} == {2}


def test_form_of_another_target_is_refused(run, files, tmp_path):
    result = run("lower", files.model, "-o", tmp_path / "m.onnx", "--target", "cuda", "--batch-size", 2)

    assert result.exit_code == 2
    assert "are for target 'portable'; found target 'cuda'" in result.stderr
