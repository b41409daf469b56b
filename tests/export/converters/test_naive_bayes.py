"""Naive Bayes classifiers answer as scikit-learn's do."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_wine
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

import bridge
from bridge.errors import InputError

X, Y = load_wine(return_X_y=True)
COUNTS = np.random.default_rng(0).poisson(X / X.mean(axis=0) * 3)
NAMES = np.array(["a", "b", "c"])[Y]


@pytest.mark.parametrize(
    "model",
    [
        GaussianNB(),
        GaussianNB(priors=[0.2, 0.3, 0.5]),
        MultinomialNB(),
        MultinomialNB(fit_prior=False, alpha=0.1),
        ComplementNB(),
        ComplementNB(norm=True),
        BernoulliNB(),
        BernoulliNB(binarize=2.0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_naive_bayes(agree, model, dtype):
    agree(model.fit(COUNTS, NAMES), COUNTS.astype(dtype), float32_tolerance=1e-4)


def test_two_classes_and_data_as_they_are(agree):
    agree(GaussianNB().fit(X, Y == 1), X, float32_tolerance=1e-4)
    agree(BernoulliNB(binarize=None).fit(COUNTS > 2, Y), (COUNTS > 2).astype(float))


def test_categories(agree):
    agree(CategoricalNB().fit(COUNTS, NAMES), COUNTS)
    agree(CategoricalNB(min_categories=40).fit(COUNTS, NAMES), COUNTS.astype(float), special=False)


def test_categories_beyond_those_of_the_fit_are_refused(agree):
    frame = pd.DataFrame(COUNTS[:, :2], columns=["a", "b"])
    model = CategoricalNB().fit(frame, Y)
    agree(model, frame)
    with pytest.raises(InputError, match="row 0 is refused: CategoricalNB takes no category"):
        bridge.compile(model, frame, device="cpu").predict(frame.assign(b=99))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_numbers_that_are_not_whole_are_cut_off(agree, dtype):
    model = CategoricalNB().fit(COUNTS, NAMES)
    agree(model, (COUNTS + 0.75).astype(dtype), (COUNTS[:5] - 0.25).clip(-0.5).astype(dtype), special=False)


@pytest.mark.parametrize("model", [MultinomialNB(), ComplementNB(), BernoulliNB()], ids=repr)
def test_sparse_counts(agree, model):
    table = sparse.csr_matrix(COUNTS.astype(float))
    agree(model.fit(table, Y), table, routes=[("cpu", "exact")])
