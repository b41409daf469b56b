"""The table of reference models: a new one joins by one line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from sklearn import ensemble, linear_model, preprocessing, svm, tree
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from bridge.demo.flights import build_forest, build_histogram, build_logistic
from models import data

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Model:
    """A name, where its data comes from, and what returns a new unfitted estimator."""

    name: str
    data: Callable[[], data.Data]
    build: Callable[[], Any]

    def fitted(self) -> Any:
        """Return the estimator fitted on the data's rows for it; fitted once a process."""
        return _fit(self)

    def __str__(self) -> str:
        return self.name


def _piped(*steps: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: make_pipeline(*(step() for step in steps))


_indicator = partial(SimpleImputer, add_indicator=True)
_scaler = preprocessing.StandardScaler
_tree = partial(tree.DecisionTreeClassifier, random_state=0)
_forest = partial(ensemble.RandomForestClassifier, n_estimators=40, max_depth=9, random_state=0)
_boosting = partial(ensemble.GradientBoostingClassifier, n_estimators=30, random_state=0)
_histogram = partial(ensemble.HistGradientBoostingClassifier, max_iter=30, random_state=0)
_logistic = linear_model.LogisticRegression

ZOO: tuple[Model, ...] = (
    Model("flights-logistic", data.flights, build_logistic),
    Model("flights-forest", data.flights, build_forest),
    Model("flights-histogram", data.flights, build_histogram),
    # Trees: two classes and many, labels of every kind, missing values.
    Model("tree", data.breast_cancer, _tree),
    Model("tree-missing", data.breast_cancer_missing, _tree),
    Model("tree-digits", data.digits, _tree),
    Model("extra-tree", data.digits, partial(tree.ExtraTreeClassifier, random_state=0)),
    Model("forest-bools", data.breast_cancer_frame, _forest),
    Model("forest-strings", data.wine, _forest),
    Model("forest-missing", data.breast_cancer_missing, _forest),
    Model("forest-digits", data.digits_float32, _forest),
    Model("extra-trees", data.digits, partial(ensemble.ExtraTreesClassifier, 40, max_depth=9, random_state=0)),
    Model("boosting", data.breast_cancer, _boosting),
    Model("boosting-digits", data.digits, _boosting),
    Model("boosting-exponential", data.breast_cancer, partial(_boosting, loss="exponential")),
    Model("histogram", data.breast_cancer_frame, _histogram),
    Model("histogram-strings", data.wine, _histogram),
    Model("histogram-missing", data.breast_cancer_missing, _histogram),
    Model("isolation-forest", data.breast_cancer, partial(ensemble.IsolationForest, n_estimators=50, random_state=0)),
    Model("tree-regressor", data.diabetes, partial(tree.DecisionTreeRegressor, random_state=0)),
    Model("extra-tree-regressor", data.diabetes, partial(tree.ExtraTreeRegressor, random_state=0)),
    Model("forest-regressor", data.diabetes, partial(ensemble.RandomForestRegressor, 40, random_state=0)),
    Model("extra-trees-regressor", data.diabetes, partial(ensemble.ExtraTreesRegressor, 40, random_state=0)),
    Model("boosting-regressor", data.diabetes, partial(ensemble.GradientBoostingRegressor, random_state=0)),
    Model("histogram-regressor", data.diabetes, ensemble.HistGradientBoostingRegressor),
    Model("histogram-poisson", data.diabetes, partial(ensemble.HistGradientBoostingRegressor, loss="poisson")),
    # What stands before a tree has to round as scikit-learn rounds.
    Model("scaler-forest", data.breast_cancer, _piped(_scaler, _forest)),
    Model("scaler-forest-digits", data.digits, _piped(_scaler, _forest)),
    Model("scaler-histogram", data.breast_cancer, _piped(_scaler, _histogram)),
    Model("minmax-tree", data.wine, _piped(preprocessing.MinMaxScaler, _tree)),
    Model("robust-boosting", data.breast_cancer, _piped(preprocessing.RobustScaler, _boosting)),
    Model("normalizer-forest", data.digits, _piped(preprocessing.Normalizer, _forest)),
    Model("binarizer-forest", data.digits, _piped(partial(preprocessing.Binarizer, threshold=8), _forest)),
    Model("imputer-forest", data.breast_cancer_missing, _piped(SimpleImputer, _forest)),
    Model("indicator-histogram", data.breast_cancer_missing, _piped(_indicator, _histogram)),
    # Linear models.
    Model("logistic", data.breast_cancer, _piped(_scaler, _logistic)),
    Model("logistic-strings", data.wine, _piped(_scaler, _logistic)),
    Model("logistic-digits", data.digits, _piped(preprocessing.MaxAbsScaler, _logistic)),
    Model("logistic-imputed", data.breast_cancer_missing, _piped(SimpleImputer, _scaler, _logistic)),
    Model("ridge-classifier", data.digits, linear_model.RidgeClassifier),
    Model("sgd", data.wine, _piped(_scaler, partial(linear_model.SGDClassifier, random_state=0))),
    Model("linear-svc", data.breast_cancer, _piped(_scaler, partial(svm.LinearSVC, random_state=0))),
    Model("linear", data.diabetes, linear_model.LinearRegression),
    Model("ridge", data.diabetes, linear_model.Ridge),
    Model("lasso", data.diabetes, linear_model.Lasso),
    Model("elastic-net", data.diabetes, partial(linear_model.ElasticNet, alpha=0.01)),
    Model("huber", data.diabetes, _piped(_scaler, linear_model.HuberRegressor)),
    Model("poisson", data.diabetes, linear_model.PoissonRegressor),
    # Transformers alone.
    Model("scaler", data.wine, _scaler),
    Model("imputer", data.breast_cancer_missing, _indicator),
)


@cache
def _fit(model: Model) -> Any:
    rows = model.data()
    return model.build().fit(rows.train, rows.labels)
