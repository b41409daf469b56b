"""DictionaryLearning and SparseCoder choose the atoms that scikit-learn's do, and give them the same weights."""

import numpy as np
import pytest
from sklearn.decomposition import DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*Orthogonal matching pursuit ended prematurely"),
    pytest.mark.filterwarnings("ignore:With alpha=0"),
]

RNG = np.random.default_rng(0)
X = RNG.normal(size=(25, 6))
ATOMS = RNG.normal(size=(9, 6))
ATOMS /= np.linalg.norm(ATOMS, axis=1, keepdims=True)
SPARSE_ROWS = (RNG.random((20, 9)) < 0.2) * RNG.normal(size=(20, 9)) @ ATOMS
UNSEEN = np.concatenate([3 * X, SPARSE_ROWS, np.zeros((1, 6)), ATOMS])
EXACT = [("cpu", "exact"), ("cuda", "exact")]
# onnxruntime 1.31.1 divides by zero in a three-dimensional product of no rows.
QUICK = {"routes": EXACT, "special": False, "empty": False}


@pytest.mark.parametrize(
    "options",
    [
        {"transform_algorithm": "threshold", "transform_alpha": 0.3},
        {"transform_algorithm": "threshold", "transform_alpha": 0.3, "split_sign": True},
        {"transform_n_nonzero_coefs": 2, "split_sign": True},
        {"transform_algorithm": "lasso_lars", "split_sign": True},
        {"transform_algorithm": "threshold", "positive_code": True},
        *({"transform_n_nonzero_coefs": n} for n in (None, 1, 3, 9)),
        *(
            {"transform_algorithm": "lasso_cd", "transform_alpha": alpha, "positive_code": positive}
            for alpha in (None, 0.05)
            for positive in (True, False)
        ),
        *({"transform_algorithm": "lars", "transform_n_nonzero_coefs": n} for n in (None, 2, 5)),
        *(
            {"transform_algorithm": "lasso_lars", "transform_alpha": alpha, "positive_code": positive}
            for alpha in (None, 0.1, 0.0)
            for positive in (True, False)
        ),
        {"transform_algorithm": "lasso_lars", "transform_alpha": 0.01, "transform_max_iter": 3},
        {"transform_algorithm": "lasso_cd", "transform_alpha": 0.01, "transform_max_iter": 3},
        {"transform_algorithm": "lasso_cd", "transform_alpha": 0.0, "transform_max_iter": 50},
    ],
    ids=str,
)
def test_codes(agree, options):
    agree(SparseCoder(ATOMS, **options).fit(X), X, UNSEEN, tolerance=1e-10, **QUICK)


def test_atoms_that_are_zero_or_twice(agree):
    zero, twice = np.insert(ATOMS, 4, 0, axis=0), np.insert(ATOMS, 4, ATOMS[3], axis=0)
    for atoms in (zero, twice):
        agree(SparseCoder(atoms, transform_n_nonzero_coefs=5).fit(X), X, UNSEEN, tolerance=1e-10, **QUICK)
    # Of equal atoms, the others give the second one what rounding leaves over.
    for algorithm in ("lasso_cd", "lasso_lars", "lars"):
        coder = SparseCoder(zero, transform_algorithm=algorithm, transform_alpha=0.1, transform_n_nonzero_coefs=3)
        agree(coder.fit(X), X, UNSEEN, tolerance=1e-10, **QUICK)


@pytest.mark.parametrize("atoms", [np.eye(6), np.array([[1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0.0]])])
def test_of_equal_atoms_the_same_one_is_taken(agree, atoms):
    ties = RNG.integers(-1, 2, (60, 6)).astype(np.float64)
    agree(SparseCoder(atoms, transform_n_nonzero_coefs=3).fit(X), X, ties, **QUICK)


@pytest.mark.parametrize("learner", [DictionaryLearning, MiniBatchDictionaryLearning])
@pytest.mark.parametrize("algorithm", ["omp", "threshold", "lasso_cd", "lars", "lasso_lars"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dictionaries_that_were_learnt(agree, learner, algorithm, dtype):
    model = learner(4, alpha=0.3, max_iter=3, transform_algorithm=algorithm, random_state=0).fit(X.astype(dtype))
    agree(model, X.astype(dtype), tolerance=1e-11, float32_tolerance=1e-4, **QUICK)
    if (
        algorithm != "lasso_cd"
    ):  # whose tolerance, 1e-8, float32 cannot see; it refuses other dtypes than it was fitted on
        agree(model, X, routes=[("portable", "float32")], special=False, empty=False, float32_tolerance=1e-4)
        other = np.float32 if dtype == np.float64 else np.float64
        agree(model, X.astype(other), tolerance=1e-5, float32_tolerance=1e-4, **QUICK)
