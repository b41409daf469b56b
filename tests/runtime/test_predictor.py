"""A predictor has what the estimator had and nothing else, and may be copied, sent and shared."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import bridge
from bridge.errors import BridgeError
from bridge.method import METHODS
from bridge.runtime import predictor as predictor_module
from bridge.runtime.predictor import Predictor, load_reference
from bridge.runtime.session import open_session

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))
Y = np.where(X[:, 0] > 0, "late", "early")
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(town=RNG.choice(["x", "y"], 300))


def boltzmann_machine():
    return BernoulliRBM(3, n_iter=2, random_state=0).fit((X > 0).astype(float))


def forest():
    return RandomForestClassifier(4, max_depth=4, random_state=0).fit(X, Y)


def pipeline():
    columns = ColumnTransformer([("n", StandardScaler(), list("abcd")), ("t", OneHotEncoder(), ["town"])])
    return make_pipeline(columns, RandomForestClassifier(4, random_state=0)).fit(FRAME, Y)


@pytest.mark.parametrize(
    "estimator",
    [
        forest(),
        RandomForestRegressor(2).fit(X, X[:, 0]),
        HistGradientBoostingClassifier(max_iter=2).fit(X, Y),
        StandardScaler().fit(X),
    ],
    ids=lambda e: type(e).__name__,
)
def test_has_exactly_the_inference_methods_and_attributes_of_the_estimator(estimator):
    predictor = bridge.load(bridge.export(estimator, X, check=False))
    for name in (*METHODS, "classes_", "n_features_in_", "feature_names_in_"):
        assert hasattr(predictor, name) == hasattr(estimator, name), name
    assert predictor.n_features_in_ == estimator.n_features_in_


def test_has_the_names_of_the_frame():
    predictor = bridge.load(bridge.export(pipeline(), FRAME, check=False))
    assert predictor.n_features_in_ == 5
    np.testing.assert_array_equal(predictor.feature_names_in_, pipeline().feature_names_in_)
    assert predictor.feature_names_in_.dtype == object


def test_only_the_methods_that_were_asked_for_are_there():
    predictor = bridge.load(bridge.export(forest(), X, methods=["predict_proba"], check=False))
    assert hasattr(predictor, "predict_proba")
    assert not hasattr(predictor, "predict")


def test_batches_give_what_one_run_gives(monkeypatch):
    model = bridge.export(forest(), X, target="portable", check=False)
    whole = bridge.load(model)
    row_bytes = predictor_module._row_bytes(whole.metadata, whole._session)
    monkeypatch.setattr(predictor_module, "CACHE_BYTES", row_bytes * 7)
    batched = bridge.load(model)
    assert batched._blocks.rows == 7
    for rows in (1, 6, 7, 8, 300):
        np.testing.assert_array_equal(batched.predict(X[:rows]), whole.predict(X[:rows]))
        np.testing.assert_array_equal(batched.predict_proba(X[:rows]), whole.predict_proba(X[:rows]))


@pytest.mark.parametrize("has_kernels", [False, True])
def test_batches_are_as_large_as_what_computes_the_forest_allows(monkeypatch, has_kernels):
    model = bridge.export(forest(), X, target="cpu", strategy="forest", check=False)
    session = replace(open_session(model.SerializeToString(), device="cpu"), has_kernels=has_kernels)
    monkeypatch.setattr(predictor_module, "CACHE_BYTES", 10_000)

    predictor = Predictor(model, session)

    found = predictor.metadata
    assert found.kernel_row_bytes < found.row_bytes
    assert predictor._blocks.rows == 10_000 // (found.kernel_row_bytes if has_kernels else found.row_bytes)


@pytest.mark.parametrize("copied", [lambda p: pickle.loads(pickle.dumps(p)), copy.copy, copy.deepcopy])
def test_copy_answers_as_the_original(copied):
    original = bridge.load(bridge.export(pipeline(), FRAME, check=False))
    other = copied(original)
    np.testing.assert_array_equal(other.predict(FRAME), original.predict(FRAME))
    np.testing.assert_array_equal(other.classes_, original.classes_)


def test_threads_that_do_not_spin_answer_the_same():
    model = bridge.export(pipeline(), FRAME, check=False)

    assert bridge.load(model, spin=False).predict(FRAME).tolist() == bridge.load(model).predict(FRAME).tolist()


def test_threads_share_one_predictor():
    predictor = bridge.load(bridge.export(pipeline(), FRAME, check=False), threads=1)
    expected = predictor.predict_proba(FRAME)
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda i: predictor.predict_proba(FRAME[i : i + 10]), range(0, 300, 10)))
    np.testing.assert_array_equal(np.concatenate(parts), expected)


@pytest.mark.parametrize("rows", [1, 300])
def test_row_order_and_batch_size_do_not_change_an_answer(rows):
    predictor = bridge.load(bridge.export(forest(), X, target="cpu", check=False))
    one_by_one = np.concatenate([predictor.predict_proba(X[i : i + 1]) for i in range(rows)])
    np.testing.assert_array_equal(one_by_one, predictor.predict_proba(X[:rows]))


def test_answers_of_two_calls_do_not_share_memory():
    predictor = bridge.load(bridge.export(forest(), X, check=False))
    first = predictor.predict_proba(X)
    kept = first.copy()
    predictor.predict_proba(X[::-1])
    np.testing.assert_array_equal(first, kept)


def test_repr_says_what_it_serves_and_where():
    predictor = bridge.load(bridge.export(forest(), X, target="cpu", check=False), device="cpu")
    assert repr(predictor) == (
        "Predictor(sklearn.ensemble._forest.RandomForestClassifier: predict, predict_proba, predict_log_proba; "
        "target cpu, CPUExecutionProvider)"
    )


def test_compile_is_export_and_load_in_memory():
    predictor = bridge.compile(forest(), X, device="cpu", threads=1)
    assert predictor.metadata.target == "cpu"
    assert predictor.metadata.parity["predict"]["labels_differing"] == 0
    np.testing.assert_array_equal(predictor.predict(X), forest().predict(X))


def test_reference_evaluator_answers_as_onnxruntime_does():
    model = bridge.export(forest(), X, target="portable", check=False)
    np.testing.assert_array_equal(load_reference(model).predict(X[:50]), bridge.load(model).predict(X[:50]))


def test_lowering_a_file_of_bridge_keeps_what_it_says(tmp_path):
    estimator, path = pipeline(), tmp_path / "cpu.onnx"
    bridge.export(estimator, FRAME, path, target="cpu", check=False)
    for target, precision in (("cuda", None), ("portable", "float32"), ("cpu", None)):
        predictor = bridge.load(bridge.lower(path, target=target, precision=precision), device="cpu")
        assert predictor.metadata.target == target
        assert predictor.metadata.parity == {}
        np.testing.assert_array_equal(predictor.predict(FRAME), estimator.predict(FRAME))
        np.testing.assert_array_equal(predictor.classes_, estimator.classes_)
        assert bridge.verify(estimator, predictor, FRAME).ok


@pytest.mark.parametrize(
    ("estimator", "sample", "reason"),
    [
        (boltzmann_machine(), X, "it flips a random unit of each row, and answers otherwise at every call"),
        (PCA(2).fit(sparse.csr_matrix(X)), sparse.csr_matrix(X), "it refuses to answer: Sparse data was passed"),
    ],
    ids=["random", "refused"],
)
def test_method_that_cannot_be_exported_is_left_out_with_the_reason(estimator, sample, reason, caplog):
    model = bridge.load(bridge.export(estimator, sample))
    assert f"{type(estimator).__name__}.score_samples is left out of the file: {reason}" in caplog.text
    assert [m.name for m in model.methods] == ["transform"]
    assert not hasattr(model, "score_samples")
    with pytest.raises(AttributeError, match=f"has no 'score_samples', which the export left out: {reason}"):
        model.score_samples(sample)
    with pytest.raises(BridgeError, match="score_samples"):
        bridge.export(estimator, sample, methods=["score_samples"])
    assert not hasattr(copy.copy(model), "score_samples")
