"""Tables in files: CSV, Parquet, Arrow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.data.beside import written_beside
from bridge.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray


def _read_csv(file: Path, text: Iterable[str] | None) -> pd.DataFrame:
    import pandas as pd

    # Before 3.1 pandas could miss the nearest float64 by one, enough to cross a threshold: the extra asks for 3.1.
    return pd.read_csv(file, dtype=str if text is None else dict.fromkeys(text, str))


def _read_parquet(file: Path, _text: Iterable[str] | None) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(file)


def _read_arrow(file: Path, _text: Iterable[str] | None) -> pd.DataFrame:
    import pandas as pd

    return pd.read_feather(file)


_READERS: dict[str, Callable[[Path, Iterable[str] | None], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
}

_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": lambda table, file: table.to_csv(file, index=False),
    ".parquet": lambda table, file: table.to_parquet(file, index=False),
    ".arrow": lambda table, file: table.to_feather(file),
    ".feather": lambda table, file: table.to_feather(file),
}


def read_table(path: str | os.PathLike[str], *, text: Iterable[str] | None = ()) -> pd.DataFrame:
    """Return the table in a .csv, .parquet, .arrow or .feather file.

    Parameters
    ----------
    path
        The file.
    text
        The columns to read as text where the file has no types of its own (CSV), such as codes made of digits;
        None for all.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    InputError
        The file is of another kind, or cannot be read as its name says.
    """
    file = Path(path)
    check_table_path(file)
    if not file.is_file():
        raise FileNotFoundError(2, "No such file", str(file))
    try:
        return _READERS[file.suffix](file, text)
    except ImportError as error:
        raise _missing(error, file) from error
    except (ValueError, OSError) as error:  # pandas' and Arrow's own errors derive from these
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{file} cannot be read as {file.suffix[1:]}: {reason}") from error


def write_table(columns: Mapping[str, NDArray[Any]], path: str | os.PathLike[str]) -> None:
    """Write columns of equal length to a .csv, .parquet, .arrow or .feather file: whole or not at all."""
    file = Path(path)
    check_table_path(file)
    try:
        import pandas as pd

        with written_beside(file) as beside:
            _WRITERS[file.suffix](pd.DataFrame(dict(columns)), beside)
    except ImportError as error:
        raise _missing(error, file) from error


def check_table_path(path: str | os.PathLike[str]) -> None:
    """Raise `InputError` unless the file's name ends in a suffix that can be read and written."""
    if (suffix := Path(path).suffix) not in _READERS:
        raise InputError(f"{path} has the suffix {suffix!r}; expected one of {', '.join(_READERS)}")


def _missing(error: ImportError, file: Path) -> MissingExtraError:
    """Return the error for a missing package: pandas itself, or pyarrow, for which pandas raises without a name."""
    return MissingExtraError(error.name or "pyarrow", extra="files", purpose=f"a {file.suffix[1:]} file")
