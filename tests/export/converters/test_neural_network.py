"""Multi-layer perceptrons answer as scikit-learn's do."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

X, Y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
NAMES = np.array(["a", "b", "c"])[Y]


def fit(model, target, data=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(data, target)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    "target", [NAMES, NAMES == "a", np.column_stack([Y == 0, Y == 1])], ids=["many", "two", "multilabel"]
)
def test_classifier(agree, activation, target):
    model = fit(MLPClassifier((8, 5), activation=activation, max_iter=20, random_state=0), target)
    agree(model, X, 50 * X)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("target", [X[:, 0] ** 2, X[:, :2] ** 2], ids=["one", "two"])
def test_regressor(agree, loss, target):
    agree(fit(MLPRegressor(hidden_layer_sizes=(6,), loss=loss, max_iter=20, random_state=0), target), X)


@pytest.mark.parametrize("fitted_on", [np.float64, np.float32])
def test_float32_data(agree, fitted_on):
    model = fit(MLPClassifier((8,), max_iter=20, random_state=0), NAMES, X.astype(fitted_on))
    agree(model, X.astype(np.float32), float32_tolerance=1e-4)
