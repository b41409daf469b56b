"""One-hot, ordinal and target encoders answer as scikit-learn's do: unknown, infrequent, missing, dropped."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, TargetEncoder

from bridge.errors import InputError
from bridge.export.graph import export_graph

RNG = np.random.default_rng(0)
ROWS = 80
TOWNS = np.array(["Ulm", "Bonn", "Köln", "", "a b", "日本"], object)
EXACT = [("cpu", "exact"), ("cuda", "exact")]


def text_frame(*, missing):
    town = RNG.choice(TOWNS, ROWS, p=[0.4, 0.3, 0.15, 0.05, 0.05, 0.05])
    letter = RNG.choice(np.array(["x", "y"], object), ROWS)
    if missing is not ...:
        town[RNG.random(ROWS) < 0.2] = missing
    return pd.DataFrame({"town": pd.Series(town, dtype=object), "letter": pd.Series(letter, dtype=object)})


def numbers(dtype, *, missing=False):
    data = RNG.integers(-3, 4, (ROWS, 3)) / (4 if np.dtype(dtype).kind == "f" else 1)
    data[:, 2] = RNG.choice([0.0, 1.0], ROWS)
    if missing:
        data[RNG.random(data.shape) < 0.2] = np.nan
    return data.astype(dtype)


ONE_HOTS = [
    {},
    {"handle_unknown": "ignore"},
    {"handle_unknown": "warn"},
    {"drop": "first"},
    {"drop": "if_binary", "handle_unknown": "ignore"},
    {"drop": "first", "handle_unknown": "ignore"},
    {"sparse_output": False, "dtype": np.float32},
    {"sparse_output": False, "dtype": np.int32},
    {"min_frequency": 15},
    {"max_categories": 3, "handle_unknown": "ignore"},
    {"max_categories": 1, "handle_unknown": "infrequent_if_exist"},
    {"min_frequency": 0.2, "handle_unknown": "infrequent_if_exist"},
    {"min_frequency": 15, "handle_unknown": "infrequent_if_exist", "drop": "first"},
    {"max_categories": 2, "handle_unknown": "warn", "drop": "if_binary"},
]


@pytest.mark.parametrize("options", ONE_HOTS, ids=str)
@pytest.mark.parametrize("missing", [..., np.nan, None], ids=["full", "NaN", "None"])
def test_one_hot_of_text(agree, options, missing):
    data = text_frame(missing=missing)
    agree(OneHotEncoder(**options).fit(data), data, tolerance=0)


@pytest.mark.parametrize("options", ONE_HOTS, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.uint8])
def test_one_hot_of_a_numeric_array(agree, options, dtype):
    data = numbers(dtype) if dtype is not np.uint8 else numbers(np.int64).clip(0).astype(np.uint8)
    agree(OneHotEncoder(**options).fit(data), data, tolerance=0, routes=EXACT)


@pytest.mark.parametrize("options", ONE_HOTS, ids=str)
def test_one_hot_of_numbers_with_nan(agree, options):
    data = numbers(np.float64, missing=True)
    agree(OneHotEncoder(**options).fit(data), data, tolerance=0)


def test_one_hot_drops_chosen_categories(agree):
    data = text_frame(missing=np.nan)
    agree(OneHotEncoder(drop=["Bonn", "y"]).fit(data), data, tolerance=0, routes=EXACT)
    agree(OneHotEncoder(drop=[np.nan, "y"]).fit(data), data, tolerance=0, routes=EXACT)


def test_one_hot_with_given_categories(agree):
    data = text_frame(missing=...)
    given = [[*TOWNS[::-1], "Rom"], ["y", "x", "z"]]
    agree(OneHotEncoder(categories=given).fit(data), data, tolerance=0, routes=EXACT)


def test_none_and_nan_are_two_categories(agree):
    data = text_frame(missing=np.nan)
    data.loc[data.index[:5], "town"] = None
    agree(OneHotEncoder().fit(data), data, tolerance=0, routes=EXACT)
    agree(OrdinalEncoder().fit(data), data, tolerance=0, routes=EXACT)


def test_float32_data_is_compared_with_float64_categories_in_float64(agree):
    data = numbers(np.float64) * 0.4
    encoder = OneHotEncoder(handle_unknown="ignore").fit(data)
    agree(encoder, data.astype(np.float32), tolerance=0, routes=EXACT)  # 0.1 is unknown in float32


def test_float32_graph_knows_the_rounded_categories(agree):
    data = numbers(np.float64) * 0.4
    agree(OneHotEncoder().fit(data), data, tolerance=0, rounded=False, special=False)


def mixed_frame():
    data = text_frame(missing=...)
    integers = numbers(np.int64)
    return data.assign(month=integers[:, 0], flag=integers[:, 2] > 0, share=numbers(np.float64)[:, 1])


@pytest.mark.parametrize(
    "encoder", [OneHotEncoder(), OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder()], ids=repr
)
def test_frames_mix_text_and_numbers(agree, encoder):
    data = mixed_frame()
    agree(encoder.fit(data), data, tolerance=0)


def test_object_arrays_mix_text_and_numbers(agree):
    data = mixed_frame()[["town", "month"]].to_numpy()
    agree(OneHotEncoder(handle_unknown="ignore").fit(data), data, tolerance=0, routes=EXACT, special=False)


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=repr)
@pytest.mark.parametrize(("column", "value"), [("town", "Rom"), ("month", 9)])
def test_unknown_categories_are_refused_by_the_host(open_graph, encoder, column, value):
    data = mixed_frame()
    route = open_graph(encoder.fit(data), data)
    with pytest.raises(InputError, match=f"column '{column}' holds unknown categories: '{value}"):
        route(data.assign(**{column: value}))


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=repr)
def test_unknown_categories_of_an_array_are_refused_column_by_column(open_graph, encoder):
    data = np.column_stack([np.arange(6) % 3, np.arange(6) % 2 + 5])
    steps = ColumnTransformer([("codes", make_pipeline(SimpleImputer(strategy="most_frequent"), encoder), [1])])
    route = open_graph(steps.set_params(remainder="passthrough").fit(data), data)
    assert route(np.array([[99, 5]]))["transform"].shape[0] == 1
    with pytest.raises(InputError, match="column '1' holds unknown categories: '0'"):
        route(np.array([[0, 0]]))


ORDINALS = [
    {},
    {"handle_unknown": "use_encoded_value", "unknown_value": -1},
    {"handle_unknown": "use_encoded_value", "unknown_value": np.nan},
    {"handle_unknown": "use_encoded_value", "unknown_value": 99, "encoded_missing_value": -5},
    {"min_frequency": 15},
    {"max_categories": 3, "handle_unknown": "use_encoded_value", "unknown_value": -1, "encoded_missing_value": -2},
    {"dtype": np.int64, "encoded_missing_value": -2},
    {"dtype": np.float32},
]


@pytest.mark.parametrize("options", ORDINALS, ids=str)
@pytest.mark.parametrize("missing", [..., np.nan, None], ids=["full", "NaN", "None"])
def test_ordinals_of_text(agree, options, missing):
    data = text_frame(missing=missing)
    agree(OrdinalEncoder(**options).fit(data), data, tolerance=0)


@pytest.mark.parametrize("options", ORDINALS, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_ordinals_of_a_numeric_array(agree, options, dtype):
    data = numbers(dtype, missing=np.dtype(dtype).kind == "f")
    agree(OrdinalEncoder(**options).fit(data), data, tolerance=0, routes=EXACT)


def test_ordinals_of_columns_with_few_and_with_many_categories(agree):
    data = np.column_stack([np.arange(200), np.arange(200) % 3, np.zeros(200)]).astype(np.float64)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(data[:150])
    agree(encoder, data, tolerance=0)


def test_two_encoders_share_the_vocabulary_of_a_column(agree):
    data = text_frame(missing=...)
    ordinal = OrdinalEncoder(categories=[["Köln", "Ulm"]], handle_unknown="use_encoded_value", unknown_value=-1)
    both = ColumnTransformer([("one", ordinal, ["town"]), ("two", OneHotEncoder(handle_unknown="ignore"), ["town"])])
    agree(both.fit(data), data, tolerance=0, routes=EXACT)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "continuous"])
@pytest.mark.parametrize("data", ["text", "numbers", "mixed"])
def test_target_encoder(agree, kind, data):
    table = {"text": text_frame(missing=np.nan), "numbers": numbers(np.float64, missing=True), "mixed": mixed_frame()}[
        data
    ]
    y = {
        "binary": RNG.integers(0, 2, ROWS),
        "multiclass": RNG.integers(0, 3, ROWS),
        "continuous": RNG.normal(size=ROWS),
    }
    agree(TargetEncoder(random_state=0).fit(table, y[kind]), table, tolerance=0, routes=EXACT)


def test_flights_like_pipeline(agree):
    data = mixed_frame()
    encode = ColumnTransformer(
        [
            ("text", OneHotEncoder(handle_unknown="ignore"), ["town", "letter"]),
            ("bins", KBinsDiscretizer(3), ["share"]),
        ],
        remainder="passthrough",
    )
    y = np.where(RNG.random(ROWS) > 0.5, "late", "on time")
    agree(make_pipeline(encode, LogisticRegression()).fit(data, y), data)


def test_encoder_fitted_on_text_is_refused_for_numbers():
    from bridge.export.graph import export_graph

    encoder = OneHotEncoder(handle_unknown="ignore").fit(text_frame(missing=...)[["town"]])
    with pytest.raises(InputError, match=r"OneHotEncoder\.transform itself refuses the sample"):
        export_graph(encoder, pd.DataFrame({"town": [1.0, 2.0]}))


SPANS = {
    "close": (np.arange(12), np.arange(-20, -10), np.arange(100, 140, 2)),
    "spread": (np.arange(0, 3000, 111), np.arange(-5, 5), np.array([7, 8])),
    "far": (np.arange(0, 10**6, 10**5), np.arange(10), np.arange(10)),
    "huge": (np.arange(2**24 - 4, 2**24 + 5), np.arange(10), np.arange(10)),
    "fractions": (np.arange(12) / 4, np.arange(10), np.arange(10)),
}


def many_kinds(span, dtype):
    columns = [RNG.choice(values, ROWS) for values in SPANS[span]]
    return np.column_stack(columns).astype(dtype)


def others(data):
    """Return rows with numbers that no column holds, beside ones that they do."""
    odd = [-1e6, -21.0, -0.5, 0.25, 11.5, 13.0, 99.0, 101.0, 140.0, 3001.0, 2.0**24 + 6, 1e6 - 1, 2.0**31 - 256]
    rows = np.repeat(data[:1], 3 * len(odd), axis=0)
    numbers = np.tile(odd, 3).astype(data.dtype)
    rows[np.arange(len(rows)), np.repeat(np.arange(3), len(odd))] = numbers
    return rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize("span", SPANS)
def test_ordinals_of_many_numbers(agree, span, dtype):
    data = many_kinds(span, np.float64 if np.dtype(dtype).kind == "f" else np.int64).astype(dtype)
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(data)

    agree(encoder, data, others(data), tolerance=0, routes=EXACT)


@pytest.mark.parametrize(("span", "step"), [("close", "Floor"), ("spread", "Floor"), ("far", "ReduceSum")])
def test_numbers_close_to_each_other_are_looked_up_and_others_compared(span, step):
    data = many_kinds(span, np.float64)
    graph = export_graph(
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(data), data
    ).model.graph

    assert len({"Floor", "ReduceSum"} & {node.op_type for node in graph}) == 1
    assert step in {node.op_type for node in graph}


def test_ordinals_and_targets_of_many_numbers_with_nan(agree):
    data = many_kinds("close", np.float64)
    data[RNG.random(data.shape) < 0.2] = np.nan
    options = {"handle_unknown": "use_encoded_value", "unknown_value": 99, "encoded_missing_value": -7}
    agree(OrdinalEncoder(**options).fit(data), data, others(data), tolerance=0)
    agree(OrdinalEncoder(min_frequency=6, **options).fit(data), data, others(data), tolerance=0)
    agree(TargetEncoder(cv=3).fit(data, RNG.integers(0, 3, ROWS)), data, others(data))


def test_ordinals_of_small_unsigned_numbers(agree):
    data = np.tile(np.arange(256, dtype=np.uint8)[:, None], 2)
    agree(OrdinalEncoder().fit(data), data, tolerance=0)
