"""DictionaryLearning, MiniBatchDictionaryLearning and SparseCoder: rows as few atoms of a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder

from bridge.export.converters.coordinate_descent import lasso
from bridge.export.converters.least_angle import Path, follow
from bridge.export.converters.matching_pursuit import pursue
from bridge.export.registry import Answer, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir
    from numpy.typing import NDArray

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(DictionaryLearning, MiniBatchDictionaryLearning)
def convert_dictionary_learning(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return {"transform": _encode(b, model, np.asarray(model.components_), x)}


@converts(SparseCoder)
def convert_sparse_coder(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return {"transform": _encode(b, model, np.asarray(model.dictionary), x)}


def _encode(b: Builder, model: Any, dictionary: NDArray[Any], x: Block) -> Block:
    """Return the code of each row by the model's algorithm (`sklearn.decomposition.sparse_encode`)."""
    if dictionary.dtype.kind != "f":
        dictionary = dictionary.astype(np.float64)
    algorithm = model.transform_algorithm
    count, width = dictionary.shape
    alpha = model.transform_alpha if model.transform_alpha is not None else getattr(model, "alpha", None)
    alpha = 1.0 if alpha is None else float(alpha)
    if algorithm == "threshold":
        code = _threshold(b, b.project(x.floats(), dictionary.T), alpha, positive=model.positive_code)
    elif algorithm == "omp":
        code = pursue(b, x.floats(), dictionary, _atoms(model, dictionary))
    elif algorithm == "lasso_cd":
        # As Lasso scales it, and back.
        code = lasso(
            b,
            x.floats(),
            dictionary,
            alpha / width * width,
            positive=model.positive_code,
            most=model.transform_max_iter,
        )
    elif algorithm == "lasso_lars":
        path = Path(alpha / width, model.transform_max_iter, is_lasso=True, positive=model.positive_code)
        code = follow(b, x.floats(), dictionary, path)
    else:
        code = follow(b, x.floats(), dictionary, Path(0.0, _atoms(model, dictionary), is_lasso=False))
    if not model.split_sign:
        return x.of(code, count)
    zero = b.like(0, code)
    halves = [b.op("Max", code, zero), b.op("Neg", b.op("Min", code, zero))]
    return x.of(b.cast(b.concat(halves), np.float64), 2 * count)


def _atoms(model: Any, dictionary: NDArray[Any]) -> int:
    """Return how many atoms a row may have (`sklearn.decomposition.sparse_encode`)."""
    count, width = dictionary.shape
    wanted = model.transform_n_nonzero_coefs
    return int(min(max(width / 10, 1), count) if wanted is None else wanted)


def _threshold(b: Builder, products: ir.Value, alpha: float, *, positive: bool) -> ir.Value:
    zero = b.like(0, products)
    size = b.op("Max", b.sub(b.op("Abs", products), b.like(alpha, products)), zero)
    code = b.mul(b.op("Sign", products), size)
    return b.op("Max", code, zero) if positive else code
