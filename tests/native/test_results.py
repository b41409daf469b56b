"""What `bridge::Forest` makes of its trees' scores: kernel, function and NumPy agree; what is odd is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

import bridge
from bridge.errors import LoweringError
from bridge.forest import concatenate
from bridge.passes.forest_function import Needs, forest_function
from bridge.passes.forest_results import OUTPUTS, Results
from bridge.passes.keep_forests import in_file_form
from tests.forests import rows_at, walk
from tests.native.conftest import SETTING
from tests.native.shapes import SHAPES, WIDTH, kept
from tests.passes.judge import run

ALL = frozenset(OUTPUTS)
FORMS = {
    "mean": Results("mean", wants=ALL),
    "least": Results("min", wants=ALL),
    "most": Results("max", label="argmax_total", wants=ALL),
    "base": Results(has_base=True, wants=ALL),
    "mean and base": Results("mean", "exp", has_base=True, wants=ALL),
    "softmax": Results("mean", "softmax", label="argmax_total", wants=ALL),
    "sigmoid": Results("mean", "sigmoid", wants=frozenset({"y", "log"})),
    "exp": Results("mean", "exp", wants=frozenset({"y", "label"})),
    "sums": Results(label="argmax_total", wants=frozenset({"y", "label"})),
}
OF_ONE = {
    "both": Results("mean", "sigmoid_both", "positive", has_base=True, wants=ALL),
    "both, squeezed": Results("mean", "sigmoid_both", "nonnegative", squeeze=True, wants=ALL),
    "both by argmax": Results("mean", "sigmoid_both", wants=frozenset({"y", "label"})),
    "mean, squeezed": Results("mean", squeeze=True),
    "exp, squeezed": Results("mean", "exp", squeeze=True, has_base=True, wants=frozenset({"y", "total", "log"})),
}


def scored(name, seed=0):
    """Return a forest of some shape whose scores neither sum up exactly nor overflow under a link."""
    forest = SHAPES[name]()
    scores = np.random.default_rng(seed).normal(size=forest.values.shape)
    return replace(forest, values=scores)


def base_of(forest):
    return np.random.default_rng(1).normal(size=forest.n_outputs)


def model_of(forest, results, dtype=np.float32):
    """Return a model of one node that says `results`, with its function."""
    model = kept(forest, dtype)
    (node,) = model.graph.node
    for name, value in results.attributes().items():
        node.attribute.append(helper.make_attribute(name, value))
    if results.has_base:
        model.graph.initializer.append(numpy_helper.from_array(base_of(forest), "base"))
        node.input.append("base")
    del node.output[:], model.graph.output[:], model.graph.value_info[:]
    for name in results.outputs():
        node.output.append(name if name in results.wants else "")
        if name in results.wants:
            kind = TensorProto.INT64 if name == "label" else TensorProto.DOUBLE
            model.graph.output.append(helper.make_tensor_value_info(name, kind, None))
    function = forest_function(Needs.of([in_file_form(forest)]), 13, results)
    model.functions[0].CopyFrom(ir.to_proto(function))
    return model


def expected(forest, results, x):
    """Return the outputs by name."""
    trees = [walk(replace(forest, roots=forest.roots[t : t + 1]), x) for t in range(forest.n_trees)]
    sums = walk(forest, x)
    folds = {"sum": sums, "mean": sums / forest.n_trees, "min": np.min(trees, axis=0), "max": np.max(trees, axis=0)}
    total = folds[results.aggregate] + (base_of(forest) if results.has_base else 0)
    p = 1 / (1 + np.exp(-total))
    powers = np.exp(total - total.max(axis=1, keepdims=True, initial=-np.inf))
    y = {
        "none": total,
        "sigmoid": p,
        "sigmoid_both": np.concatenate([1 - p, p], axis=1),
        "softmax": powers / powers.sum(axis=1, keepdims=True),
        "exp": np.exp(total),
    }[results.link]
    labels = {
        "argmax": y.argmax(axis=1),
        "argmax_total": total.argmax(axis=1),
        "positive": (total[:, 0] > 0).astype(np.int64),
        "nonnegative": (total[:, 0] >= 0).astype(np.int64),
    }
    with np.errstate(invalid="ignore"):
        found = {"y": y, "total": total, "label": labels[results.label], "log": np.log(y)}
    if results.squeeze:
        found = {name: v.reshape(-1) if v.ndim == 2 and v.shape[1] == 1 else v for name, v in found.items()}
    return [found[name] for name in results.outputs() if name in results.wants]


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("name", ["small trees", "large trees", "five outputs"])
@pytest.mark.parametrize("form", [*FORMS, *OF_ONE])
def test_kernel_gives_the_results(open_kernel, name, form):
    forest, results = scored(name), (FORMS | OF_ONE)[form]
    if form in OF_ONE and forest.n_outputs > 1:
        pytest.skip("for one output alone")
    x = rows_at(forest, WIDTH, np.float32, rows=300)
    session = open_kernel(model_of(forest, results))

    for rows in (0, 1, 70, 300):
        found = session.run(None, {"X": x[:rows]})

        for got, want in zip(found, expected(forest, results, x[:rows]), strict=True):
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("form", [*FORMS, *OF_ONE])
def test_function_gives_the_same(form):
    results = (FORMS | OF_ONE)[form]
    forest = scored("five outputs" if form in FORMS else "small trees")
    x = rows_at(forest, WIDTH, np.float32, rows=70)

    found = run(model_of(forest, results), {"X": x})

    for got, want in zip(found, expected(forest, results, x), strict=True):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("form", ["both", "least", "exp, squeezed"])
def test_bits_do_not_depend_on_instruction_set_threads_or_batch(open_kernel, machine_isas, monkeypatch, form):
    forest, results = scored("large trees"), (FORMS | OF_ONE)[form]
    model = model_of(forest, results)
    x = rows_at(forest, WIDTH, np.float32, rows=3000)
    found = []
    for isa in machine_isas:
        monkeypatch.setenv(SETTING, isa)
        for threads, size in ((1, 3000), (3, 3000), (1, 7), (2, 1100)):
            session = open_kernel(model, threads)
            parts = [session.run(None, {"X": x[s : s + size]}) for s in range(0, len(x), size)]
            found.append([np.concatenate(output).tobytes() for output in zip(*parts, strict=True)])

    assert all(outputs == found[0] for outputs in found)


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("aggregate", ["min", "max"])
def test_missing_score_makes_the_least_and_the_largest_missing(open_kernel, aggregate):
    forest = concatenate([SHAPES["lone leaves"]()] * 2)
    values = np.arange(float(len(forest.values)))[:, None]
    values[2] = np.nan
    model = model_of(replace(forest, values=values), Results(aggregate))

    (y,) = open_kernel(model).run(None, {"X": np.zeros((70, WIDTH), np.float32)})

    assert np.isnan(y).all()


@pytest.mark.parametrize("target", ["cpu", "cuda"])
@pytest.mark.parametrize("form", ["mean and base", "softmax", "both, squeezed", "both", "exp, squeezed"])
def test_file_is_lowered_again_to_operators(target, form):
    results = (FORMS | OF_ONE)[form]
    forest = scored("five outputs" if form in FORMS else "small trees")
    x = rows_at(forest, WIDTH, np.float32, rows=70)

    model = bridge.lower(model_of(forest, results), target=target, strategy="traverse")

    assert not model.functions
    assert "Forest" not in {n.op_type for n in model.graph.node}
    for got, want in zip(run(model, {"X": x}), expected(forest, results, x), strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got.reshape(want.shape), want, rtol=1e-13, atol=1e-14)


def test_least_score_is_said_to_have_no_other_form():
    with pytest.raises(LoweringError, match=r"aggregate 'min' has no form but that of the kernel"):
        bridge.lower(model_of(scored("small trees"), Results("min")), target="cpu")


@pytest.mark.parametrize(("attribute", "value"), [("link", "sigmoid_both"), ("label", "positive")])
def test_what_is_for_one_output_is_not_lowered_for_five(attribute, value):
    model = model_of(scored("five outputs"), Results())
    model.graph.node[0].attribute.append(helper.make_attribute(attribute, value))

    with pytest.raises(LoweringError, match=f"{attribute} '{value}' is for forests of one output, and this has 5"):
        bridge.lower(model, target="cpu", strategy="traverse")


ODD = {
    "an unknown link": ("link", "tanh", "attribute 'link' is 'tanh', expected one of none, sigmoid"),
    "a long link": ("link", "x" * 10**6, "attribute 'link' is 'xxx"),
    "no link": ("link", "", "attribute 'link' is '', expected"),
    "a number as link": ("link", 3, "attribute 'link' is not a string"),
    "numbers as aggregate": ("aggregate", [1, 2], "attribute 'aggregate' is not a string"),
    "an unknown aggregate": ("aggregate", "median", "'median', expected one of sum, mean, min, max"),
    "an unknown label": ("label", "last", "'last', expected one of argmax"),
    "a large flag": ("squeeze", 2**40, "attribute 'squeeze' is 1099511627776, expected 0 or 1"),
    "a text as flag": ("squeeze", "yes", "attribute 'squeeze' is not an integer"),
    "two columns of five": ("link", "sigmoid_both", "link 'sigmoid_both' is for forests of one output, and .* has 5"),
    "a sign of five": ("label", "positive", "label 'positive' is for forests of one output, and .* has 5"),
}


@pytest.mark.parametrize(("attribute", "value", "reason"), ODD.values(), ids=ODD)
def test_odd_attributes_are_refused_with_reason(open_kernel, attribute, value, reason):
    model = kept(SHAPES["five outputs"]())
    del model.functions[:]
    model.graph.node[0].attribute.append(helper.make_attribute(attribute, value))

    with pytest.raises(Exception, match=f"bridge::Forest: .*{reason}"):
        open_kernel(model)


@pytest.mark.parametrize(
    ("base", "reason"),
    [
        (np.zeros(4), "table 'base' has 4 entries, expected 5"),
        (np.zeros(0), "table 'base' is empty"),
        (np.zeros((1, 5)), "input 12 has 2 axes, expected 1"),
    ],
)
def test_odd_base_is_refused_with_reason(open_kernel, base, reason):
    model = kept(SHAPES["five outputs"]())
    del model.functions[:]
    model.graph.initializer.append(numpy_helper.from_array(base, "base"))
    model.graph.node[0].input.append("base")

    with pytest.raises(Exception, match=reason):
        open_kernel(model)


def test_base_may_be_computed(open_kernel):
    forest = scored("five outputs")
    model = model_of(forest, Results(has_base=True))
    model.graph.initializer.append(numpy_helper.from_array(2 * base_of(forest), "twice"))
    model.graph.node.insert(0, helper.make_node("Sub", ["twice", "base"], ["computed"]))
    model.graph.node[1].input[12] = "computed"
    x = rows_at(forest, WIDTH, np.float32, rows=70)

    (y,) = open_kernel(model).run(None, {"X": x})

    np.testing.assert_allclose(y, walk(forest, x) + base_of(forest), rtol=1e-14)
