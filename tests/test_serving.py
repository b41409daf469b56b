"""A server has a file, NumPy and an onnxruntime, a builder may lack onnxruntime: each works, or says what it lacks."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets, ensemble, linear_model, preprocessing, svm, tree
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

import bridge
from bridge.method import METHODS

EXPORT_LIBRARIES = ("sklearn", "skl2onnx", "onnx_ir", "onnxscript", "treelite", "pandas", "polars", "scipy")

WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {absent!r} else super().find_spec(name, path, target)

sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""
"""Makes packages as absent as if they had never been installed."""


def in_process(code, *arguments, absent=()):
    """Run code in a process of its own, without some packages; return what it prints."""
    root = Path(bridge.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(absent=set(absent)) + code, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_absent_package_is_absent():
    with pytest.raises(AssertionError, match="No module named 'sklearn'"):
        in_process("import sklearn", absent=["sklearn"])


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Return a folder with a model of an array, such an array, and the estimator's answers."""
    folder = tmp_path_factory.mktemp("numbers")
    X, y = datasets.load_wine(return_X_y=True)
    pipe = make_pipeline(preprocessing.StandardScaler(), ensemble.RandomForestClassifier(5, random_state=0))
    pipe.fit(X, np.array(["a", "b", "c"])[y])
    for target in ("cpu", "cuda", "portable"):
        bridge.export(pipe, X, folder / f"{target}.onnx", target=target, check=False)
    np.save(folder / "X.npy", X)
    np.save(folder / "predict.npy", pipe.predict(X))
    return folder


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Return a folder with a model of text and numbers, such an array of objects, and the estimator's answers."""
    folder = tmp_path_factory.mktemp("text")
    rng = np.random.default_rng(0)
    X = np.empty((200, 2), object)
    X[:, 0], X[:, 1] = rng.choice(["red", "green", "blue"], 200), rng.normal(size=200)
    columns = make_column_transformer((preprocessing.OneHotEncoder(), [0]), ("passthrough", [1]), sparse_threshold=0.0)
    pipe = make_pipeline(columns, tree.DecisionTreeClassifier(max_depth=4, random_state=0))
    pipe.fit(X, (X[:, 0] == "red") ^ (X[:, 1] > 0))
    bridge.export(pipe, X, folder / "cpu.onnx", target="cpu", check=False)
    np.save(folder / "X.npy", X)
    np.save(folder / "predict.npy", pipe.predict(X))
    return folder


SERVE = """
import sys
import numpy as np
import bridge

folder, target = sys.argv[1:]
model = bridge.load(f"{folder}/{target}.onnx", device="cpu")
X = np.load(f"{folder}/X.npy", allow_pickle=True)
expected = np.load(f"{folder}/predict.npy")
for rows in (X, X[:1], X[:0]):
    answer = model.predict(rows)
    assert answer.dtype == expected.dtype, answer.dtype
    assert (answer == expected[: len(rows)]).all()
"""
LOADED = """
import json
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])
def test_serving_imports_no_library_that_export_needs(numbers, target):
    loaded = json.loads(in_process(SERVE + LOADED, numbers, target))

    assert {"bridge", "numpy", "onnxruntime"} <= set(loaded)
    assert set(loaded) & set(EXPORT_LIBRARIES) == set()


def test_importing_bridge_imports_no_runtime_either():
    loaded = json.loads(in_process("import bridge" + LOADED))

    assert "bridge" in loaded
    assert set(loaded) & {*EXPORT_LIBRARIES, "onnxruntime"} == set()


@pytest.mark.parametrize("model", ["numbers", "text"])
def test_serving_works_where_export_libraries_are_absent(model, request):
    in_process(SERVE, request.getfixturevalue(model), "cpu", absent=EXPORT_LIBRARIES)


def test_frames_are_served_where_scikit_learn_is_absent(tmp_path):
    table, labels = datasets.load_iris(return_X_y=True, as_frame=True)
    estimator = ensemble.HistGradientBoostingClassifier(max_iter=3).fit(table, labels)
    bridge.export(estimator, table, tmp_path / "m.onnx", target="cpu", check=False)
    table.to_csv(tmp_path / "table.csv", index=False)
    np.save(tmp_path / "predict.npy", estimator.predict(table))
    code = """
import sys
import numpy as np
import pandas as pd
import bridge
folder = sys.argv[1]
model = bridge.load(f"{folder}/m.onnx", device="cpu")
assert (model.predict(pd.read_csv(f"{folder}/table.csv")) == np.load(f"{folder}/predict.npy")).all()
"""

    in_process(code, tmp_path, absent=("sklearn", "skl2onnx", "onnx_ir", "scipy"))


EXPORT_ALONE = """
import sys
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
import bridge
from bridge.verify.check import check_model

X, y = load_digits(return_X_y=True)
model = RandomForestClassifier(3, max_depth=4, random_state=0).fit(X, y)
path = sys.argv[1]
for target in ("cpu", "cuda", "portable"):
    graph = bridge.export(model, X, f"{path}/{target}.onnx", target=target)
    report = check_model(model, graph, X[:50])
    assert report.ok, report
    assert "checked in onnx.reference, because no onnxruntime is installed" in str(report), report
lowered = bridge.lower(f"{path}/cpu.onnx", f"{path}/lowered.onnx", target="cuda")
assert {n.domain for n in lowered.graph.node} == {""}
"""


def test_export_and_lower_work_where_onnxruntime_is_absent(tmp_path):
    in_process(EXPORT_ALONE, tmp_path, absent=["onnxruntime"])

    X, y = datasets.load_digits(return_X_y=True)
    expected = ensemble.RandomForestClassifier(3, max_depth=4, random_state=0).fit(X, y).predict(X)
    for name in ("cpu", "cuda", "portable", "lowered"):
        answer = bridge.load(tmp_path / f"{name}.onnx", device="cpu").predict(X)
        np.testing.assert_array_equal(answer, expected)


def test_wrong_export_is_refused_where_onnxruntime_is_absent():
    code = """
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression
import bridge

class Shifted(LinearRegression):
    pass

def build(b, estimator, x):
    product = b.matmul(x.floats(), b.constant(estimator.coef_.reshape(-1, 1)))
    return {"predict": b.flatten_column(b.add(product, b.constant([estimator.intercept_ + 0.5])))}

bridge.register_converter(Shifted, build)
X, y = load_iris(return_X_y=True)
try:
    bridge.export(Shifted().fit(X, y), X)
except bridge.errors.ParityError as error:
    print(error)
"""

    printed = in_process(code, absent=["onnxruntime"])

    assert "NOT equal" in printed
    assert "checked in onnx.reference" in printed


def test_loading_says_what_to_install_where_onnxruntime_is_absent(numbers):
    code = """
import sys
import bridge
from bridge.errors import MissingExtraError
for device in ("cpu", "auto", "cuda"):
    try:
        bridge.load(sys.argv[1], device=device)
    except MissingExtraError as error:
        print(error)
"""

    printed = in_process(code, numbers / "cpu.onnx", absent=["onnxruntime"])

    assert printed.count("pip install 'onnx-bridge[cpu]'") == 3
    assert "needs the package 'onnxruntime', which is not installed" in printed


@pytest.mark.parametrize("absent", ["sklearn", "onnx_ir"])
def test_export_says_what_to_install_where_its_libraries_are_absent(absent):
    code = """
import bridge
try:
    bridge.export
except ImportError as error:
    print(error)
"""

    printed = in_process(code, absent=[absent])

    assert f"bridge.export needs the package '{absent}', which is not installed" in printed
    assert "pip install 'onnx-bridge[export]'" in printed


def test_pickled_predictor_answers_the_same_elsewhere(numbers, tmp_path):
    model = bridge.load(numbers / "cpu.onnx", device="cpu")
    X = np.load(numbers / "X.npy")
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "proba.npy", model.predict_proba(X))
    code = """
import pickle, sys
import numpy as np
folder, inputs = sys.argv[1:]
model = pickle.load(open(f"{folder}/model.pickle", "rb"))
assert (model.predict_proba(np.load(inputs)) == np.load(f"{folder}/proba.npy")).all()
assert model.classes_.tolist() == ["a", "b", "c"]
"""

    in_process(code, tmp_path, numbers / "X.npy", absent=EXPORT_LIBRARIES)


def test_threads_share_a_predictor(numbers):
    model = bridge.load(numbers / "cpu.onnx", device="cpu")
    X = np.load(numbers / "X.npy")
    rng = np.random.default_rng(0)
    batches = [X[rng.integers(len(X), size=rng.integers(0, 60))] for _ in range(200)]
    expected = [(model.predict(b), model.predict_proba(b)) for b in batches]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda b: (model.predict(b), model.predict_proba(b)), batches))

    for (labels, numbers_), (want_labels, want_numbers) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(labels, want_labels)
        np.testing.assert_array_equal(numbers_, want_numbers)


WINE, KIND = datasets.load_wine(return_X_y=True, as_frame=True)
ROWS = WINE.to_numpy()
KIND = KIND.to_numpy()
FOREST = ensemble.RandomForestClassifier(3, max_depth=3, random_state=0)
MODELS = {
    "ints": (FOREST, ROWS, KIND),
    "small ints": (FOREST, ROWS, KIND.astype(np.int8)),
    "unsigned": (FOREST, ROWS, KIND.astype(np.uint16)),
    "strings": (FOREST, ROWS, np.array(["barolo", "grignolino", "né"])[KIND]),
    "objects": (FOREST, ROWS, np.array(["a", "bb", "ccc"], object)[KIND]),
    "bools": (FOREST, ROWS, KIND == 1),
    "floats": (FOREST, ROWS, KIND * 1.0),
    "float32 rows": (FOREST, ROWS.astype(np.float32), KIND),
    "frame": (FOREST, WINE, KIND),
    "frame without names": (FOREST, pd.DataFrame(ROWS), KIND),
    "two targets": (FOREST, ROWS, np.column_stack([KIND, KIND == 1])),
    "two texts": (FOREST, ROWS, np.array([["a", "x"], ["b", "y"], ["a", "z"]])[KIND]),
    "regressor": (ensemble.GradientBoostingRegressor(n_estimators=3), ROWS, ROWS[:, 0]),
    "float32 regressor": (linear_model.LinearRegression(), ROWS.astype(np.float32), ROWS[:, 0].astype(np.float32)),
    "two numbers": (tree.DecisionTreeRegressor(max_depth=3), ROWS, ROWS[:, :2]),
    "no probabilities": (linear_model.RidgeClassifier(), ROWS, KIND),
    "no probabilities either": (svm.LinearSVC(), preprocessing.scale(ROWS), KIND == 1),
    "hinge": (linear_model.SGDClassifier(random_state=0), preprocessing.scale(ROWS), KIND),
    "outliers": (ensemble.IsolationForest(n_estimators=5, random_state=0), ROWS, None),
    "transformer": (preprocessing.StandardScaler(), ROWS, None),
    "float32 transformer": (PCA(2), ROWS.astype(np.float32), None),
    "clusters": (KMeans(3, n_init=1, random_state=0), ROWS, None),
    "pipeline": (make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()), WINE, KIND == 2),
    "pipeline that transforms": (make_pipeline(preprocessing.StandardScaler(), PCA(2)), ROWS, None),
}


@pytest.fixture(scope="module", params=MODELS)
def served(request):
    """Return an estimator, its predictor, and rows for both."""
    estimator, rows, labels = MODELS[request.param]
    estimator.fit(rows, labels)
    return estimator, bridge.load(bridge.export(estimator, rows, target="cpu", check=False), device="cpu"), rows


def test_predictor_has_the_methods_of_the_estimator_alone(served):
    estimator, predictor, _ = served
    others = ("fit", "fit_predict", "fit_transform", "inverse_transform", "get_params", "partial_fit", "score")

    assert [m for m in METHODS if hasattr(predictor, m)] == [m for m in METHODS if hasattr(estimator, m)]
    assert [m for m in others if hasattr(predictor, m)] == []


def test_attributes_are_those_of_the_estimator(served):
    estimator, predictor, _ = served

    for name in ("classes_", "n_features_in_", "feature_names_in_"):
        assert hasattr(predictor, name) == hasattr(estimator, name), name
        if hasattr(estimator, name):
            _assert_same(getattr(predictor, name), getattr(estimator, name))


@pytest.mark.parametrize("count", [1, 30])
def test_answers_have_the_estimators_dtypes_and_shapes(served, count):
    estimator, predictor, rows = served
    few = rows[:count]

    for method in (m for m in METHODS if hasattr(estimator, m)):
        with np.errstate(divide="ignore"):
            _assert_same(getattr(predictor, method)(few), getattr(estimator, method)(few), tolerance=2e-6)


def _assert_same(found, expected, tolerance=0.0):
    assert type(found) is type(expected)
    if isinstance(expected, (list, tuple)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            _assert_same(one, other, tolerance)
    elif isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        if expected.dtype.kind == "f" and tolerance:
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
        else:
            np.testing.assert_array_equal(found, expected)
    else:
        assert found == expected
