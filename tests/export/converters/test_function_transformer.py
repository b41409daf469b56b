"""FunctionTransformer computes NumPy's functions to the last digits, and says how to add another one."""

import numpy as np
import pandas as pd
import pytest
from scipy import special
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from bridge.errors import UnsupportedError
from bridge.export.converters.function_transformer import ANY_FUNCTIONS, FLOAT_FUNCTIONS
from bridge.export.registry import register_converter

RNG = np.random.default_rng(0)
WIDE = np.sign(RNG.normal(size=(300, 2))) * 10 ** RNG.uniform(-18, 2, (300, 2))
WIDE[:5, 0] = [-1, 1, 0, -0.0, 700]
EXACT = [("cpu", "exact"), ("cuda", "exact")]
FUNCTIONS = {**FLOAT_FUNCTIONS, **ANY_FUNCTIONS}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_every_function_of_the_table(agree, open_graph, function, dtype):
    data = WIDE.astype(dtype)
    if dtype is np.int64 and function is np.reciprocal:
        data = np.where(data == 0, 1, data)
    extremes = (
        pd.Series([np.inf, -np.inf, np.nan, 710.0, -745.0, 1e-300])
        .to_numpy()
        .astype(dtype if dtype != np.int64 else "f8")
    )
    more = np.column_stack([extremes, extremes])
    tables = [] if dtype is np.int64 or function in (np.sin, np.cos, np.tan) else [more]
    with np.errstate(all="ignore"):
        transformer = FunctionTransformer(function).fit(data)
        reference = np.asarray(function(data))
    bound = 4e-15 if function not in (np.sin, np.cos, np.tan) else 1e-12
    agree(transformer, data, *tables, routes=EXACT, tolerance=bound, float32_tolerance=2e-6, special=False)
    if dtype is np.float64 and function not in (np.sin, np.cos, np.tan):
        assert_relative(open_graph(transformer, data), data, reference)


def assert_relative(route, data, reference):
    """Small results keep their own digits, not those of the largest."""
    actual = route(data)["transform"]
    finite = np.isfinite(reference) & (reference != 0)
    np.testing.assert_allclose(actual[finite].astype(float), reference[finite].astype(float), rtol=5e-15)


@pytest.mark.parametrize("validate", [True, False])
def test_no_function_passes_the_columns_on(agree, validate):
    agree(FunctionTransformer(validate=validate).fit(WIDE), WIDE, tolerance=0, routes=EXACT)


def test_frames_keep_the_dtype_of_each_column(agree):
    frame = pd.DataFrame({"a": np.abs(WIDE[:, 0]), "b": np.arange(300), "c": np.arange(300, dtype=np.float32)})
    agree(FunctionTransformer(np.log1p).fit(frame), frame, routes=EXACT)


def test_text_passes_where_there_is_no_function(agree):
    frame = pd.DataFrame({"town": pd.Series(["Ulm", "Bonn"] * 5, dtype=object)})
    pipe = make_pipeline(FunctionTransformer(), OneHotEncoder(handle_unknown="ignore"))
    agree(pipe.fit(frame), frame, tolerance=0, routes=EXACT)


def halve(table):
    return table / 2


def test_unknown_function_is_refused_with_the_way_to_register_it(agree):
    with pytest.raises(UnsupportedError, match=r"halve has no counterpart.*\n.*register_converter\(halve, build\)"):
        agree(FunctionTransformer(halve).fit(WIDE), WIDE)
    with pytest.raises(UnsupportedError, match="no counterpart"):
        agree(FunctionTransformer(lambda table: table).fit(WIDE), WIDE)


def test_arguments_are_refused_with_reason(agree):
    with pytest.raises(UnsupportedError, match=r"with the arguments \{'nan': 1\}"):
        agree(FunctionTransformer(np.nan_to_num, kw_args={"nan": 1}).fit(WIDE), WIDE)


def double(table):
    return table * 2


def test_registered_function_is_used(agree):
    def build(b, _transformer, x):
        value = x.floats()
        return {"transform": x.of(b.mul(value, b.like(2, value)), x.width)}

    register_converter(double, build)
    agree(FunctionTransformer(double).fit(WIDE), WIDE, tolerance=0, routes=EXACT)


@pytest.mark.parametrize("function", [np.arcsin, np.arccos, np.arctanh, special.logit], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_functions_of_numbers_below_one(agree, open_graph, function, dtype):
    small = 10.0 ** RNG.uniform(-12, 0, (300, 1))
    data = np.concatenate([small, -small, 1 - small, small - 1, 0.5 + small / 2, RNG.random((300, 1))]).astype(dtype)
    transformer = FunctionTransformer(function).fit(data)
    agree(transformer, data, routes=EXACT, tolerance=4e-15, float32_tolerance=2e-6, special=False)
    if dtype is np.float64:
        with np.errstate(all="ignore"):
            assert_relative(open_graph(transformer, data), data, function(data))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (np.clip, {"a_min": -0.5, "a_max": 0.7}),
        (np.clip, {"a_min": None, "a_max": [0.5, 0.1]}),
        (np.clip, {"min": 0}),
        (np.round, {}),
        (np.round, {"decimals": 2}),
        (np.around, {"decimals": -1}),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_functions_with_arguments(agree, function, arguments, dtype):
    data = (RNG.normal(size=(200, 2)) * 3).astype(dtype)
    data[:4, 0] = np.array([0.125, 0.5, 25, -25]).astype(dtype)
    transformer = FunctionTransformer(function, kw_args=arguments).fit(data)
    if dtype is np.int64 and arguments.get("decimals", 0) < 0:
        with pytest.raises(UnsupportedError, match="cast them first"):
            agree(transformer, data)
        return
    agree(transformer, data, tolerance=0, routes=EXACT)
