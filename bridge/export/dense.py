"""Fitted matrices as arrays, also where the estimator keeps them sparse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray


def to_dense(matrix: Any) -> NDArray[Any]:
    """Return a matrix of scipy.sparse, or an array, as an array in its own dtype."""
    return np.asarray(matrix.toarray() if sparse.issparse(matrix) else matrix)
