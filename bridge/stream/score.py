"""Ask a model for more rows than memory holds, from file to file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bridge.data.beside import check_writable
from bridge.data.files import check_table_path
from bridge.data.look import look_at, total_rows
from bridge.data.sinks import check_sink
from bridge.data.sources import Files, as_source
from bridge.errors import InputError, MissingExtraError
from bridge.runtime.predictor import Predictor, load
from bridge.stream.identity import find_identity
from bridge.stream.parts import Parts
from bridge.stream.plan import count_rows, make_plan
from bridge.stream.scoring import Scoring

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from bridge.data.sources import Source
    from bridge.stream.scoring import Scored


def score(
    model: Predictor | str | os.PathLike[str],
    source: Any,
    sink: str | os.PathLike[str],
    *,
    methods: str | Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    chunk_rows: int | Literal["auto"] = "auto",
    bad_rows: str | os.PathLike[str] = "stop",
    resume: bool = False,
    device: str = "auto",
    threads: int | None = None,
    progress: bool = True,
) -> Scored:
    """Write a model's answers for each row of a source, in order, and return how many there were.

    The next chunk is read while one is answered and the one before it is written. The file comes to its name when it
    is whole. Its columns are those of `columns`, with their own types, then those of the answers: "predict" for one
    number or label a row; "predict_proba_late" where there is one for each class; else "transform_0" and so on.
    `sink_schema` returns them with their types, which are the same for any rows, and for none.

    Parameters
    ----------
    model
        An .onnx file, or what `bridge.load` returned.
    source
        A .csv, .parquet, .arrow or .feather file, a folder of them, a `Files` or `Query` of `bridge.data.sources`, a
        table, an iterator of pandas, polars or Arrow tables, or a function that returns one.
    sink
        The .csv, .parquet, .arrow or .feather file to write.
    methods
        One or several of the model's; by default predict, or the first where it has no predict.
    columns
        Columns of the source to write before the answers, such as one that identifies the rows. From a CSV file to a
        CSV file they stay as they are written, but for those that the model takes too; else types are inferred from
        the first MiB. Categories become text.
    features
        The columns that the model takes, for one that knows no names; by default all but those of `columns`.
    chunk_rows
        The rows of a chunk; "auto" makes chunks of 8 MiB. They are the row groups of a Parquet file, and the batches
        of an Arrow file.
    bad_rows
        "stop" raises, and names a row without an answer: a line of a CSV file with too few or too many fields, or
        with text where a number is expected; a row that the model refuses, for NaN or an unknown category say. The
        name of a .csv file goes on and writes these rows there: file, line (of a file without lines the row, from
        1), cause, and the row as it was, of a file without lines the columns read as JSON.
    resume
        Keep each finished chunk in the folder `<sink>.parts` until the sink is whole. Killed at any point, the same
        call goes on from there, and the file has the bytes of one written without a break.
    device, threads
        As for `bridge.load`, where `model` is a file.
    progress
        Show rows, rows/s, and the time left where the number of rows is known, on stderr.

    Raises
    ------
    InputError
        Rows or columns do not fit, with file and line; or the finished parts are of another scoring.
    ArtifactError
        A file cannot be written; none is put in the place of `sink` then.
    """
    return prepare(
        model,
        source,
        sink,
        methods=methods,
        columns=columns,
        features=features,
        chunk_rows=chunk_rows,
        bad_rows=bad_rows,
        resume=resume,
        device=device,
        threads=threads,
    ).run(progress=progress)


def sink_schema(
    model: Predictor | str | os.PathLike[str],
    source: Any,
    *,
    methods: str | Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    sink: str | os.PathLike[str] = "sink.parquet",
) -> Any:
    """Return the Arrow schema of what `score` writes with these arguments; reads the first rows of the source alone.

    The types of columns of a CSV file that are kept hang on the suffix of `sink`: in a CSV file they are text.
    """
    return prepare(model, source, sink, methods=methods, columns=columns, features=features).plan.asker.schema


def prepare(
    model: Predictor | str | os.PathLike[str],
    source: Any,
    sink: str | os.PathLike[str],
    *,
    methods: str | Sequence[str] | None = None,
    columns: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    chunk_rows: int | Literal["auto"] = "auto",
    bad_rows: str | os.PathLike[str] = "stop",
    resume: bool = False,
    device: str = "auto",
    threads: int | None = None,
) -> Scoring:
    """Return the scoring that `score` runs, checked; reads the first rows of the source."""
    try:
        import pandas as pd  # noqa: F401
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(str(error.name), extra="files", purpose="bridge.stream.score") from error
    rows = as_source(source)
    side = _check_files(rows, Path(sink), bad_rows)
    predictor = _open_model(model, device, threads)
    look = look_at(rows)
    plan = make_plan(
        predictor,
        look,
        methods=_choose_methods(predictor, methods),
        kept=(columns,) if isinstance(columns, str) else tuple(columns or ()),
        features=features,
        as_written=Path(sink).suffix == ".csv",
    )
    check_sink(Path(sink), plan.asker.schema)
    count = count_rows(chunk_rows, predictor, plan, look)
    parts = None
    if resume:
        options = (plan.asker.methods, plan.asker.kept, plan.asker.features, str(plan.types), count, side, threads)
        identity = find_identity(rows, predictor, (*options, Path(sink).suffix))
        parts = Parts(parts_folder(sink), identity)
    return Scoring(rows, plan, Path(sink), side, count, parts, total_rows(rows, look))


def parts_folder(sink: str | os.PathLike[str]) -> Path:
    """Return the folder in which `score` keeps finished chunks."""
    return Path(sink).with_name(f"{Path(sink).name}.parts")


def _check_files(source: Source, sink: Path, bad_rows: str | os.PathLike[str]) -> Path | None:
    """Return the side file, None for "stop"; raise where a file cannot be written."""
    check_table_path(sink)
    side = None if bad_rows == "stop" else Path(bad_rows)
    if side is not None and (side.suffix != ".csv" or side.resolve() == sink.resolve()):
        raise InputError(f'bad_rows is {str(bad_rows)!r}; expected "stop" or the name of another .csv file to write')
    for file in (sink,) if side is None else (sink, side):
        check_writable(file)
        if isinstance(source, Files) and Path(source.path).resolve() in (file.resolve(), file.resolve().parent):
            raise InputError(f"{file} would be written to what is read, {source.path}. Write it elsewhere.")
    return side


def _open_model(model: Predictor | str | os.PathLike[str], device: str, threads: int | None) -> Predictor:
    if not isinstance(model, Predictor):
        # Threads that spin between two runs take a third of the CPU time from reading and writing.
        return load(model, device=device, threads=threads, spin=False)
    if device != "auto" or threads is not None:
        raise InputError("device and threads are for a model's file; a predictor has them from bridge.load")
    return model


def _choose_methods(predictor: Predictor, asked: str | Sequence[str] | None) -> list[str]:
    known = [m.name for m in predictor.methods]
    wanted = [asked] if isinstance(asked, str) else list(asked or ())
    if unknown := [name for name in wanted if name not in known]:
        raise InputError(f"the model has no method {', '.join(unknown)}; it has {', '.join(known) or 'none'}")
    if not known:
        raise InputError("the model has no method to call: its outputs carry no names that bridge knows")
    return list(dict.fromkeys(wanted)) or ["predict" if "predict" in known else known[0]]
