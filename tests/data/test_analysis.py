"""Text is taken apart, hashed and counted as scikit-learn does, whatever it is written in."""

import sys
import unicodedata
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.utils.murmurhash import murmurhash3_bytes_s32

from bridge.data.analysis import Analysis, build_analyzer
from bridge.data.murmur import murmur3
from bridge.data.schema import Column
from bridge.data.terms import TermsReader
from bridge.errors import InputError

TEXTS = [
    "",
    " ",
    "\t\n two  spaces \u00a0\u2003 wide\x0b\x1c ",
    "Der Flug nach Köln ist SPÄT, größer ﬁne ẞ",
    "İstanbul ǅ ΌΣΟΣ a\u0308 \u0301x_y 12 Ⅷ ① ½ \u1e9b\u0323",
    "数学 好 的 天氣 정말 หนังสือ עִברִית العَرَبِيَّة",
    "😀 👩‍👩‍👧 the\u200bend\ufeff don't rock'n'roll e-mail@x.org",
    "".join(map(chr, range(1, 1024))),
    "a b a b c",
    "one",
]
SETTINGS = [
    {},
    {"lowercase": False},
    {"strip_accents": "unicode"},
    {"strip_accents": "ascii", "ngram_range": (1, 3)},
    {"ngram_range": (2, 2), "stop_words": ["the", "der", "a"]},
    {"stop_words": "english", "ngram_range": (2, 4)},
    {"token_pattern": r"(?u)\b\w+\b"},
    {"token_pattern": r"[a-zà-ÿ]+|\S"},
    {"token_pattern": r"(?i)#?(\w)\w*"},
    *({"analyzer": kind, "ngram_range": pair} for kind in ("char", "char_wb") for pair in ((1, 1), (1, 3), (3, 5))),
    {"analyzer": "char_wb", "ngram_range": (2, 7), "strip_accents": "ascii", "lowercase": False},
]


def analysis_of(vectorizer, width=1 << 20, **options):
    return Analysis(
        column="review",
        counts="counts",
        dtype="float64",
        width=width,
        analyzer=vectorizer.analyzer,
        ngrams=vectorizer.ngram_range,
        lowercase=vectorizer.lowercase,
        strip_accents=vectorizer.strip_accents,
        pattern=vectorizer.token_pattern,
        stop_words=tuple(sorted(vectorizer.get_stop_words() or ())),
        binary=vectorizer.binary,
        **options,
    )


def reader_of(vectorizer, vocabulary=(), **options):
    analysis = analysis_of(vectorizer, **options)
    return TermsReader(Column("review", "text", "int64", vocabulary=tuple(vocabulary), analysis=analysis), analysis)


def matrix_of(reader, values):
    terms, counts = reader(reader.take_apart(values))
    wide = np.zeros((len(terms), reader.analysis.width + 1))
    np.add.at(wide, (np.arange(len(terms))[:, np.newaxis], terms), counts)
    assert not wide[:, -1].any()
    return wide[:, :-1]


@pytest.mark.parametrize("options", SETTINGS, ids=str)
def test_terms_of_many_scripts(options):
    vectorizer = CountVectorizer(**options)
    expected, analyze = vectorizer.build_analyzer(), build_analyzer(analysis_of(vectorizer))
    assert [analyze(t) for t in TEXTS] == [expected(t) for t in TEXTS]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(text=st.text(max_size=40), options=st.sampled_from(SETTINGS))
def test_terms_of_any_text(text, options):
    vectorizer = CountVectorizer(**options)
    assert build_analyzer(analysis_of(vectorizer))(text) == vectorizer.build_analyzer()(text)


@pytest.mark.parametrize("options", [{}, {"strip_accents": "unicode"}, {"strip_accents": "ascii"}], ids=str)
def test_every_character(options):
    characters = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) != "Cs"]
    text = " ".join(f"{c}x" for c in characters)
    vectorizer = CountVectorizer(**options)
    assert build_analyzer(analysis_of(vectorizer))(text) == vectorizer.build_analyzer()(text)


def test_hashes_of_every_length():
    texts = [bytes(np.random.default_rng(i).integers(0, 256, i % 67, np.uint8)) for i in range(500)]
    assert murmur3(texts).tolist() == [murmurhash3_bytes_s32(t, 0) for t in texts]
    assert murmur3([]).tolist() == []


@pytest.mark.parametrize("binary", [False, True])
def test_counts_of_a_vocabulary(binary):
    vectorizer = CountVectorizer(binary=binary).fit(TEXTS[:5])
    vocabulary = vectorizer.get_feature_names_out().tolist()
    reader = reader_of(vectorizer, vocabulary, width=len(vocabulary))
    found = matrix_of(reader, np.array(TEXTS, object))
    np.testing.assert_array_equal(found, vectorizer.transform(TEXTS).toarray())


@pytest.mark.parametrize("alternate_sign", [True, False])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("width", [1, 7, 2**10])
def test_counts_of_hashed_terms(alternate_sign, binary, width):
    options = {"alternate_sign": alternate_sign, "binary": binary}
    vectorizer = HashingVectorizer(n_features=width, norm=None, ngram_range=(1, 2), **options)
    reader = reader_of(vectorizer, width=width, alternate_sign=alternate_sign)
    expected = vectorizer.transform(TEXTS).toarray()
    np.testing.assert_array_equal(matrix_of(reader, np.array(TEXTS, object)), expected)


@pytest.mark.parametrize("dtype", [object, str, "string", "category", "string[pyarrow]"])
def test_columns_of_pandas(dtype):
    vectorizer = CountVectorizer().fit(TEXTS)
    vocabulary = vectorizer.get_feature_names_out().tolist()
    reader = reader_of(vectorizer, vocabulary, width=len(vocabulary))
    found = matrix_of(reader, pd.Series(TEXTS[:4], dtype=dtype).array)
    np.testing.assert_array_equal(found, vectorizer.transform(TEXTS[:4]).toarray())


def test_no_rows_and_rows_without_a_term():
    reader = reader_of(CountVectorizer(), ["known"], width=1)
    assert [a.shape for a in reader(reader.take_apart(np.zeros(0, object)))] == [(0, 1), (0, 1)]
    terms, counts = reader(reader.take_apart(np.array(["", "unknown"], object)))
    assert (terms.tolist(), counts.tolist()) == ([[1], [1]], [[0.0], [0.0]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", None], r"column 'review' has a missing value in row 1"),
        (["a", np.nan], r"column 'review' has a missing value in row 1"),
        ([7, "a"], r"column 'review' has 7, which is no text, in row 0"),
        (["ok", "half \ud800 pair"], r"column 'review' holds half of a surrogate pair"),
    ],
)
def test_what_is_no_text_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        matrix_of(reader_of(CountVectorizer(token_pattern=r"\S+")), np.array(values, object))


def test_a_column_of_numbers_is_refused():
    with pytest.raises(InputError, match=r"column 'review' has dtype int64, but the model takes text apart"):
        reader_of(CountVectorizer()).take_apart(np.arange(3))


@pytest.mark.parametrize(
    "damage",
    [
        *({"pattern": p} for p in ("(", "(a)(b)")),
        *({"ngrams": pair} for pair in ((0, 1), (2, 1), ("a", "b"))),
        {"analyzer": "morse"},
        {"strip_accents": "all"},
    ],
    ids=str,
)
def test_damaged_settings_are_refused(damage):
    with pytest.raises(ValueError, match="text cannot be taken apart"):
        build_analyzer(replace(analysis_of(CountVectorizer()), **damage))


@pytest.mark.parametrize("damage", [{"dtype": "object"}, {"width": 0}, {"width": 1}], ids=str)
def test_damaged_counts_are_refused(damage):
    column = Column("review", "text", "int64", vocabulary=("a", "b"))
    with pytest.raises(ValueError, match=r"counts of .* for 2 terms"):
        TermsReader(column, replace(analysis_of(CountVectorizer()), **damage))


def test_the_settings_in_words():
    words = analysis_of(CountVectorizer(ngram_range=(1, 2), stop_words=["a"], strip_accents="ascii"))
    assert str(words) == "runs of 1 to 2 words, lower case, accents stripped (ascii), 1 stop words"
    assert str(analysis_of(CountVectorizer(analyzer="char", lowercase=False))) == "runs of 1 characters"
