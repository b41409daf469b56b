"""Naive Bayes classifiers: a joint log-likelihood for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

from bridge.export.converters.distances import differences
from bridge.export.converters.linear import linear_scores
from bridge.export.registry import Answer, Labels, converts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir as ir

    from bridge.export.block import Block
    from bridge.export.builder import Builder


@converts(GaussianNB)
def convert_gaussian_nb(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    apart = differences(b, x.matrix(), model.theta_)
    squares = b.combine("Div", b.mul(apart, apart), model.var_[np.newaxis])
    distance = b.sum(squares, axis=2)
    constant = np.log(model.class_prior_) - 0.5 * np.log(2.0 * np.pi * model.var_).sum(axis=1)
    likelihood = b.combine("Add", b.mul(distance, b.like(-0.5, distance)), constant.reshape(1, -1))
    return _answers(b, model, likelihood)


@converts(MultinomialNB)
def convert_multinomial_nb(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    return _answers(b, model, linear_scores(b, model.feature_log_prob_, model.class_log_prior_, x.matrix()))


@converts(ComplementNB)
def convert_complement_nb(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    prior = model.class_log_prior_ if len(model.classes_) == 1 else 0.0
    return _answers(b, model, linear_scores(b, model.feature_log_prob_, prior, x.matrix()))


@converts(BernoulliNB)
def convert_bernoulli_nb(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    value = x.matrix()
    if model.binarize is not None:
        value = b.cast(b.above(x.floats(), model.binarize), np.float64)
    absent = np.log(1 - np.exp(model.feature_log_prob_))
    weights = model.feature_log_prob_ - absent
    return _answers(b, model, linear_scores(b, weights, model.class_log_prior_ + absent.sum(axis=1), value))


@converts(CategoricalNB)
def convert_categorical_nb(b: Builder, model: Any, x: Block) -> Mapping[str, Answer]:
    """Sum the rows that the categories, as whole numbers, point to in one table of all columns.

    As scikit-learn does, cut off what is behind the point, so that -0.5 is category 0.
    """
    counts = np.array([[table.shape[1] for table in model.feature_log_prob_]])
    number = x.matrix()
    least = b.like(-1, number)
    unknown = b.op("Or", b.op("LessOrEqual", number, least), b.op("GreaterOrEqual", number, b.like(counts, number)))
    b.refuse(unknown, "CategoricalNB takes no category that is negative or larger than those that it was fitted on")
    starts = np.cumsum(np.append(0, counts[0, :-1]))
    rows = np.concatenate([table.T for table in model.feature_log_prob_])
    known = b.cast(b.where(unknown, b.like(0, number), number), np.int64)
    index = b.add(known, b.constant(starts.reshape(1, -1), np.int64))
    likelihood = b.sum(b.op("Gather", b.constant(rows), index, axis=0), axis=1)
    return _answers(b, model, b.combine("Add", likelihood, model.class_log_prior_.reshape(1, -1)))


def _answers(b: Builder, model: Any, likelihood: ir.Value) -> Mapping[str, Answer]:
    log_proba = b.op("LogSoftmax", likelihood, axis=-1)
    return {
        "predict": Labels(b.argmax(likelihood), model.classes_),
        "predict_log_proba": log_proba,
        "predict_proba": b.op("Exp", log_proba),
    }
