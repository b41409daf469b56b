"""Text, dicts, labels and images: what comes in is no table of numbers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn import compose, feature_extraction, pipeline, preprocessing
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import image, text
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import MultinomialNB

from tests.coverage.case import Case, Default
from tests.coverage.data import ROWS, Data, table

_WORDS = (
    "the", "cat", "sat", "on", "mat", "dog", "Dogs", "DOG", "ran", "far", "away", "from", "home", "home", "again",
    "x", "yz", "42", "3.14", "don't", "well-known", "e-mail", "naïve", "façade", "Straße", "STRASSE", "İstanbul",
    "ısı", "Ærøskøbing", "Ωmega", "ὈΔΥΣΣΕΎΣ", "Привет", "МИР", "東京", "日本語", "한국어", "emoji😀", "ﬁne", "½", "²",  # noqa: RUF001
)  # fmt: skip
_BETWEEN = (" ", "  ", ", ", ". ", "\n", "\t", "-", "\u00a0", "; ")


def documents(*, ascii_only: bool = False) -> Data:
    """Return documents, some of them empty, with words that no fit has met among the unseen."""
    rng = np.random.default_rng(5)
    words = [w for w in _WORDS if w.isascii() or not ascii_only]

    def write(known: list[str]) -> str:
        return "".join(
            known[rng.integers(len(known))] + _BETWEEN[rng.integers(len(_BETWEEN))] for _ in range(rng.integers(9))
        )

    X = [write(words[:-3]) for _ in range(ROWS)]
    unseen = [write(words) for _ in range(ROWS)]
    y = np.array(["cat" in d or "home" in d for d in X]).astype(int)
    return Data(np.array(X, object), y, np.array(unseen, object))


def _without_target(data: Data) -> Data:
    return Data(data.X, None, data.unseen)


def _documents() -> Data:
    return _without_target(documents())


def _ascii() -> Data:
    return _without_target(documents(ascii_only=True))


def _listed() -> Data:
    rows = _documents()
    return Data(rows.X.tolist(), None, rows.unseen.tolist())


def _column() -> Data:
    """Return the documents as a column of a frame, beside a number."""
    rows = documents()
    frame = [pd.DataFrame({"text": X, "length": [float(len(d)) for d in X]}) for X in (rows.X, rows.unseen)]
    return Data(frame[0], rows.y, frame[1])


def _counts() -> Data:
    return table("counts", "none")


def _dicts() -> Data:
    rng = np.random.default_rng(6)
    towns = ("Bonn", "Köln", "Ulm")

    def row() -> dict[str, Any]:
        whole = {"town": towns[rng.integers(3)], "size": float(rng.normal()), "level": int(rng.integers(3))}
        return {k: v for k, v in whole.items() if rng.random() < 0.8}

    return Data([row() for _ in range(ROWS)], None, [{**row(), "new": 1.0} for _ in range(ROWS)])


def _flights() -> Data:
    """Return dicts, and whether what they say is late."""
    rows = _dicts()
    return Data(rows.X, np.array([d.get("size", 0) + (d.get("town") == "Ulm") > 0.3 for d in rows.X]), rows.unseen)


def _listing_dicts() -> Data:
    rows = _dicts()
    return Data(*([{**d, "tags": list(str(d.get("town")))[:3]} for d in X] if X else None for X in _parts(rows)))


def _tokens() -> Data:
    rows = _documents()
    return Data([d.split() for d in rows.X], None, [d.split() for d in rows.unseen])


def _labels(target: str) -> Data:
    rows = table("numbers", target)
    half = len(rows.y) // 2
    return Data(rows.y[:half], None, rows.y[half:])


def _sets() -> Data:
    rng = np.random.default_rng(6)
    rows = [[name for name in ("a", "b", "c", "d") if rng.random() < 0.4] for _ in range(2 * ROWS)]
    return Data(rows[:ROWS], None, rows[ROWS:])


def _images(channels: int | None = None) -> Data:
    shape = (12, 8, 8) if channels is None else (12, 8, 8, channels)
    pixels = np.random.default_rng(6).normal(size=(2, *shape))
    return Data(pixels[0], None, pixels[1])


DEFAULTS = (
    Default(text.CountVectorizer(), data=_ascii),
    Default(text.TfidfVectorizer(), data=_ascii),
    Default(text.HashingVectorizer(n_features=64), data=_ascii),
    Default(text.TfidfTransformer(), data=_counts),
    Default(feature_extraction.DictVectorizer(), data=_dicts),
    Default(feature_extraction.FeatureHasher(32), data=_dicts),
    Default(image.PatchExtractor(patch_size=(3, 3)), data=_images),
    Default(preprocessing.LabelEncoder(), data=partial(_labels, "three text")),
    Default(preprocessing.LabelBinarizer(), data=partial(_labels, "three")),
    Default(preprocessing.MultiLabelBinarizer(), data=_sets),
)
_BOTH = (text.CountVectorizer, text.TfidfVectorizer)
_VECTORIZERS = {
    "one to two words": {"ngram_range": (1, 2)},
    "characters": {"analyzer": "char", "ngram_range": (2, 3)},
    "characters within words": {"analyzer": "char_wb", "ngram_range": (2, 4)},
    "accents stripped": {"strip_accents": "unicode"},
    "case kept": {"lowercase": False},
    "one letter words": {"token_pattern": r"(?u)\b\w+\b"},
    "stop words": {"stop_words": ["the", "on", "from"]},
    "given vocabulary": {"vocabulary": ["cat", "dog", "home"]},
    "seen in two documents": {"min_df": 2, "max_df": 0.9},
}
_READS_TEXT = [("text", text.TfidfVectorizer(), "text"), ("length", preprocessing.StandardScaler(), ["length"])]
NAMED = (
    *(Case(kind(), _documents, "not ASCII", issue=True) for kind in _BOTH),
    *(Case(kind(**options), _documents, name) for kind in _BOTH for name, options in _VECTORIZERS.items()),
    *(Case(kind(), _listed, "a list") for kind in (*_BOTH, text.HashingVectorizer)),
    Case(text.HashingVectorizer(n_features=64), _documents, "not ASCII"),
    Case(text.TfidfVectorizer(sublinear_tf=True, norm="l1"), _documents, "sublinear, l1"),
    Case(text.TfidfTransformer(sublinear_tf=True), _counts, "sublinear"),
    Case(pipeline.make_pipeline(text.TfidfVectorizer(), LogisticRegression()), documents, "of text"),
    Case(
        pipeline.make_pipeline(compose.ColumnTransformer(_READS_TEXT), LogisticRegression()),
        _column,
        "of a column of text",
    ),
    Case(compose.ColumnTransformer(_READS_TEXT), _column, "a column of text"),
    Case(feature_extraction.FeatureHasher(32, input_type="string"), _tokens, "input_type=string"),
    Case(
        feature_extraction.FeatureHasher(32, input_type="pair"),
        lambda: Data(*([[(w, 2.0) for w in d] for d in X] if X else None for X in _parts(_tokens()))),
        "input_type=pair",
    ),
    *(
        Case(pipeline.make_pipeline(*steps), documents, f"of text, {name}")
        for name, steps in {
            "hashed": (text.HashingVectorizer(), SGDClassifier(random_state=0)),
            "hashed, weighted": (
                text.HashingVectorizer(),
                text.TfidfTransformer(),
                SGDClassifier(loss="log_loss", random_state=0),
            ),
            "hashed counts": (text.HashingVectorizer(alternate_sign=False, norm=None), MultinomialNB()),
            "hashed, alone": (text.HashingVectorizer(), preprocessing.Normalizer("l1"), preprocessing.MaxAbsScaler()),
            "projected": (text.TfidfVectorizer(), TruncatedSVD(5, random_state=0), LogisticRegression()),
            "selected": (text.CountVectorizer(), SelectKBest(chi2, k=8), RandomForestClassifier(10, random_state=0)),
            "of two kinds": (
                pipeline.FeatureUnion([("w", text.TfidfVectorizer()), ("c", text.HashingVectorizer(analyzer="char"))]),
                SGDClassifier(random_state=0),
            ),
        }.items()
    ),
    *(
        Case(pipeline.make_pipeline(*steps), _flights, f"of dicts, {name}")
        for name, steps in {
            "linear": (feature_extraction.DictVectorizer(), LogisticRegression()),
            "forest": (feature_extraction.DictVectorizer(), RandomForestClassifier(20, random_state=0)),
            "dense": (
                feature_extraction.DictVectorizer(sparse=False),
                preprocessing.StandardScaler(),
                LogisticRegression(),
            ),
            "hashed": (feature_extraction.FeatureHasher(2**14), LogisticRegression()),
            "hashed, forest": (feature_extraction.FeatureHasher(256), RandomForestClassifier(20, random_state=0)),
        }.items()
    ),
    Case(feature_extraction.DictVectorizer(), _listing_dicts, "lists in dicts"),
    Case(feature_extraction.FeatureHasher(), _dicts, "a million columns"),
    Case(feature_extraction.FeatureHasher(32, dtype=np.float32), _dicts, "dtype=float32"),
    Case(image.PatchExtractor(patch_size=(3, 3), max_patches=4, random_state=0), _images, "drawn at random"),
    Case(image.PatchExtractor(patch_size=(3, 3)), partial(_images, 3), "of colours"),
    Case(preprocessing.LabelBinarizer(neg_label=-1, pos_label=2), partial(_labels, "binary text"), "two, other values"),
    Case(preprocessing.LabelBinarizer(), partial(_labels, "multilabel"), "multilabel"),
    Case(preprocessing.LabelEncoder(), partial(_labels, "three"), "integers"),
)


def _parts(data: Data) -> tuple[Any, Any, Any]:
    return data.X, data.y, data.unseen
