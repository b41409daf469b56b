"""Work on text that no codes can stand for: first in a graph for CUDA, kept for the CPU, refused for any runtime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import bridge
from bridge.errors import LoweringError
from bridge.summary import summarize
from tests.passes.judge import assert_same, run

ML = "ai.onnx.ml"
TEXT = {"Reshape", "StringNormalizer", "Tokenizer", "Flatten", "TfIdfVectorizer"}
FEEDS = {
    "X": np.array([[1.0, -2.0], [0.5, 3.0], [-1.0, 0.0]], np.float32),
    "T": np.array([["A dog"], ["the cat"], ["dog cat dog"]], object),
}


def text_model():
    """Return a model that scales numbers, counts words, and joins both; the numbers come first."""
    words = dict.fromkeys(("max_gram_length", "min_gram_length"), 1) | {"max_skip_count": 0, "mode": "TF"}
    tables = {"ngram_counts": [0], "ngram_indexes": [0, 1], "pool_strings": ["cat", "dog"]}
    lower_case = {"case_change_action": "LOWER", "locale": "C.UTF-8"}
    nodes = [
        helper.make_node("Scaler", ["X"], ["S"], name="scale", domain=ML, offset=[1.0, 0.0], scale=[2.0, 0.5]),
        helper.make_node("Reshape", ["T", "long"], ["R"], name="as_vector"),
        helper.make_node("StringNormalizer", ["R"], ["N"], name="lower_case", **lower_case),
        helper.make_node("Exp", ["S"], ["E"], name="exponential"),
        helper.make_node(
            "Tokenizer", ["N"], ["W"], name="words", domain="com.microsoft",
            mark=0, mincharnum=1, pad_value="#", separators=[" "],
        ),
        helper.make_node("Flatten", ["W"], ["F"], name="flat"),
        helper.make_node("TfIdfVectorizer", ["F"], ["C"], name="count", **words, **tables),
        helper.make_node("Concat", ["E", "C"], ["Y"], name="join", axis=1),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 2]),
            helper.make_tensor_value_info("T", TensorProto.STRING, [None, 1]),
        ],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 4])],
        [onnx.numpy_helper.from_array(np.array([-1]), "long")],
    )
    opsets = [helper.make_opsetid(*o) for o in (("", 13), (ML, 1), ("com.microsoft", 1))]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


def test_work_on_text_comes_first_for_cuda_and_answers_stay():
    model = text_model()

    lowered = bridge.lower(model, target="cuda")

    names = [n.op_type for n in lowered.graph.node]
    assert names == [
        "Reshape",
        "StringNormalizer",
        "Tokenizer",
        "Flatten",
        "TfIdfVectorizer",
        "Sub",
        "Mul",
        "Exp",
        "Concat",
    ]
    assert_same(run(lowered, FEEDS), run(model, FEEDS))


def test_work_on_text_is_listed_by_name_as_host_work():
    work = summarize(bridge.lower(text_model(), target="cuda")).host_work

    assert work == (
        "operators on text, by onnxruntime on the CPU: Flatten, Reshape, StringNormalizer, TfIdfVectorizer, Tokenizer",
    )


def test_work_on_text_is_refused_by_name_for_any_runtime():
    with pytest.raises(LoweringError) as caught:
        bridge.lower(text_model(), target="portable")

    reason = "StringNormalizer works on the characters of text, which codes do not have"
    tokenizer = "Tokenizer works on the characters of text, which codes do not have"
    assert caught.value.leftovers == (
        f"as_vector (Reshape): {reason}",
        f"lower_case (StringNormalizer): {reason}",
        f"words (com.microsoft::Tokenizer): {tokenizer}",
        f"flat (Flatten): {tokenizer}",
        f"count (TfIdfVectorizer): {tokenizer}",
    )


def test_work_on_text_is_kept_for_the_cpu():
    lowered = bridge.lower(text_model(), target="cpu")

    assert {n.op_type for n in lowered.graph.node} >= TEXT
    assert_same(run(lowered, FEEDS), run(text_model(), FEEDS))


def test_encoder_of_normalized_text_stays_on_the_host():
    model = text_model()
    del model.graph.node[4:]
    model.graph.node.append(
        helper.make_node("LabelEncoder", ["N"], ["Y"], domain=ML, keys_strings=["a dog"], values_floats=[4.0])
    )
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None]))
    model.opset_import[1].version = 2

    lowered = bridge.lower(model, target="cuda")

    assert [n.op_type for n in lowered.graph.node] == ["Reshape", "StringNormalizer", "LabelEncoder"]
    assert_same(run(lowered, FEEDS), run(model, FEEDS))


def test_numbers_written_as_text_are_the_hosts_work_too():
    node = helper.make_node("Cast", ["X"], ["Y"], name="write", to=TensorProto.STRING)
    kinds = {"X": TensorProto.INT64, "Y": TensorProto.STRING}
    infos = [helper.make_tensor_value_info(name, kind, [None, 2]) for name, kind in kinds.items()]
    model = helper.make_model(
        helper.make_graph([node], "g", infos[:1], infos[1:]), opset_imports=[helper.make_opsetid("", 13)], ir_version=7
    )

    assert [n.op_type for n in bridge.lower(model, target="cuda").graph.node] == ["Cast"]
    with pytest.raises(LoweringError, match="write \\(Cast\\): Cast writes numbers as text, which codes cannot hold"):
        bridge.lower(model, target="portable")


def test_counting_of_whole_numbers_is_the_hosts_work():
    tables = {"ngram_counts": [0], "ngram_indexes": [0, 1], "pool_int64s": [3, 5]}
    node = helper.make_node(
        "TfIdfVectorizer", ["X"], ["Y"], mode="TF", min_gram_length=1, max_gram_length=1, max_skip_count=0, **tables
    )
    infos = [helper.make_tensor_value_info("X", TensorProto.INT64, [None, 2])]
    out = [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 2])]
    model = helper.make_model(
        helper.make_graph([node], "g", infos, out), opset_imports=[helper.make_opsetid("", 13)], ir_version=7
    )

    assert [n.op_type for n in bridge.lower(model, target="cuda").graph.node] == ["TfIdfVectorizer"]


def test_order_of_a_graph_without_text_stays():
    model = text_model()
    del model.graph.node[4:], model.graph.node[1:3], model.graph.input[1]
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("E", TensorProto.FLOAT, [None, 2]))
    onnx.checker.check_model(model)

    assert [n.op_type for n in bridge.lower(model, target="cuda").graph.node] == ["Sub", "Mul", "Exp"]


def test_encoder_of_what_no_schema_types_is_refused_and_does_not_crash():
    model = text_model()
    del model.graph.node[1:]
    model.graph.node.extend(
        [
            helper.make_node("Mystery", ["T"], ["M"], name="odd", domain="far.away"),
            helper.make_node("LabelEncoder", ["M"], ["Y"], domain=ML, keys_strings=["a"], values_floats=[4.0]),
        ]
    )
    model.opset_import[1].version = 2
    model.opset_import.add(domain="far.away", version=1)

    with pytest.raises(LoweringError, match="LabelEncoder"):
        bridge.lower(model, target="portable")
    assert summarize(model).nodes == 3
