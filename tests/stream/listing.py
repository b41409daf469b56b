"""The list of the README: every estimator of scikit-learn that trains in chunks."""

from __future__ import annotations

import textwrap
import warnings

from sklearn.utils import all_estimators

from tests.readme_block import ReadmeBlock

BLOCK = ReadmeBlock("<!-- partial_fit: python scripts/stream_table.py -->", "<!-- /partial_fit -->")


def names() -> list[str]:
    """Return the names of all estimators with `partial_fit`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that are to be removed say so
        return [name for name, cls in all_estimators() if hasattr(cls, "partial_fit")]


def make_list() -> str:
    """Return the text between the markers."""
    return "\n".join(textwrap.wrap(", ".join(names()) + ".", 120, break_long_words=False))
