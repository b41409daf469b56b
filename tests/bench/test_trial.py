from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bridge.bench import others, time_estimator, trial
from bridge.bench.machine import describe_machine
from bridge.bench.others import Other
from bridge.bench.report import OWN, to_json
from bridge.bench.threads import with_threads
from bridge.errors import InputError, NotFittedError, UnsupportedError
from bridge.runtime import native

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
QUICK = {"rows": [1, 150], "seconds": 0.0}
FOREST = RandomForestClassifier(5, max_depth=3, random_state=0).fit(X, Y)
LINEAR = LogisticRegression().fit(X, Y)


@pytest.fixture(autouse=True)
def _no_kernel(monkeypatch):
    """The tests are the same where the native operator is installed."""
    absent = native.NativeLibrary(None, "absent here")
    monkeypatch.setattr("bridge.bench.forms.find_native", lambda: absent)
    monkeypatch.setattr("bridge.runtime.native.find_native", lambda: absent)


def test_each_contender_is_compared_and_timed_for_each_number_of_rows():
    (found,) = time_estimator(FOREST, X, others=["none"], **QUICK)

    names = [OWN, "bridge cpu, auto", "bridge cpu, forest: function", "bridge portable, auto"]
    assert (found.model, found.method, found.own, found.dtype) == (
        "RandomForestClassifier",
        "predict_proba",
        "scikit-learn",
        "float64",
    )
    assert {rows: list(times) for rows, times in found.times.items()} == {1: names, 150: names}
    assert list(found.differences) == names[1:]
    assert all(d.within(1e-5) for d in found.differences.values())
    assert found.left_out == {"bridge cpu, forest: kernel": "not installed: absent here"}


def test_all_of_it_becomes_json():
    comparisons = time_estimator(FOREST, X, others=["none"], targets=["cpu"], **QUICK)

    found = json.loads(json.dumps(to_json(describe_machine(0.0), comparisons), allow_nan=False))

    (comparison,) = found["comparisons"]
    assert [(c["contender"], c["rows"]) for c in comparison["cells"]] == [
        (name, rows) for rows in (1, 150) for name in (OWN, "bridge cpu, auto")
    ]
    assert {"wall_us", "cpu_us", "wall_spread", "wall_rows_per_second", "wall_ratio", "runs"} <= set(
        comparison["cells"][0]
    )
    assert {"processor", "cores", "load_before", "load_after", "kernel", "versions"} == set(found["machine"])


@pytest.mark.parametrize(
    ("estimator", "method"),
    [
        (LINEAR, "predict_proba"),
        (GradientBoostingRegressor(n_estimators=3).fit(X, X[:, 0]), "predict"),
        (KMeans(2, n_init=1, random_state=0).fit(X), "predict"),
        (StandardScaler().fit(X), "transform"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_default_method_is_what_the_model_is_for(estimator, method):
    (found,) = time_estimator(estimator, X, others=["none"], targets=["cpu"], **QUICK)

    assert found.method == method


def test_methods_are_measured_one_by_one_and_labels_counted():
    found = time_estimator(LINEAR, X, methods=["predict", "predict_proba"], others=["none"], targets=["cpu"], **QUICK)

    assert [c.method for c in found] == ["predict", "predict_proba"]
    assert found[0].differences["bridge cpu, auto"].labels == 0


def test_a_model_without_trees_has_no_form_of_trees():
    (found,) = time_estimator(LINEAR, X, strategies=["forest"], others=["none"], **QUICK)

    assert list(found.times[1]) == [OWN]
    assert "no trees" in found.left_out["bridge cpu, forest: function"]


def test_a_pair_of_target_and_form_that_does_not_go_together_is_left_out_with_the_reason():
    (found,) = time_estimator(
        FOREST, X, targets=["cpu", "portable"], strategies=["forest", "gemm"], others=["none"], **QUICK
    )

    assert "ai.onnx" in found.left_out["bridge portable, forest: function"]
    assert {"bridge cpu, gemm", "bridge portable, gemm", "bridge cpu, forest: function"} <= set(found.times[1])


def test_a_table_of_text_and_numbers_is_timed(make_pipeline_of_text):
    pipeline, table = make_pipeline_of_text

    (found,) = time_estimator(pipeline, table, targets=["cpu"], others=["onnx"], **QUICK)

    assert (found.dtype, found.columns) == ("table", 2)
    assert found.left_out == {"skl2onnx, bare session": "asked for tables of numbers alone"}


@pytest.fixture
def make_pipeline_of_text():
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder

    table = pd.DataFrame({"kind": rng.choice(["a", "b"], len(X)), "size": X[:, 0]})
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    return make_pipeline(encoder, LogisticRegression()).fit(table, Y), table


def test_texts_are_timed():
    texts = pd.Series(["red apple", "green leaf", "red leaf"] * 10)
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [0, 1, 1] * 10)

    (found,) = time_estimator(pipeline, texts, targets=["cpu"], others=["onnx"], **QUICK)

    assert found.differences["bridge cpu, auto"].within(1e-12)
    assert "tables of numbers" in found.left_out["skl2onnx, bare session"]


def test_booleans_beside_numbers_are_numbers():
    table = pd.DataFrame({"big": X[:, 0] > 0, "size": X[:, 1]})

    (found,) = time_estimator(RandomForestClassifier(2).fit(table, Y), table, targets=["cpu"], others=["gtil"], **QUICK)

    assert found.differences["treelite GTIL"].within(1e-6)


def test_other_libraries_stand_beside_and_what_is_not_installed_is_named(monkeypatch):
    absent = Other("Absent", ("no_such_package",), "no-such-package", others.is_trees, lambda *_: None, ())
    for_others = Other("For LightGBM", (), "", others.is_lightgbm, lambda *_: None, ())
    monkeypatch.setattr(trial, "OTHERS", others.OTHERS | {"absent": absent, "lgbm": for_others})
    monkeypatch.setattr(trial, "choose_others", list)

    (found,) = time_estimator(FOREST, X, targets=["cpu"], others=["onnx", "gtil", "absent", "lgbm"], **QUICK)

    assert list(found.times[1])[-2:] == ["skl2onnx, bare session", "treelite GTIL"]
    assert found.differences["treelite GTIL"].within(1e-5)
    assert found.left_out == {"Absent": "not installed: pip install no-such-package"}


@pytest.mark.parametrize("where", ["build", "run"])
def test_another_library_that_fails_is_left_out_with_its_reason(monkeypatch, where):
    def fail(*_):
        raise RuntimeError("no luck")

    broken = Other("Broken", (), "", others.is_any, fail if where == "build" else lambda *_: fail, ())
    monkeypatch.setattr(trial, "OTHERS", {"broken": broken})
    monkeypatch.setattr(trial, "choose_others", list)

    (found,) = time_estimator(LINEAR, X, targets=["cpu"], others=["broken"], **QUICK)

    assert found.left_out == {"Broken": "RuntimeError: no luck"}
    assert list(found.times[1]) == [OWN, "bridge cpu, auto"]


def test_others_that_answer_with_something_else_are_not_asked():
    (found,) = time_estimator(FOREST, X, targets=["cpu"], methods=["predict"], others=["gtil"], **QUICK)

    assert "probabilities" in found.left_out["treelite GTIL"]


def test_threads_reach_the_parts_of_a_model_and_the_original_keeps_its_own():
    voting = VotingClassifier([("f", RandomForestClassifier(2, n_jobs=2))], voting="soft").fit(X, Y)

    mine = with_threads(voting, 1)

    assert (mine.estimators_[0].n_jobs, voting.estimators_[0].n_jobs) == (1, 2)


def boosters():
    from catboost import CatBoostClassifier
    from lightgbm import LGBMClassifier
    from xgboost import XGBClassifier

    return [
        (LGBMClassifier(n_estimators=3, n_jobs=2, verbose=-1), "LightGBM"),
        (XGBClassifier(n_estimators=3, n_jobs=2), "XGBoost"),
        (CatBoostClassifier(iterations=3, thread_count=2, verbose=False, allow_writing_files=False), "CatBoost"),
    ]


@pytest.mark.parametrize(("booster", "library"), boosters(), ids=lambda value: type(value).__name__)
def test_models_of_other_libraries_are_timed_with_as_many_threads(booster, library):
    booster.fit(X, Y)

    (found,) = time_estimator(booster, X, targets=["cpu"], others=["none"], **QUICK)

    assert found.own == library
    assert found.differences["bridge cpu, auto"].within(1e-6)


def test_a_file_for_a_gpu_says_where_it_ran(monkeypatch):
    monkeypatch.setattr("bridge.bench.forms.cuda_is_usable", lambda: False)

    (found,) = time_estimator(LINEAR, X, targets=["cuda"], others=["none"], **QUICK)

    assert "bridge cuda, auto (on a CPU)" in found.times[1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"methods": ["transform"]}, "it has predict, predict_proba"),
        ({"targets": ["tpu"]}, "unknown target 'tpu'"),
        ({"strategies": ["bush"]}, "unknown strategy 'bush'"),
        ({"others": ["magic"]}, "unknown library 'magic'; choose of onnx, "),
        ({"rows": [0]}, "rows is 0"),
        ({"threads": 0}, "threads is 0"),
    ],
)
def test_what_does_not_exist_is_an_error_with_what_does(options, words):
    with pytest.raises(InputError, match=words):
        time_estimator(FOREST, X, **options)


def test_a_sample_without_rows_is_an_error():
    with pytest.raises(InputError, match="no rows"):
        time_estimator(FOREST, X[:0])


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), *(b for b, _ in boosters())], ids=lambda value: type(value).__name__
)
def test_an_estimator_that_is_not_fitted_is_an_error(estimator):
    with pytest.raises(NotFittedError):
        time_estimator(estimator, X)


def test_what_is_no_estimator_is_an_error():
    with pytest.raises(UnsupportedError, match="dict has no inference method"):
        time_estimator({}, X)
