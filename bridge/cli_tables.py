"""Tables from files, as an estimator or a model takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.cli_errors import say

if TYPE_CHECKING:
    import pandas as pd


def as_fitted(estimator: Any, table: pd.DataFrame) -> Any:
    """Return the table as the estimator was fitted: its own columns by name, or an array where it knows no names."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None and all(dtype.kind in "biuf" for dtype in table.dtypes):
        return table.to_numpy()
    # A vectorizer of text does not count columns: it takes one text per row, not a table.
    if names is None and table.shape[1] == 1 and not hasattr(estimator, "n_features_in_"):
        return table.iloc[:, 0]
    return _pick(table, names)


def _pick(table: pd.DataFrame, names: Any) -> pd.DataFrame:
    """Return the columns that the model knows, in its order; a table without all of them is returned as it is."""
    if names is None or not set(names) <= set(table.columns):
        return table
    if ignored := [str(c) for c in table.columns if c not in set(names)]:
        say(f"not used by the model: {', '.join(ignored)}")
    return table[list(names)]
