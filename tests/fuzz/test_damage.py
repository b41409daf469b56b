"""Damaged files are refused by an error of bridge, or become graphs that answer as the files do."""

from __future__ import annotations

from functools import cache

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.claim import disagreement, lower_file
from tests.fuzz.mutation import damage, damage_bytes
from tests.fuzz.seeds import exported_models, operator_models

FEW = settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def seeds():
    return [model.SerializeToString() for model in (*operator_models(), *exported_models())]


@pytest.mark.parametrize("target", ["portable", "cuda", "cpu"])
@FEW
@given(data=st.data())
def test_no_field_makes_a_wrong_graph(target, tmp_path_factory, data):
    pick = data.draw(st.randoms(use_true_random=False))
    model = onnx.ModelProto.FromString(pick.choice(seeds()))
    for _ in range(pick.randrange(1, 4)):
        damage(model, pick)
    _check(model.SerializeToString(), target, tmp_path_factory)


@FEW
@given(data=st.data())
def test_no_bytes_make_a_wrong_graph(tmp_path_factory, data):
    pick = data.draw(st.randoms(use_true_random=False))
    _check(damage_bytes(pick.choice(seeds()), pick), "cuda", tmp_path_factory)


def _check(file, target, folders):
    path = folders.getbasetemp() / "damaged.onnx"
    path.write_bytes(file)
    lowered = lower_file(path, target)
    assert lowered is None or disagreement(file, lowered.SerializeToString()) is None
