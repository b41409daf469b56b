"""Vectorizers of text, alone and in front of models, answer as scikit-learn's do, on every target."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import MiniBatchNMF, TruncatedSVD
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, chi2
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import Binarizer, MaxAbsScaler, Normalizer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

import bridge
from bridge.artifact import get_metadata
from bridge.data.terms import TermsReader
from bridge.errors import InputTypeError, UnsupportedError
from bridge.runtime.predictor import TEXT_ROWS

TEXTS = [
    "Der Flug nach Köln ist spät, größer ﬁne",
    "the the plane is late",
    "",
    "naïve café's  \t two",
    "İstanbul ß ẞ a\u0308 x_y 12",
    "数学 好 的 天氣",
    "one two three one two",
    "the café is late two",
] * 3
Y = np.array(list("aabbcacb") * 3)
UNSEEN = ["unseen words", "Köln is LATE late", " ", "the café ﬁne one two three", "\u1e9b\u0323 Ⅷ ①", "😀 the"]
FRAME = pd.DataFrame({"review": TEXTS, "stars": np.arange(24.0) % 5, "town": list("xyz") * 8})
NEW = pd.DataFrame({"review": UNSEEN, "stars": [1.0, 9, 3, 0, 2, 2], "town": list("xyzqxy")})
TARGETS = ["cpu", "cuda", "portable"]
ON_EVERY_TARGET = pytest.mark.parametrize("target", TARGETS)


def check(model, sample=TEXTS, unseen=UNSEEN, *, target="cpu", y=Y):
    model.fit(sample, y)
    file = bridge.export(model, sample, target=target)
    report = bridge.verify(model, file, unseen)
    assert report.ok, report
    return file


@pytest.mark.parametrize(
    "vectorizer",
    [
        CountVectorizer(),
        CountVectorizer(binary=True, dtype=np.float32, analyzer="char_wb", ngram_range=(1, 3)),
        CountVectorizer(vocabulary={"late": 1, "the": 0, "köln": 2}),
        CountVectorizer(max_df=0.3, min_df=2, max_features=4),
        TfidfVectorizer(),
        TfidfVectorizer(dtype=np.float32),
        TfidfVectorizer(norm="l1", sublinear_tf=True, smooth_idf=False, ngram_range=(1, 2), stop_words="english"),
        TfidfVectorizer(norm=None, use_idf=False, strip_accents="ascii", analyzer="char", ngram_range=(2, 3)),
        TfidfVectorizer(use_idf=False, binary=True, token_pattern=r"(?u)\b\w+\b", strip_accents="unicode"),
        HashingVectorizer(n_features=64),
        HashingVectorizer(n_features=8, norm="l1", alternate_sign=False),
        HashingVectorizer(n_features=5, norm=None, binary=True),
    ],
    ids=repr,
)
@ON_EVERY_TARGET
def test_vectorizer(vectorizer, target):
    check(vectorizer, target=target)


@pytest.mark.parametrize("options", [{}, {"sublinear_tf": True}, {"norm": "l1", "use_idf": False}], ids=str)
@ON_EVERY_TARGET
def test_weights_of_a_matrix_of_counts(options, target):
    counts = np.random.default_rng(0).poisson(0.7, (30, 6)).astype(float)
    check(TfidfTransformer(**options), counts, counts[::-1] + 1, target=target, y=None)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(TfidfVectorizer(), LogisticRegression()),
        make_pipeline(CountVectorizer(), TfidfTransformer(), LinearSVC()),
        make_pipeline(CountVectorizer(), MultinomialNB()),
        make_pipeline(CountVectorizer(dtype=np.float32), ComplementNB()),
        make_pipeline(HashingVectorizer(), SGDClassifier(random_state=0)),
        make_pipeline(TfidfVectorizer(), Normalizer("max"), MaxAbsScaler(), LogisticRegression()),
        make_pipeline(TfidfVectorizer(), TruncatedSVD(3, random_state=0), SVC()),
        make_pipeline(TfidfVectorizer(), SVC()),
        make_pipeline(CountVectorizer(), RandomForestClassifier(5, random_state=0)),
        make_pipeline(
            FeatureUnion(
                [("w", TfidfVectorizer()), ("c", CountVectorizer(analyzer="char"))], transformer_weights={"w": 2}
            ),
            LogisticRegression(),
        ),
    ],
    ids=lambda m: "-".join(type(s).__name__ for _, s in m.steps),
)
@ON_EVERY_TARGET
def test_model_of_texts(model, target):
    check(model, target=target)


def columns(**options):
    return ColumnTransformer(
        [
            ("words", TfidfVectorizer(), "review"),
            ("hashed", HashingVectorizer(n_features=32), "review"),
            ("stars", StandardScaler(), ["stars"]),
            ("town", OneHotEncoder(handle_unknown="ignore"), ["town"]),
        ],
        **options,
    )


@ON_EVERY_TARGET
def test_text_beside_numbers(target):
    file = check(make_pipeline(columns(), LogisticRegression()), FRAME, NEW, target=target)
    assert {"review.terms", "review.counts", "review.terms_", "review.counts_"} < {i.name for i in file.graph.input}
    assert "ScatterElements" not in {n.op_type for n in file.graph.node}  # the terms' rows are gathered


@ON_EVERY_TARGET
def test_texts_of_several_columns_have_lengths_of_their_own(target):
    model = ColumnTransformer([("a", TfidfVectorizer(), "review"), ("b", CountVectorizer(analyzer="char"), "town")])
    check(make_pipeline(model, StandardScaler(with_mean=False), LogisticRegression()), FRAME, NEW, target=target)


def test_members_that_take_a_text_apart_alike_share_its_terms():
    members = [(n, make_pipeline(TfidfVectorizer(norm=n), LogisticRegression())) for n in ("l1", "l2")]
    file = check(VotingClassifier(members, voting="soft"))
    assert [i.name for i in file.graph.input] == ["X.terms", "X.counts"]


def test_members_with_vocabularies_of_their_own_take_a_text_apart_once(monkeypatch):
    vectorizers = [TfidfVectorizer(max_features=most) for most in (3, 7, None)]
    model = VotingClassifier([(str(i), make_pipeline(v, LinearSVC())) for i, v in enumerate(vectorizers)])
    predictor = bridge.load(check(model), device="cpu")
    assert len(predictor.metadata.schema.columns) == 3
    calls = []
    take_apart = TermsReader.take_apart
    monkeypatch.setattr(TermsReader, "take_apart", lambda self, values: calls.append(1) or take_apart(self, values))
    np.testing.assert_array_equal(predictor.predict(UNSEEN), model.predict(UNSEEN))
    assert len(calls) == 1


def test_text_that_is_a_category_too(tmp_path):
    both = ColumnTransformer([("a", TfidfVectorizer(), "town"), ("b", OneHotEncoder(), ["town"])])
    both.set_params(a__token_pattern=".")
    bridge.export(both.fit(FRAME), FRAME, tmp_path / "m.onnx", target="cpu")
    assert bridge.verify(both, tmp_path / "m.onnx", FRAME[::-1]).ok


def test_columns_in_another_order_and_of_polars():
    model = make_pipeline(columns(), LogisticRegression()).fit(FRAME, Y)
    predictor = bridge.compile(model, FRAME, device="cpu")
    expected = model.predict_proba(NEW)
    np.testing.assert_allclose(predictor.predict_proba(NEW[["town", "stars", "review"]]), expected, rtol=1e-12)
    np.testing.assert_allclose(predictor.predict_proba(pl.from_pandas(NEW)), expected, rtol=1e-12)


@pytest.mark.parametrize("of", [list, tuple, np.array, pd.Series, pl.Series], ids=lambda f: f.__name__)
def test_rows_of_text_in_any_form(of):
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, Y)
    predictor = bridge.compile(model, of(TEXTS), device="cpu")
    np.testing.assert_array_equal(predictor.predict(of(UNSEEN)), model.predict(UNSEEN))
    assert predictor.predict([]).shape == (0,)
    assert not hasattr(predictor, "n_features_in_")


def test_more_rows_than_are_taken_apart_at_once():
    model = make_pipeline(HashingVectorizer(n_features=2**12), LogisticRegression()).fit(TEXTS, Y)
    rows = TEXTS * 120
    np.testing.assert_allclose(
        bridge.compile(model, TEXTS, device="cpu").predict_proba(rows), model.predict_proba(rows), rtol=1e-12
    )


def test_a_table_is_refused_where_texts_were():
    predictor = bridge.compile(
        make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, Y), TEXTS, device="cpu"
    )
    with pytest.raises(InputTypeError, match=r"one value per row; found DataFrame"):
        predictor.predict(FRAME)


@pytest.mark.parametrize(
    ("vectorizer", "message"),
    [
        (TfidfVectorizer(tokenizer=str.split, token_pattern=None), r"TfidfVectorizer\(tokenizer=split\) runs Python"),
        (CountVectorizer(analyzer=str.split), r"CountVectorizer\(analyzer=split\) runs Python"),
        (CountVectorizer(preprocessor=str.upper), r"CountVectorizer\(preprocessor=upper\) runs Python"),
        (CountVectorizer(strip_accents=str.title), r"CountVectorizer\(strip_accents=title\) runs Python"),
        (CountVectorizer(dtype=np.int8), r"expected one of float64, float32, int64, int32"),
    ],
)
def test_what_no_file_can_hold_is_refused(vectorizer, message):
    with pytest.raises(UnsupportedError, match=message):
        bridge.export(vectorizer.fit(TEXTS), TEXTS)


def test_topics_of_many_texts_are_found_for_all_of_them_together():
    words = np.array([f"w{i:02}" for i in range(40)])
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words[:20], 3)) for _ in range(TEXT_ROWS)]
    texts += [" ".join(rng.choice(words, 60)) for _ in range(500)]
    model = make_pipeline(CountVectorizer(dtype=np.float64), MiniBatchNMF(4, random_state=0, tol=1e-2)).fit(texts)
    found = bridge.compile(model, texts[-300:], device="cpu").transform(texts)
    np.testing.assert_allclose(found, model.transform(texts), atol=1e-12)


@pytest.mark.parametrize(
    "vectorizer",
    [
        HashingVectorizer(),
        HashingVectorizer(norm="l1", alternate_sign=False, analyzer="char", ngram_range=(1, 3)),
        HashingVectorizer(n_features=5000, norm=None, analyzer="char", ngram_range=(1, 4)),
        make_pipeline(HashingVectorizer(alternate_sign=False), TfidfTransformer(sublinear_tf=True)),
        make_pipeline(HashingVectorizer(), MaxAbsScaler(), Normalizer("max")),
        FeatureUnion([("h", HashingVectorizer()), ("t", TfidfVectorizer())], transformer_weights={"h": 3}),
    ],
    ids=lambda v: "-".join(type(s).__name__ for _, s in getattr(v, "steps", [("", v)])),
)
@ON_EVERY_TARGET
def test_sparse_answers_of_many_columns_are_given_by_their_entries(vectorizer, target):
    file = check(vectorizer, target=target)
    assert [o.name for o in file.graph.output] == ["transform_columns", "transform_values"]
    assert all("every entry of the sparse matrix" in o.doc_string for o in file.graph.output)
    assert all("of what column 'X' holds" in i.doc_string for i in file.graph.input)
    assert "ScatterElements" not in {n.op_type for n in file.graph.node}
    found, expected = bridge.load(file, device="cpu").transform(TEXTS * 60), vectorizer.transform(TEXTS * 60)
    assert (type(found), found.dtype, found.shape) == (type(expected), expected.dtype, expected.shape)
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-5 if target == "portable" else 1e-12)
    assert bridge.load(file, device="cpu").transform([]).shape == (0, expected.shape[1])


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(HashingVectorizer(), Normalizer("l1"), MaxAbsScaler(), SGDClassifier(random_state=0)),
        make_pipeline(HashingVectorizer(alternate_sign=False), TfidfTransformer(), MultinomialNB()),
        make_pipeline(CountVectorizer(), Binarizer(threshold=1), BernoulliNB(binarize=0.5)),
        make_pipeline(HashingVectorizer(n_features=2**18), VarianceThreshold(), RandomForestClassifier(3)),
        make_pipeline(HashingVectorizer(n_features=2**14), TruncatedSVD(2, random_state=0), LinearSVC()),
        make_pipeline(TfidfVectorizer(analyzer="char_wb"), SelectKBest(chi2, k=9), LogisticRegression()),
    ],
    ids=lambda m: "-".join(type(s).__name__ for _, s in m.steps),
)
@ON_EVERY_TARGET
def test_steps_behind_many_columns_read_the_entries_alone(model, target):
    file = check(model, target=target)
    is_forest = isinstance(model[-1], RandomForestClassifier)
    assert is_forest or "ScatterElements" not in {n.op_type for n in file.graph.node}


@ON_EVERY_TARGET
def test_trees_get_the_columns_that_they_ask_about(target):
    model = make_pipeline(HashingVectorizer(), RandomForestClassifier(5, random_state=0))
    file = check(model, target=target)
    (table,) = [i for i in file.graph.initializer if max(i.dims, default=0) > 1000]
    assert list(table.dims) == [2**20 + 1]  # the place of each column
    check(make_pipeline(HashingVectorizer(), DecisionTreeClassifier(min_samples_split=99)), target=target)  # one leaf


def test_a_dense_step_behind_very_many_columns_is_refused():
    scaler = MaxAbsScaler(clip=True)
    model = make_pipeline(HashingVectorizer(n_features=2**23), scaler, SGDClassifier(max_iter=2)).fit(TEXTS, Y)
    with pytest.raises(UnsupportedError, match=r"a step needs all 8,388,608 columns of a sparse matrix side by side"):
        bridge.export(model, TEXTS)


def test_rows_of_many_terms_run_in_smaller_blocks(monkeypatch):
    model = make_pipeline(TfidfVectorizer(analyzer="char"), TruncatedSVD(5, random_state=0)).fit(TEXTS)
    file = bridge.export(model, TEXTS, target="cpu")
    metadata = get_metadata(file)
    assert metadata.entry_bytes >= 5 * 8
    predictor = bridge.load(file, device="cpu")
    longest = predictor._encode(TEXTS)["X.counts"].shape[1]
    predictor._bytes = 7 * metadata.entry_bytes * longest
    sizes = []
    execute = predictor._execute
    monkeypatch.setattr(
        predictor, "_execute", lambda names, feeds: sizes.append(len(feeds["X.counts"])) or execute(names, feeds)
    )
    predictor._set_attributes()
    np.testing.assert_allclose(predictor.transform(TEXTS), model.transform(TEXTS), atol=1e-12)
    assert max(sizes) == 7
