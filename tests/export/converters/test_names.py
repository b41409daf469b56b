"""DictVectorizer, FeatureHasher and MultiLabelBinarizer answer as scikit-learn's do, alone and in front of models."""

import json
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MultiLabelBinarizer, Normalizer, StandardScaler

import bridge
from bridge.errors import ArtifactError, InputError, InputTypeError, UnsupportedError
from bridge.runtime.predictor import TEXT_ROWS

RNG = np.random.default_rng(0)
TOWNS = ["Bonn", "Köln", "東京"]


def row():
    whole = {
        "town": str(RNG.choice(TOWNS)),
        "size": float(np.float32(RNG.normal())),
        "level": int(RNG.integers(4)),
        "late": bool(RNG.integers(2)),
        "tags": list(map(str, RNG.choice(list("abc"), 2, replace=False))),
    }
    return {k: v for k, v in whole.items() if RNG.random() < 0.8}


DICTS = [row() for _ in range(60)]
NEW = [{**row(), "other": 3.5, 7: "x"} for _ in range(40)] + [{}, {"town": "Rom"}, {"size": Decimal("0.5")}]
Y = RNG.integers(3, size=60)
FLAT, NEW_FLAT = ([{k: v for k, v in d.items() if k != "tags"} for d in rows] for rows in (DICTS, NEW))
PAIRS, NEW_PAIRS = ([[*d.items(), ("town", "Bonn"), (b"size", 2)] for d in rows] for rows in (FLAT, NEW_FLAT))
NAMES, NEW_NAMES = ([[*map(str, d.values()), "x"] for d in rows] for rows in (DICTS, NEW))
ON_EVERY_TARGET = pytest.mark.parametrize("target", ["cpu", "cuda", "portable"])


def check(model, sample, unseen, *, target="cpu", y=None):
    model.fit(sample) if y is None else model.fit(sample, y)
    file = bridge.export(model, sample, target=target)
    report = bridge.verify(model, file, unseen)
    assert report.ok, report
    return bridge.load(file, device="cpu")


@pytest.mark.parametrize(
    ("estimator", "sample", "unseen"),
    [
        (DictVectorizer(), DICTS, NEW),
        (DictVectorizer(sparse=False, separator=": "), DICTS, NEW),
        (DictVectorizer(dtype=np.float32, sort=False), DICTS, NEW),
        (DictVectorizer(dtype=np.int64), DICTS, NEW),
        (
            DictVectorizer(sort=False),
            [{1: 2.0, "a": "b", 2.5: 1}],
            [{True: 4}, {"1": 4}, {2.5: 1, "a": ["b", "c", "b"]}],
        ),
        (FeatureHasher(8), FLAT, NEW_FLAT),
        (FeatureHasher(), FLAT, NEW_FLAT),
        (FeatureHasher(7, alternate_sign=False, dtype=np.float32), FLAT, NEW_FLAT),
        (FeatureHasher(7, dtype=np.int64), FLAT, NEW_FLAT),
        (FeatureHasher(16, input_type="pair"), PAIRS, NEW_PAIRS),
        (FeatureHasher(16, input_type="string"), NAMES, [*NEW_NAMES, [], ["a", "a", b"a"], "letters"]),
        (FeatureHasher(input_type="string"), NAMES, NEW_NAMES),
        (MultiLabelBinarizer(), [{"a", "b"}, ("c",), [], ["a", "a"]], [["b", "b"], {"c"}, set()]),
        (MultiLabelBinarizer(sparse_output=True), [(1, 2), (3,)], [(3, 1), np.array([2]), (2.0,)]),
        (MultiLabelBinarizer(classes=["z", 1, 2.5]), [("z", 1)], [(1.0, 2.5), ("z",), "z"]),
    ],
    ids=lambda v: repr(v) if hasattr(v, "fit") else "",
)
@ON_EVERY_TARGET
def test_estimator(estimator, sample, unseen, target):
    model = check(estimator, sample, unseen, target=target)
    found, expected = model.transform(unseen), estimator.transform(unseen)
    assert (type(found), found.dtype, found.shape) == (type(expected), expected.dtype, expected.shape)
    assert model.transform([]).shape == (0, expected.shape[1])
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize(
    ("model", "sample", "unseen"),
    [
        (make_pipeline(DictVectorizer(), LogisticRegression()), DICTS, NEW),
        (make_pipeline(DictVectorizer(), RandomForestClassifier(5, random_state=0)), DICTS, NEW),
        (make_pipeline(DictVectorizer(sparse=False), StandardScaler(), LogisticRegression()), DICTS, NEW),
        (make_pipeline(DictVectorizer(), MaxAbsScaler(), Normalizer(), SGDClassifier(random_state=0)), DICTS, NEW),
        (make_pipeline(FeatureHasher(2**14), LogisticRegression()), FLAT, NEW_FLAT),
        (make_pipeline(FeatureHasher(alternate_sign=False, input_type="string"), MultinomialNB()), NAMES, NEW_NAMES),
        (make_pipeline(FeatureHasher(), TfidfTransformer(), SGDClassifier(loss="log_loss")), FLAT, NEW_FLAT),
        (
            make_pipeline(FeatureUnion([("d", DictVectorizer()), ("h", FeatureHasher(2**14))]), LogisticRegression()),
            FLAT,
            NEW_FLAT,
        ),
        (
            GridSearchCV(make_pipeline(DictVectorizer(), LogisticRegression()), {"logisticregression__C": [1, 2]}),
            DICTS,
            NEW,
        ),
        (VotingClassifier([("a", make_pipeline(FeatureHasher(2**14), LogisticRegression()))]), FLAT, NEW_FLAT),
    ],
    ids=lambda v: type(v).__name__ + "-".join(type(s).__name__ for _, s in getattr(v, "steps", ())),
)
@ON_EVERY_TARGET
def test_model(model, sample, unseen, target):
    check(model, sample, unseen, target=target, y=Y)


@ON_EVERY_TARGET
def test_columns_of_objects_beside_numbers(target):
    frame = pd.DataFrame({"d": DICTS, "n": np.arange(60) % 5.0, "w": NAMES})
    new = pd.DataFrame({"d": NEW, "n": np.arange(43) % 7.0, "w": NEW_NAMES})
    columns = ColumnTransformer(
        [
            ("d", DictVectorizer(), "d"),
            ("w", FeatureHasher(1000, input_type="string"), "w"),
            ("n", StandardScaler(), ["n"]),
        ]
    )
    check(make_pipeline(columns, LogisticRegression()), frame, new, target=target, y=Y)
    check(columns, frame, new, target=target)


def test_a_column_of_objects_that_no_step_can_read_is_refused():
    frame = pd.DataFrame({"d": DICTS, "n": np.arange(60.0)})
    dropped = ColumnTransformer([("n", StandardScaler(), ["n"])]).fit(frame)
    assert bridge.verify(dropped, bridge.export(dropped, frame), frame).ok
    kept = ColumnTransformer([("d", "passthrough", ["d"]), ("n", StandardScaler(), ["n"])]).fit(frame)
    with pytest.raises(InputError, match=r"column 'd' has dtype object and holds dict"):
        bridge.export(kept, frame)


@pytest.mark.parametrize("of", [list, tuple, iter, pd.Series, lambda rows: (d for d in rows)])
def test_rows_in_any_container(of):
    model = make_pipeline(DictVectorizer(), LogisticRegression()).fit(DICTS, Y)
    predictor = bridge.compile(model, DICTS, device="cpu")
    np.testing.assert_array_equal(predictor.predict(of(NEW)), model.predict(NEW))


def test_one_dict_is_one_row():
    vectorizer = DictVectorizer().fit(DICTS)
    found = bridge.compile(vectorizer, DICTS, device="cpu").transform(DICTS[0])
    np.testing.assert_array_equal(found.toarray(), vectorizer.transform(DICTS[0]).toarray())


def test_more_rows_than_are_taken_apart_at_once():
    hasher = FeatureHasher()
    rows = FLAT * (TEXT_ROWS // 50)
    predictor = pickle.loads(pickle.dumps(bridge.compile(hasher.fit(FLAT), FLAT, device="cpu")))
    assert (predictor.transform(rows) != hasher.transform(rows)).nnz == 0


def test_unknown_labels_are_warned_of_as_scikit_learn_warns():
    predictor = bridge.compile(MultiLabelBinarizer().fit([{"a"}]), [{"a"}], device="cpu")
    with pytest.warns(UserWarning, match=r"unknown class\(es\) \['b', 'c'\] will be ignored"):
        assert predictor.transform([["c", "a", "b"]]).tolist() == [[1]]
    assert predictor.classes_.tolist() == ["a"]


@pytest.mark.parametrize("bad", [{"size": np.nan}, {"size": None}, {"size": np.inf}, {"size": 1e300}], ids=str)
def test_numbers_that_the_model_refuses(bad):
    for last in (RandomForestClassifier(3), LogisticRegression()):
        model = make_pipeline(DictVectorizer(), last).fit(DICTS, Y)
        predictor = bridge.compile(model, DICTS, device="cpu")
        if isinstance(last, LogisticRegression) and bad == {"size": 1e300}:
            np.testing.assert_array_equal(predictor.predict([bad]), model.predict([bad]))
            continue
        with pytest.raises(InputError, match=r"column 'X', row 1: a value is"):
            predictor.predict([{}, bad])
    alone = bridge.compile(DictVectorizer().fit(DICTS), DICTS, device="cpu").transform([bad])
    np.testing.assert_array_equal(alone.toarray(), DictVectorizer().fit(DICTS).transform([bad]).toarray())


@pytest.mark.parametrize(
    "bad",
    [{"size": 1j}, {"size": {"a": 1}}, {"tags": [1]}, {"town": b"x"}, {"size": np.bool_(1)}, {"size": 10**400}, 5, "x"],
    ids=str,
)
def test_rows_that_scikit_learn_refuses(bad):
    vectorizer = DictVectorizer().fit(DICTS)
    with pytest.raises((TypeError, ValueError, AttributeError, OverflowError)):
        vectorizer.transform([bad])
    with pytest.raises(InputError, match=r"column 'X', row 1: (.|\n)*expected a dict from names to numbers or text"):
        bridge.compile(vectorizer, DICTS, device="cpu").transform([{}, bad])


@pytest.mark.parametrize(
    ("kind", "sample", "bad"),
    [
        ("dict", [{"a": 1}], {"a": None}),
        ("dict", [{"a": 1}], {1: 1}),
        ("dict", [{"a": 1}], {"\ud800": 1}),
        ("pair", [[("a", 1)]], ["abc"]),
        ("string", [["a"]], [1]),
        ("string", [["a"]], 1),
    ],
)
def test_rows_that_a_hasher_refuses(kind, sample, bad):
    hasher = FeatureHasher(16, input_type=kind)
    with pytest.raises((TypeError, ValueError)):
        hasher.transform([*sample, bad])
    with pytest.raises(InputError, match=r"column 'X', row 1: "):
        bridge.compile(hasher.fit(sample), sample, device="cpu").transform([*sample, bad])


def test_a_text_where_lists_were():
    predictor = bridge.compile(FeatureHasher(16, input_type="string").fit(NAMES), NAMES, device="cpu")
    with pytest.raises(InputError, match=r"the first row is the text 'abc'; expected an iterable of texts"):
        predictor.transform(["abc"])
    with pytest.raises(InputTypeError, match=r"one dict, list or set per row; found DataFrame"):
        predictor.transform(pd.DataFrame({"a": [1]}))


def test_a_thing_named_twice_is_refused_where_the_next_step_reads_both():
    twice = [{"tags": ["a", "a"]}]
    for last in (RandomForestClassifier(3), make_pipeline(Normalizer(), LogisticRegression())):
        model = make_pipeline(DictVectorizer(), last).fit(DICTS, Y)
        with pytest.raises(InputError, match=r"has a row that names one thing twice"):
            bridge.compile(model, DICTS, device="cpu").predict(twice)
    added = make_pipeline(DictVectorizer(), LogisticRegression()).fit(DICTS, Y)
    predictor = bridge.compile(added, DICTS, device="cpu")
    np.testing.assert_allclose(predictor.predict_proba(twice), added.predict_proba(twice), rtol=1e-12)


@pytest.mark.parametrize(
    ("estimator", "sample", "message"),
    [
        (DictVectorizer(sort=False).fit([{("a", 1): 2}]), [{("a", 1): 2}], r"knows the name \('a', 1\) of type tuple"),
        (DictVectorizer(dtype=np.int8).fit([{"a": 2}]), [{"a": 2}], r"expected one of float64, float32, int64, int32"),
        (DictVectorizer().fit([{}]), [{}], r"was fitted on rows that name nothing"),
        (MultiLabelBinarizer().fit([{(1, 2)}]), [{(1, 2)}], r"has labels of dtype object; a file holds text"),
    ],
)
def test_what_no_file_can_hold_is_refused(estimator, sample, message):
    with pytest.raises(UnsupportedError, match=message):
        bridge.export(estimator, sample)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("analysis", "form", "labels of a set"),
        ("analysis", "is_hashed", True),
        ("analysis", "separator", 3),
        ("analysis", "width", 2),
        ("analysis", "dtype", "int8"),
        ("method", "shape", []),
        ("method", "outputs", ["transform_columns"]),
    ],
)
def test_a_damaged_file_is_refused(part, field, value):
    of_labels = part == "analysis" and field == "is_hashed"
    estimator, rows = (MultiLabelBinarizer(), [{"a", "b", "c"}]) if of_labels else (DictVectorizer(), DICTS)
    file = bridge.export(
        FeatureHasher() if part == "method" else estimator.fit(rows), FLAT if part == "method" else rows
    )
    (entry,) = file.metadata_props
    found = json.loads(entry.value)
    holder = found["methods"][0] if part == "method" else found["schema"]["columns"][0]["analysis"]
    holder[field] = value
    entry.value = json.dumps(found)
    with pytest.raises(ArtifactError, match=r"bridge metadata is damaged"):
        bridge.load(file, device="cpu")
