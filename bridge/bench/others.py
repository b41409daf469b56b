"""Other libraries that predict with a model of scikit-learn, LightGBM or XGBoost, as contenders."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import InputError
from bridge.runtime.session import open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Ask = Callable[[NDArray[Any]], Any]
    Rows = NDArray[Any]

SKLEARN_TREES = frozenset(
    f"{name}{kind}"
    for name in ("RandomForest", "ExtraTrees", "GradientBoosting", "HistGradientBoosting")
    for kind in ("Classifier", "Regressor")
)


def is_lightgbm(estimator: Any) -> bool:
    return hasattr(estimator, "booster_")


def is_xgboost(estimator: Any) -> bool:
    return hasattr(estimator, "get_booster")


def is_trees(estimator: Any) -> bool:
    return is_lightgbm(estimator) or is_xgboost(estimator) or type(estimator).__name__ in SKLEARN_TREES


def is_boosted(estimator: Any) -> bool:
    return is_trees(estimator) and not type(estimator).__name__.startswith(("RandomForest", "ExtraTrees"))


def is_any(_estimator: Any) -> bool:
    return True


@dataclass(frozen=True)
class Other:
    """A library beside bridge.

    Attributes
    ----------
    title
        Its name in tables.
    packages
        The modules that it needs.
    install
        What brings them: the arguments of `pip install`.
    takes
        Whether it can take an estimator at all.
    build
        Returns what answers for rows, from the estimator, some rows and the number of threads.
    distributions
        Whose versions a report names.
    """

    title: str
    packages: tuple[str, ...]
    install: str
    takes: Callable[[Any], bool]
    build: Callable[[Any, Rows, int], Ask]
    distributions: tuple[str, ...]

    def missing(self) -> str:
        """Return what to install, in words; empty where all is there."""
        lacking = [name for name in self.packages if find_spec(name) is None]
        return f"not installed: pip install {self.install}" if lacking else ""


def choose_others(names: Sequence[str] | None) -> list[str]:
    """Return the names of libraries: those asked for, "none" of them, or by default all that are quick to set up."""
    if names is None:
        return [name for name in OTHERS if name != "tl2cgen"]
    if list(names) == ["none"]:
        return []
    if unknown := [name for name in names if name not in OTHERS]:
        raise InputError(f"unknown library {', '.join(map(repr, unknown))}; choose of {', '.join(OTHERS)}, or 'none'")
    return list(names)


def distributions(estimator: Any, names: Sequence[str] | None) -> list[str]:
    """Return the distributions of an estimator's library and of the others that can take it."""
    own = [type(estimator).__module__.partition(".")[0]]
    return own + [
        d for name in choose_others(names) for d in OTHERS[name].distributions if OTHERS[name].takes(estimator)
    ]


def _onnx_of_sklearn(estimator: Any, rows: Rows, threads: int) -> Ask:
    from skl2onnx import to_onnx

    options = {"zipmap": False} if hasattr(estimator, "predict_proba") else None
    return _in_onnxruntime(to_onnx(estimator, rows[:1], options=options), threads)


def _onnx_of_booster(estimator: Any, rows: Rows, threads: int) -> Ask:
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    types = [("x", FloatTensorType([None, rows.shape[1]]))]
    if is_xgboost(estimator):
        return _in_onnxruntime(convert_xgboost(estimator, initial_types=types), threads)
    return _in_onnxruntime(convert_lightgbm(estimator, initial_types=types, zipmap=False), threads)


def _onnx(estimator: Any, rows: Rows, threads: int) -> Ask:
    is_booster = is_lightgbm(estimator) or is_xgboost(estimator)
    return (_onnx_of_booster if is_booster else _onnx_of_sklearn)(estimator, rows, threads)


def _in_onnxruntime(model: Any, threads: int) -> Ask:
    session = open_session(model.SerializeToString(), device="cpu", threads=threads, native=False)
    (name,), output = session.inputs, session.outputs[-1]  # labels come first
    is_float32 = model.graph.input[0].type.tensor_type.elem_type == 1
    return partial(_run_session, session.run, [output], name, np.float32 if is_float32 else np.float64)


def _run_session(run: Any, outputs: list[str], name: str, dtype: type, rows: Rows) -> Any:
    return run(outputs, {name: rows.astype(dtype, copy=False)})[0]


def _hummingbird(estimator: Any, rows: Rows, threads: int) -> Ask:
    import torch
    from hummingbird.ml import convert

    torch.set_num_threads(threads)
    # By itself it takes a thread for each core of the host.
    model = convert(estimator, "torch", rows[:1], extra_config={"n_threads": threads})
    return _scores(model, estimator)


def _onedal(estimator: Any, _rows: Rows, threads: int) -> Ask:
    import daal4py

    daal4py.daalinit(threads)
    if is_xgboost(estimator):
        source = estimator.get_booster()
    else:
        source = estimator.booster_ if is_lightgbm(estimator) else as_treelite(estimator)
    return _scores(daal4py.mb.convert_model(source), estimator)


def _lleaves(estimator: Any, _rows: Rows, threads: int) -> Ask:
    import lleaves

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.txt"
        estimator.booster_.save_model(file)
        model = lleaves.Model(str(file))
        model.compile()
    return partial(model.predict, n_jobs=threads)


def _gtil(estimator: Any, _rows: Rows, threads: int) -> Ask:
    import treelite

    return partial(treelite.gtil.predict, as_treelite(estimator), nthread=threads)


def _tl2cgen(estimator: Any, _rows: Rows, threads: int) -> Ask:
    import tl2cgen

    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "trees.so"
        tl2cgen.export_lib(as_treelite(estimator), "gcc", library, params={"parallel_comp": 8}, nthread=1)
        predictor = tl2cgen.Predictor(library, nthread=threads)
    return lambda rows: predictor.predict(tl2cgen.DMatrix(rows))


def _nvforest(estimator: Any, _rows: Rows, _threads: int) -> Ask:
    import nvforest

    return _scores(nvforest.load_from_treelite_model(as_treelite(estimator), device="cpu"), estimator)


def as_treelite(estimator: Any) -> Any:
    """Return a model of trees as treelite's."""
    import treelite

    if is_xgboost(estimator):
        return treelite.frontend.from_xgboost(estimator.get_booster())
    if is_lightgbm(estimator):
        return treelite.frontend.from_lightgbm(estimator.booster_)
    return treelite.sklearn.import_model(estimator)


def _scores(model: Any, estimator: Any) -> Ask:
    """Return the model's probabilities where the estimator has some, else its predictions."""
    found: Ask = model.predict_proba if hasattr(estimator, "predict_proba") else model.predict
    return found


OTHERS: dict[str, Other] = {
    "onnx": Other(
        "skl2onnx, bare session", ("skl2onnx", "onnxmltools"), "skl2onnx onnxmltools", is_any, _onnx, ("skl2onnx",)
    ),
    "hummingbird": Other(
        "Hummingbird, torch",
        ("hummingbird", "torch"),
        "hummingbird-ml torch",
        is_any,
        _hummingbird,
        ("hummingbird-ml", "torch"),
    ),
    "onedal": Other("oneDAL", ("daal4py",), "scikit-learn-intelex", is_boosted, _onedal, ("scikit-learn-intelex",)),
    "lleaves": Other(
        "lleaves", ("lleaves",), "lleaves 'llvmlite<0.45'", is_lightgbm, _lleaves, ("lleaves", "llvmlite")
    ),
    "nvforest": Other(
        "nvForest on the CPU", ("nvforest",), "nvforest-cu13", is_trees, _nvforest, ("nvforest-cu13", "nvforest-cu12")
    ),
    "gtil": Other("treelite GTIL", ("treelite",), "treelite", is_trees, _gtil, ("treelite",)),
    "tl2cgen": Other("treelite tl2cgen, gcc", ("treelite", "tl2cgen"), "tl2cgen", is_trees, _tl2cgen, ("tl2cgen",)),
}
"""By the names that the command line takes. For probabilities of classifiers, and predictions of regressors."""
