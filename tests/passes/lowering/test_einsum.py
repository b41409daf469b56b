from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from tests.passes.judge import check_parity, element, lower, op_types

# Sums of up to 4 products, and the order of their terms.
BOUND = 1e-6
SIZES = {"b": 2, "i": 3, "j": 4, "k": 2, "l": 2}


def einsum(equation, dtype=np.float32):
    """Return a model of one Einsum, and values for its inputs."""
    rng = np.random.default_rng(0)
    letters, result = equation.split("->")
    feeds = {
        f"X{n}": rng.integers(-9, 9, [SIZES[c] for c in part.strip()]).astype(dtype)
        for n, part in enumerate(letters.split(","))
    }
    node = helper.make_node("Einsum", list(feeds), ["Y"], name="the_node", equation=equation)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(name, element(x), x.shape) for name, x in feeds.items()],
        [helper.make_tensor_value_info("Y", element(feeds["X0"]), [SIZES[c] for c in result.strip()])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), feeds


@pytest.mark.parametrize(
    ("equation", "operators"),
    [
        ("ij,jk->ik", ["MatMul"]),
        ("ij, kj -> ik", ["Transpose", "MatMul"]),
        ("ij,jk->ki", ["MatMul", "Transpose"]),
        ("bij,bjk->bik", ["MatMul"]),
        ("bij,bjk->ibk", ["MatMul", "Transpose"]),
        ("ij,ij->ij", ["Mul"]),
        ("ij,ij->j", ["Mul", "ReduceSum"]),
        ("ij,ji->i", ["Transpose", "Mul", "ReduceSum"]),
        ("bij,bij->b", ["Mul", "ReduceSum"]),
        ("i,i->", ["Mul", "ReduceSum"]),
    ],
)
def test_two_factors_are_multiplied(target, equation, operators):
    model, feeds = einsum(equation)
    assert op_types(check_parity(model, feeds, target, tolerance=BOUND, rows=())) == operators


def test_whole_numbers_are_multiplied(target):
    model, feeds = einsum("ij,jk->ik", np.int32)
    check_parity(model, feeds, target, rows=())


@pytest.mark.parametrize("equation", ["ij,kj->ik", "ji,jk->ik", "bji,bjk->bik", "bij,bkj->ibk"])
def test_no_rows_do_not_end_the_process(monkeypatch, equation):
    monkeypatch.setitem(SIZES, "i", 0)
    model, feeds = einsum(equation)
    check_parity(model, feeds, "portable", rows=())


@pytest.mark.parametrize(
    "equation", ["ij->ji", "ij,jk,kl->il", "ii,ij->j", "ij,k->ijk", "ij,jk->i", "bij,jk->bik", "ibj,bjk->ibk"]
)
def test_other_equations_stay(equation):
    model, _ = einsum(equation)
    assert op_types(lower(model, "portable")) == ["Einsum"]
