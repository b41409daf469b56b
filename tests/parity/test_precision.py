"""Every reference model in each precision that a target may be asked for, on rows that no model has seen."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bridge
from bridge import mixed
from bridge.artifact import get_metadata
from bridge.data.table import spread_rows
from bridge.errors import InputError
from bridge.runtime.predictor import load_reference
from models.numeric import NUMERIC
from models.zoo import ZOO

MOST_ROWS = 5000

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def _cases(models):
    return [pytest.param(m, id=f"zoo:{m}") for m in models]


def exported(model, target, precision):
    graph = bridge.export(model.fitted(), model.data().train, target=target, precision=precision)
    report = bridge.verify(model.fitted(), graph, spread_rows(model.data().held_out, MOST_ROWS))
    return graph, report


@pytest.mark.parametrize("model", _cases(NUMERIC))
@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_exact_gives_the_labels_and_the_numbers(model, target):
    _, report = exported(model, target, "exact")

    assert report.ok, report
    assert [m for m in report.methods if m.labels_differing > m.explained] == [], report


@pytest.mark.parametrize("model", _cases((*ZOO, *NUMERIC)))
def test_float16_keeps_its_bound(model):
    graph, report = exported(model, "cuda", "float16")

    assert report.ok, report
    assert [m for m in report.methods if m.loose_rows] == [], report
    assert get_metadata(graph).mixed
    types = [v.type.tensor_type.elem_type for v in (*graph.graph.input, *graph.graph.output)]
    assert TensorProto.FLOAT16 not in types


@pytest.mark.parametrize("model", _cases([m for m in (*ZOO, *NUMERIC) if m.name in {"logistic", "tree", "mlp", "svc"}]))
def test_portable_file_may_be_asked_for_exact(model):
    graph, report = exported(model, "portable", "exact")

    assert report.ok, report
    assert {n.domain for n in graph.graph.node} == {""}
    few = spread_rows(model.data().held_out, 5)
    assert bridge.verify(model.fitted(), load_reference(graph), few).ok


def wide_network(scale=1.0):
    X, y = load_digits(return_X_y=True)
    network = make_pipeline(StandardScaler(), MLPClassifier((200, 200), max_iter=15, random_state=0)).fit(X, y)
    network[-1].coefs_[-1] *= scale
    return network, X


def in_float16(name):
    """Return a reference model whose products go to float16, its graph and its held-out rows."""
    model = next(m for m in NUMERIC if m.name == name)
    graph = bridge.export(model.fitted(), model.data().train, target="cuda", precision="float16")
    assert "MatMul" in get_metadata(graph).mixed[0]
    return model, graph, model.data().held_out


@pytest.mark.parametrize("name", ["mlp-tanh", "mlp-regressor"])
def test_weights_of_a_network_take_half_the_room(name):
    model, graph, _ = in_float16(name)
    wide = bridge.export(model.fitted(), model.data().train, target="cuda", precision="float32")
    sizes = [sum(len(i.raw_data) for i in g.graph.initializer) for g in (graph, wide)]

    assert sizes[0] < 0.55 * sizes[1]


def test_network_whose_scores_are_steep_goes_back_node_by_node_until_the_bound_holds():
    network, X = wide_network(scale=20.0)

    graph = bridge.export(network, X, target="cuda", precision="float16")

    mixed = get_metadata(graph).mixed
    assert any("its rounding brings the answers out of the bound" in line for line in mixed), mixed
    assert bridge.verify(network, graph, X).ok


def test_scaled_integers_reach_the_leaves_of_a_forest_in_every_precision():
    X, y = np.random.default_rng(0).integers(0, 30, size=(4000, 8)).astype(np.float64), np.arange(4000) % 3
    forest = make_pipeline(StandardScaler(), RandomForestClassifier(30, random_state=0)).fit(X[:2000], y[:2000])

    for precision in ("exact", "float32", "float16"):
        predictor = bridge.load(bridge.export(forest, X[:2000], target="cuda", precision=precision), device="cpu")
        differ = np.flatnonzero(predictor.predict(X) != forest.predict(X))
        if precision != "float16":
            assert differ.size == 0
        elif differ.size:  # two classes with as many votes each are its to decide
            best = np.sort(forest.predict_proba(X[differ]), axis=1)
            assert np.all(best[:, -1] - best[:, -2] < 4e-3)


@pytest.mark.parametrize("name", ["mlp-tanh", "mlp-regressor"])
def test_nothing_is_infinite_that_was_not(name):
    _, graph, rows = in_float16(name)
    predictor = bridge.load(graph, device="cpu")

    for scale in (1e6, -1e30):
        answers = predictor.run(rows * scale)
        # The logarithm of a probability of 0 is infinite in every precision.
        assert all(np.isfinite(a).all() for name, a in answers.items() if name != "predict_log_proba")


def test_report_and_file_say_how_far_answers_are_off_and_what_stayed():
    network, X = wide_network()
    graph = bridge.export(network, X, target="cuda", precision="float16")

    found = get_metadata(graph).parity["predict_proba"]
    assert 0 < found["typical_scaled"] < found["max_scaled"] < 2e-3
    assert "typical" in str(bridge.verify(network, graph, X))


def test_float16_is_refused_where_nothing_can_be_calibrated(tmp_path):
    network, X = wide_network()
    onnx.save(bridge.export(network, X, target="cuda"), tmp_path / "m.onnx")

    with pytest.raises(InputError, match="is chosen on a sample, and a file brings none"):
        bridge.lower(tmp_path / "m.onnx", target="cuda", precision="float16")


def test_float16_of_a_model_beyond_protobuf_is_refused(monkeypatch):
    monkeypatch.setattr(mixed, "MOST_BYTES", 100)
    network, rows = wide_network()
    with pytest.raises(InputError, match=r"constants take [\d,]+ bytes; 100 is the most"):
        bridge.export(network, rows, precision="float16")
