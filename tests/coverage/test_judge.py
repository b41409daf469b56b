"""The harness finds what is wrong: answers, shapes, dtypes, containers, labels, rows taken or refused, and hangs."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import SparseCoder
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.utils.validation import validate_data

import bridge
from tests.coverage import judge as judging
from tests.coverage.case import Case
from tests.coverage.data import of
from tests.coverage.judge import judge
from tests.coverage.plain import differences, tied_rows
from tests.coverage.subject import Remembering, Subject
from tests.coverage.theirs import judge as judge_theirs


class Doubler(TransformerMixin, BaseEstimator):
    """Twice the rows; `wrong` says what its converter does instead."""

    def __init__(self, wrong="", *, accepts=True):
        self.wrong = wrong
        self.accepts = accepts

    def fit(self, X, _y=None):
        validate_data(self, X)
        return self

    def transform(self, X):
        return 2 * validate_data(self, X, reset=False, ensure_all_finite=not self.accepts)


def build_doubler(b, doubler, x):
    value = x.floats()
    answers = {
        "": lambda: b.mul(b.like(2, value), value),
        "a figure": lambda: b.mul(b.like(2 + 1e-9, value), value),
        "a shape": lambda: b.op("Concat", value, value, axis=1),
    }
    if doubler.wrong == "crash":
        raise KeyError("no such attribute")
    if doubler.wrong == "slow":
        time.sleep(3)
    return {"transform": x.of(answers.get(doubler.wrong, answers[""])(), x.width)}


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    from bridge.export import registry

    monkeypatch.setattr(registry, "_CONVERTERS", dict(registry._CONVERTERS))
    bridge.register_converter(Doubler, build_doubler)


def _judged(estimator, target="cuda", host=()):
    return judge(Subject(Case(estimator, of())), target, lambda _model: host)


def test_right_answers_are_ok():
    outcome = _judged(Doubler(), "cpu")

    assert (outcome.status, outcome.detail, outcome.methods) == ("ok", "", ("transform",))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("a figure", "160 of 160 rows, scaled error 5e-10"), ("a shape", "shape"), ("crash", "KeyError")],
)
def test_wrong_answer_is_found(wrong, said):
    outcome = _judged(Doubler(wrong))

    assert outcome.status == "wrong"
    assert said in outcome.detail


def test_wrong_answer_that_the_export_itself_finds_is_wrong_too():
    assert _judged(Doubler("a figure"), "cpu").detail.startswith("ParityError: transform")


def test_missing_converter_is_a_refusal_with_the_reason():
    outcome = _judged(type("Other", (Doubler,), {})())

    assert outcome.status == "refused"
    assert "no converter for" in outcome.detail


def test_hang_is_wrong(monkeypatch):
    monkeypatch.setattr(judging, "TIME_LIMIT", 1)

    assert _judged(Doubler("slow")).detail == "took more than 1 s"


def test_operators_on_the_host_are_told_for_cuda_alone():
    assert [_judged(Doubler(), target, ("Loop",)).host for target in ("cpu", "cuda")] == [(), ("Loop",)]


def test_rows_that_only_the_estimator_takes_are_a_refusal():
    data = of()()
    model = bridge.load(bridge.export(Doubler(accepts=False).fit(data.X), data.sample, target="cpu"))
    found = judging.Found()

    judging._compare(Doubler().fit(data.X), model, np.full((1, 6), np.nan), "rows with nan", found)

    assert found.problems == []
    assert found.refusals[0].startswith("refuses rows with nan: InputError")


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_rows_that_only_the_predictor_takes_are_wrong(value):
    data = of()()
    lax = bridge.load(bridge.export(Doubler().fit(data.X), data.sample, target="cpu"))
    found = judging.Found()

    judging._ask_all(Subject(Case(Doubler(accepts=False), of())), lax, found)

    assert f"answers {value} in column 0, which Doubler refuses" in found.problems


def test_an_estimator_is_asked_once_about_the_same_rows():
    asked = []
    model = Remembering(Doubler().fit(of()().X))
    model._model.transform = asked.append
    rows = of()().unseen

    for _ in range(2):
        model.transform(rows)
    model.transform(rows[:1])

    assert [len(rows) for rows in asked] == [160, 1]


FRAME = pd.DataFrame({"a": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("expected", "actual", "said"),
    [
        (np.zeros(3), np.zeros(3), ""),
        (np.zeros(3), np.zeros((3, 1)), "shape (3, 1) instead of (3,)"),
        (np.zeros(3), np.zeros(3, np.float32), "dtype float32 instead of float64"),
        (np.array(["a"]), np.array(["a"], object), "dtype object instead of <U1"),
        ([np.zeros(3)], np.zeros(3), "a ndarray instead of a list of 1"),
        ((np.zeros(3),), [np.zeros(3)], "a list instead of a tuple of 1"),
        ([np.zeros(3), np.zeros(2)], [np.zeros(3), np.zeros(3)], "shape (3,) instead of (2,)"),
        (sparse.csr_matrix((2, 2)), np.zeros((2, 2)), "dense instead of csr"),
        (np.zeros((2, 2)), sparse.csr_matrix((2, 2)), "csr instead of dense"),
        (FRAME, FRAME.copy(), ""),
        (FRAME, FRAME.to_numpy(), "a ndarray instead of a pandas frame"),
        (FRAME.to_numpy(), FRAME, "a DataFrame instead of an array"),
        (FRAME, FRAME.rename(columns={"a": "b"}), "columns ['b'] instead of ['a']"),
        (FRAME, FRAME.astype(np.float32), "dtypes [dtype('float32')] instead of [dtype('float64')]"),
        (FRAME, FRAME.set_axis([7, 8]), "another index"),
        (np.array([1, 2, 2]), np.array([1, 3, 2]), "1 of 3 labels: 3 instead of 2"),
        (np.array(["a", np.nan], object), np.array(["a", np.nan], object), ""),
    ],
    ids=str,
)
def test_plain_differences_are_told(expected, actual, said):
    assert differences(expected, actual, lambda rows: np.zeros(rows, bool)) == said


def test_labels_may_differ_where_the_best_scores_tie():
    model = LogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    model.intercept_[:] = 0

    assert tied_rows(model, np.array([[0.0], [1e-3]]))(2).tolist() == [True, False]


def test_skl2onnx_is_asked():
    data = of()()

    assert judge_theirs(LinearRegression().fit(data.X, data.y), data.sample, data.unseen) == ("ok", "")
    assert judge_theirs(SparseCoder(np.eye(6)).fit(data.X), data.sample, data.unseen)[0] == "refused"
    assert judge_theirs(SparseCoder(np.eye(6)).fit(data.X), [{}], [{}])[0] == "not asked"
