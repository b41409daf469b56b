"""What scikit-learn has and no case: classes without inference on new rows, values of options that fit nothing."""

from __future__ import annotations

_NO_NEW_ROWS = "clusters the rows that it is fitted on, and says nothing of others"
_NO_NEW_PLACES = "places the rows that it is fitted on, and says nothing of others"

NO_INFERENCE = {
    "AgglomerativeClustering": _NO_NEW_ROWS,
    "DBSCAN": _NO_NEW_ROWS,
    "HDBSCAN": _NO_NEW_ROWS,
    "OPTICS": _NO_NEW_ROWS,
    "SpectralBiclustering": _NO_NEW_ROWS,
    "SpectralClustering": _NO_NEW_ROWS,
    "SpectralCoclustering": _NO_NEW_ROWS,
    "ClassicalMDS": _NO_NEW_PLACES,
    "MDS": _NO_NEW_PLACES,
    "SpectralEmbedding": _NO_NEW_PLACES,
    "TSNE": _NO_NEW_PLACES,
}

RANDOM = {"BernoulliRBM": ("score_samples",)}
"""Methods that answer otherwise at every call: exported without them."""

SQUEEZED = {"SparsePCA", "MiniBatchSparsePCA"}
"""Classes that answer one row without the dimension of rows in scikit-learn 1.9.1: they are not asked for one."""

_PENALTY = "deprecated, and refused by the default solver; l1_ratio says the same"
_A_FUNCTION = "wants a function besides, which the metric itself may be"
_NEIGHBOURS = (
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "KNeighborsTransformer",
    "KernelDensity",
    "LocalOutlierFactor",
    "NearestNeighbors",
    "RadiusNeighborsClassifier",
    "RadiusNeighborsRegressor",
    "RadiusNeighborsTransformer",
)
NOT_FITTED = {
    **{f"{name}: metric=pyfunc": _A_FUNCTION for name in _NEIGHBOURS},
    **{
        f"{name}: penalty={penalty}": _PENALTY
        for name in ("LogisticRegression", "LogisticRegressionCV")
        for penalty in ("l1", "elasticnet")
    },
    "ClassifierChain: cv=prefit": "scikit-learn itself refuses it",
    "RegressorChain: cv=prefit": "scikit-learn itself refuses it",
    "QuantileRegressor: solver=interior-point": "gone from SciPy",
    "Isomap: metric=matching": "scikit-learn itself refuses it",
    "Isomap: metric=wminkowski": "scikit-learn itself refuses it",
}
"""Values of options that no case is made of, with the reason."""

ON_THE_HOST = {
    "Loop": "its number of turns is the host's to count; its body runs on the GPU",
    "If": "its condition is the host's to read; its branches run on the GPU",
}
"""Operators that onnxruntime runs on the CPU of files for "cuda", with the reason."""
