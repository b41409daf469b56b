"""One cheap instance of every scikit-learn estimator that has `partial_fit`, and pipelines of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn import cluster, decomposition, linear_model, naive_bayes, neural_network, preprocessing
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler

ROWS, CHUNK = 700, 150
NUMBERS, COUNTS = ["a", "b", "c", "d"], ["n", "o", "p", "q"]


def make_table(rows: int = ROWS) -> pd.DataFrame:
    """Return numbers, counts, texts, and targets of every kind."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(size=(rows, 4)), columns=NUMBERS)
    table[COUNTS] = rng.integers(0, 4, (rows, 4))
    table["text"] = [" ".join(rng.choice(["one", "two", "drei", "vier"], 3)) for _ in range(rows)]
    score = table["a"] + 0.5 * table["b"] + 0.2 * table["n"]
    table["label"] = np.where(score > 1, "high", np.where(score < 0, "low", "mid"))
    table["other"] = (table["c"] > 0).astype(int)
    table["value"] = score + 0.1 * rng.normal(size=rows)
    table["second"] = table["d"] * 2
    return table


@dataclass(frozen=True)
class Case:
    """An estimator, its features, and its target columns."""

    estimator: Any
    features: list[str]
    target: str | list[str] | None

    @property
    def name(self) -> str:
        return type(self.estimator).__name__


_SGD = linear_model.SGDClassifier(random_state=0)
CASES = (
    *(
        Case(e, NUMBERS, "label")
        for e in (
            _SGD,
            linear_model.Perceptron(random_state=np.random.RandomState(4)),
            linear_model.PassiveAggressiveClassifier(random_state=0),
            naive_bayes.GaussianNB(),
            neural_network.MLPClassifier((5,), random_state=np.random.RandomState(1)),
            OneVsOneClassifier(_SGD),
            OneVsRestClassifier(_SGD),
            SelectFromModel(_SGD),
        )
    ),
    *(
        Case(e, COUNTS, "label")
        for e in (
            naive_bayes.BernoulliNB(),
            naive_bayes.CategoricalNB(min_categories=4),
            naive_bayes.ComplementNB(),
            naive_bayes.MultinomialNB(),
        )
    ),
    *(
        Case(e, NUMBERS, "value")
        for e in (
            linear_model.SGDRegressor(average=True, random_state=np.random.RandomState(2)),
            linear_model.PassiveAggressiveRegressor(random_state=0),
            neural_network.MLPRegressor(hidden_layer_sizes=(5,), random_state=0),
        )
    ),
    Case(
        MultiOutputClassifier(linear_model.SGDClassifier(random_state=np.random.RandomState(5))),
        NUMBERS,
        ["other", "n"],
    ),
    Case(MultiOutputRegressor(linear_model.SGDRegressor(random_state=0)), NUMBERS, ["value", "second"]),
    *(
        Case(e, NUMBERS, None)
        for e in (
            linear_model.SGDOneClassSVM(random_state=0),
            cluster.Birch(threshold=0.4, branching_factor=6),
            cluster.MiniBatchKMeans(3, random_state=np.random.RandomState(6), n_init=2),
            decomposition.IncrementalPCA(3),
            decomposition.MiniBatchDictionaryLearning(3, random_state=0, max_iter=3),
            preprocessing.MaxAbsScaler(),
            preprocessing.MinMaxScaler(),
            preprocessing.StandardScaler(),
        )
    ),
    *(
        Case(e, COUNTS, None)
        for e in (
            decomposition.LatentDirichletAllocation(2, random_state=0, max_iter=2),
            decomposition.MiniBatchNMF(2, random_state=0, max_iter=5),
            neural_network.BernoulliRBM(3, random_state=0),
        )
    ),
    Case(HashingVectorizer(n_features=64), ["text"], None),
)

PIPELINES = {
    "scaled": Case(make_pipeline(StandardScaler(), _SGD), NUMBERS, "label"),
    "components": Case(
        make_pipeline(StandardScaler(), decomposition.IncrementalPCA(2), _SGD), [*NUMBERS, *COUNTS], "label"
    ),
    "stateless": Case(make_pipeline(FunctionTransformer(np.abs), Normalizer(), "passthrough", _SGD), NUMBERS, "label"),
    "text": Case(make_pipeline(HashingVectorizer(n_features=64), _SGD), ["text"], "label"),
    "nested": Case(make_pipeline(make_pipeline(StandardScaler(), Normalizer()), _SGD), NUMBERS, "label"),
    "frozen": Case(
        make_pipeline(
            FrozenEstimator(preprocessing.QuantileTransformer(n_quantiles=10).fit(make_table()[NUMBERS])), _SGD
        ),
        NUMBERS,
        "label",
    ),
}
