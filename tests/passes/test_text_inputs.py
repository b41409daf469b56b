from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bridge.errors import LoweringError
from bridge.passes.text_inputs import COPIES_KEY, LABELS_KEY, TEXT_INPUTS_KEY
from tests.passes.judge import assert_same, codes, edge_rows, labels_as_text, lower, metadata, op_types, run
from tests.passes.trees import LEAF, tables

INT64, FLOAT, STRING = TensorProto.INT64, TensorProto.FLOAT, TensorProto.STRING
ML = "ai.onnx.ml"
WORDS = np.array([["b"], ["a"], ["zzz"], [""], ["é"]], object)


def node(op_type, inputs, output="Y", **attributes):
    outputs = output if isinstance(output, list) else [output]
    domain = attributes.pop("domain", "")
    return helper.make_node(op_type, inputs, outputs, domain=domain, **attributes)


def model(nodes, outputs, *, inputs=("T",), constants=None, ml=4, main=13):
    infos = [
        helper.make_tensor_value_info(name, STRING if name.startswith("T") else FLOAT, [None, 1]) for name in inputs
    ]
    initializers = [
        onnx.helper.make_tensor(name, STRING, [len(texts)], [t.encode() for t in texts])
        for name, texts in (constants or {}).items()
    ]
    results = [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()]
    graph = helper.make_graph(nodes, "g", infos, results, initializers)
    opsets = [helper.make_opsetid("", main), helper.make_opsetid(ML, ml)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10 if ml > 3 else 7)


def check(proto, feeds, target):
    """Compare the answers to text with the answers to its codes; return the lowered model."""
    lowered = lower(proto, target)
    assert all(v.type.tensor_type.elem_type != STRING for v in [*lowered.graph.input, *lowered.graph.output])
    for rows in (None, 1, 0):
        some = {name: x[:rows] for name, x in feeds.items()}
        found, expected = run(lowered, codes(lowered, some)), run(proto, some)
        for info, ours, theirs in zip(proto.graph.output, found, expected, strict=True):
            if theirs.dtype == object:
                np.testing.assert_array_equal(labels_as_text(lowered, info.name, ours), theirs)
            else:
                assert_same([ours], [theirs], tolerance=1e-6)
    return lowered


READERS = {
    "one-hot": (node("OneHotEncoder", ["T"], domain=ML, cats_strings=["a", "b", "é"]), FLOAT),
    "one-hot, twice the same": (node("OneHotEncoder", ["T"], domain=ML, cats_strings=["a", "b", "a"]), FLOAT),
    "to int64": (node("LabelEncoder", ["T"], domain=ML, keys_strings=["b", "a"], values_int64s=[7, 9]), INT64),
    "to float": (
        node(
            "LabelEncoder",
            ["T"],
            domain=ML,
            keys_strings=["b", "a", "b"],
            values_floats=[0.5, 1.5, 9.0],
            default_float=2.5,
        ),
        FLOAT,
    ),
    "to text": (
        node("LabelEncoder", ["T"], domain=ML, keys_strings=["b", "a", "zzz"], values_strings=["B", "A", "B"]),
        STRING,
    ),
    "mapper": (node("CategoryMapper", ["T"], domain=ML, cats_strings=["b", "a", "b"], cats_int64s=[3, 4, 5]), INT64),
}


@pytest.mark.parametrize("reader", READERS)
def test_text_inputs_become_codes(target, reader):
    made, kind = READERS[reader]
    lowered = check(model([made], {"Y": kind}), {"T": WORDS}, target)
    assert set(metadata(lowered, TEXT_INPUTS_KEY)) == {"T"}


def test_the_list_of_an_input_holds_all_that_its_readers_know():
    nodes = [
        READERS["one-hot"][0],
        node("LabelEncoder", ["T"], "Z", domain=ML, keys_strings=["zzz", "a"], values_int64s=[1, 2]),
    ]
    lowered = check(model(nodes, {"Y": FLOAT, "Z": INT64}), {"T": WORDS}, "cuda")
    assert metadata(lowered, TEXT_INPUTS_KEY) == {"T": ["a", "b", "é", "zzz"]}


def test_each_input_has_its_own_list():
    nodes = [READERS["one-hot"][0], node("OneHotEncoder", ["T2"], "Z", domain=ML, cats_strings=["q"])]
    lowered = lower(model(nodes, {"Y": FLOAT, "Z": FLOAT}, inputs=["T", "T2"]))
    assert metadata(lowered, TEXT_INPUTS_KEY) == {"T": ["a", "b", "é"], "T2": ["q"]}


def test_one_hot_takes_three_operators(target):
    lowered = lower(model([READERS["one-hot"][0]], {"Y": FLOAT}), target)
    assert op_types(lowered) == ["Reshape", "Equal", "Cast"]


def test_text_is_compared_and_replaced(target):
    nodes = [
        node("Equal", ["T", "empty"], "E"),
        node("Where", ["E", "fill", "T"], "W"),
        node("Identity", ["W"], "I"),
        node("OneHotEncoder", ["I"], "Y", domain=ML, cats_strings=["a", "b"]),
    ]
    constants = {"empty": [""], "fill": ["a"]}
    # Equal compares text from opset 19 on.
    check(model(nodes, {"Y": FLOAT}, constants=constants, main=19), {"T": WORDS}, target)


def test_columns_of_text_are_joined_and_picked(target):
    pick = onnx.numpy_helper.from_array(np.array([1]), "pick")
    nodes = [
        node("Concat", ["T", "T2"], "C", axis=1),
        node("ArrayFeatureExtractor", ["C", "pick"], "P", domain=ML),
        node("OneHotEncoder", ["P"], "Y", domain=ML, cats_strings=["q", "b"]),
    ]
    proto = model(nodes, {"Y": FLOAT}, inputs=["T", "T2"])
    proto.graph.initializer.append(pick)
    check(proto, {"T": WORDS, "T2": WORDS[::-1]}, target)


def classifier(kind, x, labels):
    if kind == "trees":
        nodes = [(0, 0, "BRANCH_LEQ", 0, 0.5, 1, 2), (0, 1, LEAF, 0, 0.0, 0, 0), (0, 2, LEAF, 0, 0.0, 0, 0)]
        scores = [(0, 1, k, float(k)) for k in range(len(labels))] + [(0, 2, k, 3.0 - k) for k in range(len(labels))]
        attributes = tables(nodes, scores, "class")
        return node("TreeEnsembleClassifier", x, ["L", "P"], domain=ML, classlabels_strings=labels, **attributes)
    if kind == "linear":
        weights = {"coefficients": [1.0, -1.0, 0.5][: len(labels)], "intercepts": [0.1, 0.2, 0.3][: len(labels)]}
        return node("LinearClassifier", x, ["L", "P"], domain=ML, classlabels_strings=labels, **weights)
    return node(
        "SVMClassifier",
        x,
        ["L", "P"],
        domain=ML,
        classlabels_strings=labels,
        coefficients=[0.5, -1.0, 0.25][: len(labels)],
        rho=[0.1],
        kernel_params=[0.0, 0.0, 0.0],
    )


@pytest.mark.parametrize("kind", ["trees", "linear", "svm"])
@pytest.mark.parametrize("labels", [["no", "yes"], ["c", "a", "b"]])
def test_class_labels_become_positions(target, kind, labels):
    proto = model([classifier(kind, ["X"], labels)], {"L": STRING, "P": FLOAT}, inputs=["X"], ml=3)
    lowered = check(proto, {"X": edge_rows(1)}, target)
    assert metadata(lowered, LABELS_KEY) == {"L": labels}
    assert metadata(lowered, TEXT_INPUTS_KEY) == {}


def test_labels_pass_through_shapes_and_casts(target):
    nodes = [
        classifier("linear", ["X"], ["c", "a", "b"]),
        node("Cast", ["L"], "K", to=STRING),
        node("Reshape", ["K", "shape"], "Y"),
    ]
    proto = model(nodes, {"Y": STRING}, inputs=["X"], ml=3)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array([-1, 1]), "shape"))
    check(proto, {"X": edge_rows(1)}, target)


def test_labels_are_picked_from_a_constant(target):
    nodes = [
        node("ArgMax", ["X"], "A", axis=1, keepdims=0),
        node("ArrayFeatureExtractor", ["classes", "A"], "Y", domain=ML),
    ]
    proto = model(nodes, {"Y": STRING}, inputs=["X"], constants={"classes": ["only"]})
    x = {"X": np.ones((3, 1), np.float32)}
    lowered = lower(proto, target)
    np.testing.assert_array_equal(labels_as_text(lowered, "Y", run(lowered, x)[0]), run(proto, x)[0])


@pytest.mark.parametrize("version", [1, 2])
def test_numbers_are_decoded_to_text(target, version):
    table = (
        {"classes_strings": ["b", "a", "b"]}
        if version == 1
        else {"keys_int64s": [0, 1, 2], "values_strings": ["b", "a", "b"]}
    )
    nodes = [node("Cast", ["X"], "N", to=INT64), node("LabelEncoder", ["N"], "Y", domain=ML, **table)]
    proto = model(nodes, {"Y": STRING}, inputs=["X"], ml=version)
    lowered = check(proto, {"X": np.array([[0.0], [2.0], [7.0], [1.0]], np.float32)}, target)
    assert metadata(lowered, LABELS_KEY) == {"Y": ["b", "a"]}


def test_version_1_reads_text(target):
    made = node("LabelEncoder", ["T"], "Y", domain=ML, classes_strings=["b", "a", "b"], default_int64=-5)
    check(model([made], {"Y": INT64}, ml=1), {"T": WORDS}, target)


@pytest.mark.parametrize("reader", ["one-hot", "to int64", "to text"])
def test_a_constant_is_looked_up_as_an_input_is(target, reader):
    made, kind = READERS[reader]
    proto = model([made], {"Y": kind}, inputs=["X"], constants={"T": ["a", "none"]})
    check(proto, {"X": np.zeros((2, 1), np.float32)}, target)


def test_an_output_that_repeats_a_text_input_is_taken_out(target):
    nodes = [node("Identity", ["T"], "I"), node("Identity", ["I"], "J"), READERS["one-hot"][0]]
    proto = model(nodes, {"J": STRING, "Y": FLOAT})
    lowered = lower(proto, target)
    assert metadata(lowered, COPIES_KEY) == {"J": "T"}
    assert [output.name for output in lowered.graph.output] == ["Y"]
    assert_same(run(lowered, codes(lowered, {"T": WORDS})), run(proto, {"T": WORDS})[1:])


def test_a_model_keeps_its_only_outputs():
    copy = model([node("Identity", ["T"], "Y")], {"Y": STRING})
    assert [output.name for output in lower(copy, "cuda").graph.output] == ["Y"]
    with pytest.raises(LoweringError, match="text of input 'T' reaches output 'Y', so it may be in no table"):
        lower(copy, "portable")


@pytest.mark.parametrize(
    ("nodes", "outputs", "reason"),
    [
        (
            [node("Split", ["T"], "S", domain="elsewhere"), READERS["one-hot"][0]],
            {"Y": FLOAT},
            "Split works on the characters of text",
        ),
        (
            [node("Concat", ["T", "T2"], "C", axis=1), READERS["one-hot"][0]],
            {"C": STRING, "Y": FLOAT},
            "text of input 'T' reaches output 'C', so it may be in no table",
        ),
        (
            [node("Equal", ["T", "T2"], "E"), READERS["one-hot"][0]],
            {"E": TensorProto.BOOL, "Y": FLOAT},
            "is compared with other text that is no constant",
        ),
        (
            [node("Cast", ["T"], "F", to=FLOAT), READERS["one-hot"][0]],
            {"F": FLOAT, "Y": FLOAT},
            "Cast reads numbers from text",
        ),
        (
            [node("Cast", ["X"], "S", to=STRING), node("OneHotEncoder", ["S"], "Y", domain=ML, cats_strings=["1"])],
            {"Y": FLOAT},
            "Cast writes numbers as text",
        ),
        (
            [node("CategoryMapper", ["T"], "Y", domain=ML, cats_strings=["a"], cats_int64s=[1, 2])],
            {"Y": INT64},
            "'cats_strings' and 'cats_int64s' are not of one length",
        ),
        (
            [classifier("linear", ["X"], ["only"])],
            {"L": STRING, "P": FLOAT},
            "has one class label",
        ),
    ],
    ids=["characters", "output", "compared", "read", "written", "lengths", "one-label"],
)
def test_text_that_codes_cannot_stand_for_is_declined_with_its_reason(nodes, outputs, reason):
    proto = model(nodes, outputs, inputs=["T", "T2", "X"], ml=3)
    with pytest.raises(LoweringError, match=reason):
        lower(proto, "portable")


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (node("Split", ["T"], "Y", domain="elsewhere"), "Split works on the characters|no rule for target 'cuda'"),
        (
            node("CategoryMapper", ["T"], "Y", domain=ML, cats_strings=["a"], cats_int64s=[1, 2]),
            "'cats_strings' and 'cats_int64s' are not of one length",
        ),
        (classifier("linear", ["X"], ["only"]), "has one class label"),
    ],
    ids=["unknown-domain", "lengths", "one-label"],
)
def test_text_that_no_host_could_work_on_is_declined_for_cuda(made, reason):
    outputs = {name: STRING if name == "L" else FLOAT for name in made.output}
    with pytest.raises(LoweringError, match=reason):
        lower(model([made], outputs, inputs=["T", "X"], ml=3), "cuda")
