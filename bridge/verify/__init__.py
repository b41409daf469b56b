"""Prove that a model gives its estimator's answers: compare, bound, report."""
