from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, PowerTransformer

import bridge


def test_inspect_tells_inputs_methods_operators_and_places(run, files):
    text = run("inspect", files.model).stdout

    assert "target     cuda, precision exact" in text
    assert "code    text     int64 (rows, 1)    3 known, others refused" in text
    assert "<U3 (rows,): 'no', 'yes'" in text
    assert "300 rows, 0 differ" in text
    assert "LessOrEqual" in text
    assert "on the host: text to codes, by the predictor: code" in text
    assert "on the host: codes to label names, by the predictor: predict" in text


def test_what_is_left_out_and_what_is_refused_is_told(run, tmp_path):
    rows = np.random.default_rng(0).uniform(1, 2, (50, 3))
    machine = make_pipeline(PowerTransformer("box-cox", standardize=False), MinMaxScaler(), BernoulliRBM(2)).fit(rows)
    bridge.export(machine, rows, tmp_path / "m.onnx", methods=None)

    text = run("inspect", tmp_path / "m.onnx").stdout

    assert "score_samples" in text
    assert "left out: it flips a random unit" in text
    assert "PowerTransformer(method='box-cox') takes numbers above 0" in text.replace("\n", " ")


def test_every_node_of_a_cuda_file_is_said_to_run_on_cuda(run, files):
    nodes = len(onnx.load(files.model).graph.node)

    assert f"With a GPU, nodes: {nodes} on CUDA\n" in run("inspect", files.model).stdout


def test_ml_operators_are_said_to_run_on_the_cpu(run, files, tmp_path):
    bridge.export(files.pipeline, files.table, tmp_path / "m.onnx", target="cpu", check=False)

    lines = run("inspect", tmp_path / "m.onnx").stdout.splitlines()

    assert any(line.split()[:2] == ["ai.onnx.ml", "TreeEnsemble"] and line.rstrip().endswith("CPU") for line in lines)


def test_output_fits_eighty_columns(run, files):
    assert max(map(len, run("inspect", files.model).stdout.splitlines())) <= 80


def test_plain_model_is_described(run, tmp_path):
    onnx.save(_plain_model(), tmp_path / "plain.onnx")

    result = run("inspect", tmp_path / "plain.onnx")

    assert result.exit_code == 0, result.output
    assert "no bridge metadata" in result.stdout
    assert "1 on CUDA, 1 on the CPU, 1 not measured" in result.stdout


def test_outputs_without_a_method_are_listed(run, tmp_path):
    text = helper.make_tensor_value_info("Town.output", TensorProto.STRING, [None, 1])
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    )
    model = _plain_model()
    model.producer_name = "ML.NET"
    model.graph.output.extend([text, helper.make_value_info("Maps", maps)])
    onnx.save(model, tmp_path / "plain.onnx")

    shown = run("inspect", tmp_path / "plain.onnx").stdout

    assert "estimator  a model of ML.NET\n" in shown
    assert "\nOutputs without a method" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith(("Town", "Maps"))] == [
        ["Town.output", "text", "(rows,", "1)"],
        ["Maps", "a", "list", "of", "maps"],
    ]


def test_function_of_a_forest_is_shown_by_itself(run, files, tmp_path):
    bridge.export(files.pipeline, files.table, tmp_path / "m.onnx", target="cuda", strategy="forest", check=False)

    text = run("inspect", tmp_path / "m.onnx").stdout

    main, _, function = text.partition("\nFunction bridge::Forest: ")
    forest = next(line.split() for line in main.splitlines() if line.startswith("bridge "))
    assert forest[:2] + forest[3:] == ["bridge", "Forest", "1", "CUDA"]
    rows = [line.split() for line in function.splitlines() if line.startswith("ai.onnx ")]
    assert ["ai.onnx", "Gather", "f64", "2", "CUDA"] in rows
    assert {row[-1] for row in rows} == {"CUDA"}
    assert "to depth" in main
    assert "on a GPU, nodes" not in main
    assert "by its function about" in main
    assert "bridge::Forest on a CPU here: " in text
    assert max(map(len, text.splitlines())) <= 80


def test_functions_are_counted_as_their_first_call_types_them(run, tmp_path):
    model = _plain_model()
    inner = helper.make_function(
        "own", "Inner", ["a"], ["b"], [helper.make_node("BitwiseAnd", ["a", "a"], ["b"])], [helper.make_opsetid("", 18)]
    )
    outer = helper.make_function(
        "own",
        "Outer",
        ["a"],
        ["b"],
        [helper.make_node("Inner", ["a"], ["b"], domain="own")],
        [helper.make_opsetid("own", 1), helper.make_opsetid("", 18)],
    )
    idle = helper.make_function(
        "own", "Idle", ["a"], ["b"], [helper.make_node("Abs", ["a"], ["b"])], outer.opset_import
    )
    model.functions.extend([inner, outer, idle])
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node[1].op_type, model.graph.node[1].domain = "Outer", "own"
    del model.graph.node[1].input[1]
    onnx.save(model, tmp_path / "functions.onnx")

    text = run("inspect", tmp_path / "functions.onnx").stdout

    shown = [line.split() for line in text.splitlines() if line.startswith(("ai.onnx", "own", "Function"))]
    assert ["own", "Outer", "i32", "1", "CPU"] in shown
    assert ["own", "Inner", "i32", "1", "CPU"] in shown
    assert ["ai.onnx", "BitwiseAnd", "i32", "1", "CPU"] in shown
    assert "Idle" not in text


def test_truncated_file_is_a_clear_error(run, files, tmp_path):
    (tmp_path / "half.onnx").write_bytes(files.model.read_bytes()[:1000])

    result = run("inspect", tmp_path / "half.onnx")

    assert result.exit_code == 2
    assert "no ONNX model, or it is truncated" in result.stderr


def _plain_model():
    nodes = [
        helper.make_node("Add", ["X", "X"], ["two"]),
        helper.make_node("BitwiseAnd", ["codes", "codes"], ["same"]),
        helper.make_node("Mystery", ["two"], ["variable"], domain="far.away"),
    ]
    return helper.make_model(
        helper.make_graph(
            nodes,
            "plain",
            [
                helper.make_tensor_value_info("X", TensorProto.FLOAT, ["batch", 2]),
                helper.make_tensor_value_info("codes", TensorProto.INT32, ["batch", 1]),
            ],
            [
                helper.make_tensor_value_info("variable", TensorProto.FLOAT, ["batch", 2]),
                helper.make_tensor_value_info("same", TensorProto.INT32, ["batch", 1]),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("far.away", 1)],
    )


def test_tier_of_a_core_file_and_its_rows_are_told(run, files, tmp_path):
    options = [
        "--sample",
        files.sample,
        "-o",
        tmp_path / "m.onnx",
        "--opset",
        15,
        "--ir-version",
        9,
        "--batch-size",
        64,
    ]
    assert run("export", files.skops, *options).exit_code == 0

    lines = run("inspect", tmp_path / "m.onnx").stdout.splitlines()

    assert "rows       64 a run, written into the file" in lines
    assert "portable   tier 1: what every measured runtime computes alike" in lines
    assert any(line.startswith("file") and line.endswith("IR 9, ai.onnx 15") for line in lines)
    assert max(map(len, lines)) <= 80


def test_what_is_beyond_the_core_is_told(run, files):
    text = " ".join(run("inspect", files.model).stdout.split())

    assert "portable tier 2, not in every measured runtime: " in text
    assert "values of double" in text
    assert "a run, written into the file" not in text


def test_the_forms_of_trees_are_told(run, tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 4))
    forest = GradientBoostingRegressor(n_estimators=100, max_depth=5, random_state=0).fit(X, X[:, 0] * X[:, 1])
    for target, form in (
        ("portable", "100 trees to depth 5: traverse, about 1.6 us a row on"),
        ("cpu", "TreeEnsemble"),
    ):
        path = tmp_path / f"{target}.onnx"
        bridge.export(forest, X, path, target=target)
        assert form in run("inspect", path).stdout


def test_operators_in_branches_are_typed(run, tmp_path):
    X = np.random.default_rng(0).normal(size=(200, 3))
    forest = GradientBoostingRegressor(n_estimators=100, max_depth=5, random_state=0).fit(X, X[:, 0])
    bridge.export(forest, X, tmp_path / "both.onnx", target="cpu")

    shown = run("inspect", tmp_path / "both.onnx").stdout

    assert "If" in shown
    assert "TreeEnsemble below" in shown
    assert "?" not in shown
    assert "not measured" not in shown


def test_text_that_the_predictor_takes_apart_is_named(run, tmp_path):
    texts = ["late again", "on time"] * 4
    pipe = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(texts, [1, 0] * 4)
    bridge.export(pipe, texts, tmp_path / "m.onnx")

    result = run("inspect", tmp_path / "m.onnx")

    assert result.exit_code == 0, result.output
    assert "int64 (rows, any)" in result.output
    assert "X.counts" in result.output
    work = "on the host: text to counts of terms, by the predictor: X (runs of 1 to 2 words, lower case)"
    assert " ".join(result.output.split()).count(work) == 1
