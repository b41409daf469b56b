"""Models of every kind of input and answer, and the answers for a whole table, which scoring in chunks is held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import BayesianRidge, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors, RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import bridge
from bridge.data.answer_columns import answer_columns
from bridge.method import answer

ROWS = 700
NUMBERS = ["a", "b", "c"]


def make_rows(rows: int = ROWS) -> pd.DataFrame:
    """Return numbers, some missing, whole numbers, words, some missing, codes made of digits, texts, and labels."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(size=(rows, 3)), columns=NUMBERS)
    table["gap"] = np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows))
    table["count"] = rng.integers(0, 9, rows)
    table["flag"] = rng.random(rows) < 0.5
    table["word"] = rng.choice(["red", "green", "blue, dark", 'the "other"'], rows)
    table["code"] = rng.choice(["01", "1", "007"], rows)
    table["hole"] = pd.Series(rng.choice(["x", "y", None], rows), dtype="str")
    table["text"] = [" ".join(rng.choice(["one", "two", "drei", "vier"], 3)) for _ in range(rows)]
    table["label"] = np.where(table["a"] + table["count"] > 4, "high", "low")
    table["other"] = (table["c"] > 0).astype(int)
    return table


@dataclass(frozen=True)
class Model:
    """An estimator, its columns (the name of one for one that takes texts), its target, and what to ask."""

    estimator: Any
    features: Any
    target: Any = "label"
    methods: tuple[str, ...] = ("predict",)


_WORDS = make_column_transformer((OneHotEncoder(), ["word", "code"]), (StandardScaler(), ["a", "count"]))
_HOLES = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)

MODELS = {
    "numbers": Model(RandomForestClassifier(5, random_state=0), NUMBERS, methods=("predict", "predict_proba")),
    "whole numbers": Model(LogisticRegression(), ["count", "flag", "other"], methods=("predict_proba",)),
    "words": Model(make_pipeline(_WORDS, LogisticRegression()), ["count", "a", "word", "code", "flag"]),
    "holes": Model(make_pipeline(_HOLES, LogisticRegression()), ["hole", "word"], methods=("predict_proba",)),
    "missing numbers": Model(HistGradientBoostingClassifier(max_iter=5), [*NUMBERS, "gap"], methods=("predict_proba",)),
    "vector of texts": Model(make_pipeline(TfidfVectorizer(), LogisticRegression()), "text"),
    "sparse": Model(CountVectorizer(), "text", None, ("transform",)),
    "text in answers": Model(SimpleImputer(strategy="most_frequent"), ["hole", "word"], None, ("transform",)),
    "two targets": Model(
        MultiOutputClassifier(LogisticRegression()), NUMBERS, ["flag", "other"], ("predict", "predict_proba")
    ),
    "many columns": Model(make_pipeline(StandardScaler(), PCA(2)), NUMBERS, None, ("transform",)),
    "named columns": Model(
        make_pipeline(StandardScaler(), PCA(2)).set_output(transform="pandas"), NUMBERS, None, ("transform",)
    ),
    "deviations": Model(BayesianRidge(), NUMBERS, "a", ("predict", "predict_std")),
    "neighbours": Model(NearestNeighbors(n_neighbors=2), NUMBERS, None, ("kneighbors",)),
    "by votes": Model(
        VotingClassifier(
            [("a", LogisticRegression()), ("b", KNeighborsClassifier(3))], voting="soft", flatten_transform=False
        ),
        NUMBERS,
        methods=("transform",),
    ),
    "in a radius": Model(RadiusNeighborsClassifier(4.0), NUMBERS, methods=("predict_proba",)),
}


def make_file(name: str, folder: Any) -> Any:
    """Return the path of an exported model of `MODELS`, made if it is not there."""
    model, table, file = MODELS[name], make_rows(), folder / f"{name}.onnx"
    if file.exists():
        return file
    y = () if model.target is None else (table[model.target],)
    fitted = model.estimator.fit(table[model.features], *y)
    bridge.export(fitted, table[model.features], file, target="cpu", methods=list(model.methods))
    return file


def whole_answers(file: Any, name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the answers for all rows at once, as a table."""
    model, predictor = MODELS[name], bridge.load(file)
    classes = [c.array() for c in predictor.metadata.classes]
    found: dict[str, Any] = {}
    for method in model.methods:
        answers = answer(predictor, method, table[model.features])
        if method == "transform" and name == "by votes":
            answers = np.moveaxis(answers, 0, 1).reshape(len(table), -1)
        found |= answer_columns(method, answers, classes)
    return pd.DataFrame(found)
