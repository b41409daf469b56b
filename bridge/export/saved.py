"""Read a fitted estimator from a file, without running the file's code unless that was allowed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.errors import ArtifactError, InputError, MissingExtraError

if TYPE_CHECKING:
    import os

PICKLES = (".joblib", ".pkl", ".pickle")

HARMLESS = (
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Types that every fitted tree or encoder holds and that skops 0.16 does not yet list as trusted: arrays and names."""


def read_estimator(path: str | os.PathLike[str], *, trust: bool = False) -> Any:
    """Return the estimator in a skops, joblib or pickle file.

    Parameters
    ----------
    path
        A file written by `skops.io.dump` (.skops), `joblib.dump` (.joblib) or `pickle.dump` (.pkl, .pickle).
    trust
        Load what could run code: any pickle or joblib file, and types in a skops file that are not known as harmless.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    InputError
        The file needs `trust`; for a skops file the message lists the types.
    ArtifactError
        The file is damaged, or needs packages that are not installed.
    """
    file = Path(path)
    if file.suffix not in {".skops", *PICKLES}:
        raise InputError(f"{file} is no .skops, .joblib, .pkl or .pickle file. Save the estimator with skops.io.dump.")
    if not file.is_file():
        raise FileNotFoundError(2, "No such file", str(file))
    if file.suffix == ".skops":
        return _read_skops(file, trust=trust)
    if not trust:
        raise InputError(
            f"{file} is a pickle: loading it runs whatever code its author put in.\n"
            "If you trust its author, add --trust. Or save the estimator with skops.io.dump, which needs no trust."
        )
    try:
        import joblib
    except ImportError as error:
        raise MissingExtraError("joblib", extra="export", purpose=f"reading {file.name}") from error
    try:
        return joblib.load(file)
    except Exception as error:
        raise _unreadable(file, error) from error


def _read_skops(file: Path, *, trust: bool) -> Any:
    try:
        from skops import io
    except ImportError as error:
        raise MissingExtraError("skops", extra="export", purpose=f"reading {file.name}") from error
    try:
        found = io.get_untrusted_types(file=file)
        refused = [] if trust else [name for name in found if name not in HARMLESS]
        if not refused:
            return io.load(file, trusted=found)
    except Exception as error:
        raise _unreadable(file, error) from error
    raise InputError(
        f"{file} holds types that are not known as harmless: {', '.join(refused)}.\n"
        "If you trust its author, add --trust."
    )


def _unreadable(file: Path, error: Exception) -> ArtifactError:
    """Return the error for a file whose reader failed; readers of pickles raise anything at all."""
    reason = str(error).partition("\n")[0] or "no reason given"
    if isinstance(error, ModuleNotFoundError):
        return ArtifactError(f"{file} needs the package '{error.name}', which is not installed. Install it first.")
    return ArtifactError(f"{file} cannot be read as {file.suffix[1:]} ({type(error).__name__}: {reason}).")
