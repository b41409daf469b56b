from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from bridge.data.answer_columns import answer_columns
from bridge.errors import InputError

CLASSES = np.array(["no", "yes"])


def test_one_column_is_named_after_the_method():
    assert list(answer_columns("predict", np.array(["no"]), [CLASSES])) == ["predict"]


def test_a_column_for_each_class_is_named_after_it():
    found = answer_columns("predict_proba", np.array([[0.25, 0.75]]), [CLASSES])

    assert {name: column.tolist() for name, column in found.items()} == {
        "predict_proba_no": [0.25],
        "predict_proba_yes": [0.75],
    }


def test_other_columns_are_numbered():
    assert list(answer_columns("transform", np.zeros((1, 3)), [])) == ["transform_0", "transform_1", "transform_2"]


def test_sparse_answer_becomes_columns():
    assert list(answer_columns("transform", sparse.csr_matrix(np.eye(2)), [])) == ["transform_0", "transform_1"]


def test_targets_are_numbered_before_their_classes():
    found = answer_columns("predict_proba", [np.zeros((1, 2)), np.zeros((1, 3))], [CLASSES, np.arange(3)])

    assert list(found) == [
        "predict_proba_0_no",
        "predict_proba_0_yes",
        "predict_proba_1_0",
        "predict_proba_1_1",
        "predict_proba_1_2",
    ]


def test_sparse_answer_of_more_columns_than_a_table_holds_is_refused():
    with pytest.raises(InputError, match=r"transform answers with a sparse matrix of 1,048,576 columns"):
        answer_columns("transform", sparse.csr_matrix((2, 2**20)), [])
