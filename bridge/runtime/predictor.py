"""The drop-in for the estimator: its methods, its attributes, its answers, from an ONNX file."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from bridge.artifact import Metadata, as_model, batch_size, data_files, get_metadata
from bridge.data.encode import Encoder
from bridge.data.schema import as_vector
from bridge.data.table import row_count, take_rows
from bridge.errors import ArtifactError, BridgeError, InputError, InputTypeError, UnsupportedError
from bridge.method import PREDICT_STD, SEARCHES
from bridge.plain import describe_plain
from bridge.runtime.answers import AnswerBuilder
from bridge.runtime.blocks import Blocks, joined_rows
from bridge.runtime.neighbours import search
from bridge.runtime.parts import open_parts
from bridge.runtime.providers import CUDA, check_device
from bridge.runtime.refusals import answered_rows, refused_output
from bridge.runtime.session import Session, open_reference, open_session
from bridge.runtime.text_columns import TextAnswerBuilder

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bridge.method import Method
    from bridge.runtime.blocks import Run
    from bridge.runtime.refusals import Ask

CACHE_BYTES = 4 * 2**20
"""On a CPU, rows are run in batches whose widest step stays below this: larger ones leave the caches.

Of 1 to 64 MB, 2 to 4 took least time for forests (20,000 rows: 30 to 40 % less than 64), and none less for others.
"""
DEVICE_BYTES = 256 * 2**20
"""The same on a GPU, where a batch must be large for its work to outweigh its start."""
TEXT_ROWS = 1024
"""Rows of text that are taken apart at once: their terms take the room of the longest row each."""

logger = logging.getLogger("bridge")


class Predictor:
    """A loaded model with the methods, attributes and answers of the estimator that it came from.

    It has exactly the inference methods that the estimator had (`predict`, `predict_proba`, `transform`, ...), so
    `hasattr` is true to it; `classes_`, `n_features_in_` and `feature_names_in_` where the estimator had them. A
    method takes what the estimator's took (DataFrame, array, sparse matrix, lists) and returns the same shapes,
    dtypes and label names; for no rows it returns an empty answer. `predict(X, return_std=True)` also returns standard
    deviations where the estimator's does. Safe to call from several threads.

    Attributes
    ----------
    metadata
        What the file says of itself.
    """

    metadata: Metadata

    def __init__(
        self, model: onnx.ModelProto, session: Session, path: str | None = None, *, rows: int | None = None
    ) -> None:
        """`rows` is how many to run at once at most; by default what suits the machine."""
        self.metadata = get_metadata(model) or _describe(model)
        self._model = model
        self._path = path
        self._session = session
        try:
            _check_names(self.metadata, session)
            self._encode = Encoder(self.metadata.schema)
            on_device = session.providers[0] == CUDA
            self._bytes = DEVICE_BYTES if on_device else CACHE_BYTES
            self._blocks = Blocks(rows) if rows else _blocks(model, _row_bytes(self.metadata, session), self._bytes)
            self._set_attributes()
        except (TypeError, ValueError, AttributeError) as error:
            if isinstance(error, BridgeError):
                raise
            raise ArtifactError(f"the file's bridge metadata is damaged ({error}). Export the model again.") from error

    def _set_attributes(self) -> None:
        metadata = self.metadata
        shapes = {
            o.name: tuple(d.dim_value for d in o.type.tensor_type.shape.dim[1:]) for o in self._model.graph.output
        }
        builds = {m.name: AnswerBuilder(m, [shapes[name] for name in m.outputs]) for m in metadata.methods}
        for name, build in builds.items():
            answer = partial(self._answer, self._asking(build.method.outputs), build)
            if build.method.texts:
                text = TextAnswerBuilder(build.method, metadata.schema)
                answer = partial(self._answer_text, self._asking(build.method.outputs), text)
            if name == "predict" and PREDICT_STD in builds:
                both = [build, builds[PREDICT_STD]]
                answer = partial(self._predict, answer, both, self._asking([b.method.outputs[0] for b in both]))
            if name in SEARCHES and build.method.tuple_of:
                answer = partial(search, answer, build.method)
            answer.__doc__ = f"Return the estimator's `{name}` for X."
            if name != PREDICT_STD:
                setattr(self, name, answer)
        if metadata.classes:
            classes = [c.array() for c in metadata.classes]
            self.classes_ = classes if metadata.classes_is_list or len(classes) > 1 else classes[0]
        if metadata.schema.kind not in ("vector", "images"):
            self.n_features_in_ = metadata.schema.n_features
        if metadata.schema.feature_names is not None:
            self.feature_names_in_ = np.array(metadata.schema.feature_names, dtype=object)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        """Raise for what the model lacks, with the reason where the export left it out; methods are set per model."""
        left_out = self.__dict__["metadata"].left_out if "metadata" in self.__dict__ else {}
        reason = f", which the export left out: {left_out[name]}" if name in left_out else ""
        raise AttributeError(f"{type(self).__name__} has no {name!r}{reason}", name=name, obj=self)

    def _asking(self, outputs: Sequence[str]) -> Ask:
        """Return the function from a table to these outputs for its rows, None where there are no rows.

        Raises `InputError` for a row that the estimator raises for.
        """
        run = partial(self._execute, [*outputs, *refused_output(self.metadata)])
        ask = partial(self._run_rows, run)
        if not (self._encode.expands or self.metadata.schema.reads_objects or self.metadata.entry_bytes):
            ask = partial(_run_numbers, self._encode, self._blocks, run)
        return partial(answered_rows, ask, self.metadata.reasons) if self.metadata.refused else ask

    def _answer(self, ask: Ask, build: AnswerBuilder, X: Any, **options: object) -> Any:  # noqa: N803
        if options:
            raise InputTypeError(
                f"{build.method.name} takes no {', '.join(options)}: the file holds the answer for X alone.\n"
                f"Standard deviations are in it where the estimator has them and {PREDICT_STD!r} was exported."
            )
        arrays = ask(X)
        answer = build.empty() if arrays is None else build(arrays)
        return answer if build.method.frame is None else build.method.frame.fill(answer, X)

    def _answer_text(self, ask: Ask, build: TextAnswerBuilder, X: Any) -> Any:  # noqa: N803
        arrays = ask(X)
        answer = build.empty() if arrays is None else build(arrays, self._encode.text_of(X, build.names))
        return answer if build.method.frame is None else build.method.frame.fill(answer, X)

    def _predict(
        self,
        predict: Callable[[Any], Any],
        builds: list[AnswerBuilder],
        both: Ask,
        X: Any,  # noqa: N803
        return_std: bool = False,  # noqa: FBT001, FBT002
        return_cov: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:
        """Return the mean, with `return_std` also the standard deviation; the parameters are scikit-learn's."""
        if return_cov:
            raise UnsupportedError(
                "return_cov=True asks for numbers between all rows of X; a file answers each row by itself.\n"
                "Use return_std=True, or the estimator."
            )
        if not return_std:
            return predict(X)
        arrays = both(X)
        if arrays is None:
            return tuple(build.empty() for build in builds)
        return tuple(build([array]) for build, array in zip(builds, arrays, strict=True))

    def _run_rows(self, run: Run, X: Any) -> Sequence[NDArray[Any]] | None:  # noqa: N803
        """Return the outputs of `run` for the rows of X, None where there are no rows."""
        X = self._encode.rows(X)  # noqa: N806
        # Rows that hang on each other, which take no blocks, are not parted here either.
        if self._encode.expands and self._blocks.rows is not None and (count := row_count(X)) > TEXT_ROWS:
            vector = as_vector(X)
            rows = X if vector is None else vector
            parts = [self._run_encoded(run, take_rows(rows, some)) for some in _portions(count, TEXT_ROWS)]
            return [joined_rows(arrays) for arrays in zip(*(p for p in parts if p is not None), strict=True)]
        return self._run_encoded(run, X)

    def _run_encoded(self, run: Run, X: Any) -> Sequence[NDArray[Any]] | None:  # noqa: N803
        feeds = self._encode(X)
        count = _count_rows(feeds)
        return self._blocks_for(feeds).run(run, feeds, count) if count else None

    def _blocks_for(self, feeds: dict[str, NDArray[Any]]) -> Blocks:
        """Return how many rows of these to run at once: fewer where each holds many terms."""
        if not self.metadata.entry_bytes:
            return self._blocks
        longest = max(
            (feeds[c.name].shape[1] for c in self.metadata.schema.columns if c.analysis is not None), default=1
        )
        return self._blocks.at_most(max(1, self._bytes // (self.metadata.entry_bytes * longest)))

    def _execute(self, outputs: list[str], feeds: dict[str, NDArray[Any]]) -> Sequence[NDArray[Any]]:
        try:
            return self._session.run(outputs, feeds)
        except Exception as error:  # onnxruntime's own errors derive from Exception alone
            raise BridgeError(f"{self.providers[0]} failed while running the model: {error}") from error

    def run(self, X: Any) -> dict[str, NDArray[Any]]:  # noqa: N803
        """Return every output of the graph by name, as the graph gives it."""
        names = list(self._session.outputs)
        run = partial(self._execute, names)
        answers = self._run_rows(run, X)
        if answers is None:
            answers = self._blocks.run(run, self._encode(self._encode.rows(X)), 0)
        return dict(zip(names, answers, strict=True))

    def in_blocks(self, rows: int) -> Predictor:
        """Return a predictor of the same session that runs at most `rows` rows at once."""
        return Predictor(self._model, self._session, self._path, rows=rows)

    @property
    def providers(self) -> list[str]:
        """The execution providers of the session, the first one preferred."""
        return list(self._session.providers)

    @property
    def is_whole(self) -> bool:
        """Whether the rows hang on each other, so that all have to be asked for at once.

        bridge notes no bytes a row in their files; of a plain model nobody knows.
        """
        return self._blocks.rows is None and self.metadata.target != "unknown"

    @property
    def methods(self) -> tuple[Method, ...]:
        """The inference methods that this model has."""
        return self.metadata.methods

    def __repr__(self) -> str:
        names = ", ".join(m.name for m in self.metadata.methods)
        return f"Predictor({self.metadata.estimator}: {names}; target {self.metadata.target}, {self.providers[0]})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the model itself; the receiver opens its own session, on the best device that it has.

        Of a model with external data the path is pickled, which the receiver must find the same file under.
        """
        return _restore, (self._path or self._model.SerializeToString(),)


def _portions(count: int, size: int) -> list[NDArray[np.int64]]:
    return [np.arange(start, min(start + size, count)) for start in range(0, count, size)]


def _run_numbers(encode: Encoder, blocks: Blocks, run: Run, X: Any) -> Sequence[NDArray[Any]] | None:  # noqa: N803
    """Return the outputs of `run` as `_run_rows` does, for rows that nothing is taken apart of.

    One row takes 8 us. Looking up each part in a predictor, whose class has a `__getattr__`, would add 0.4.
    """
    feeds = encode(X)
    count = _count_rows(feeds)
    return blocks.run(run, feeds, count) if count else None


def _count_rows(feeds: dict[str, NDArray[Any]]) -> int:
    return len(next(iter(feeds.values()))) if feeds else 0


def _row_bytes(metadata: Metadata, session: Session) -> int:
    """Return the bytes that a row takes here.

    A kernel is the slower the fewer rows it gets, for it goes over its trees each time: 20,000 rows of 300 deep trees
    took 0.3 s at once, and 1.4 s in the batches that suit their function.
    """
    return (metadata.kernel_row_bytes if session.has_kernels else 0) or metadata.row_bytes


def _blocks(model: onnx.ModelProto, row_bytes: int, most: int) -> Blocks:
    """Return how many rows to run at once: what the file says, or what suits the machine."""
    fixed = batch_size(model)
    if fixed is not None:
        return Blocks(fixed, is_fixed=True)
    return Blocks(max(1, most // row_bytes) if row_bytes else None)


def _check_names(metadata: Metadata, session: Session) -> None:
    """Raise where the metadata speaks of inputs and outputs that the graph does not have."""
    columns = metadata.schema.columns
    inputs = [c.name for c in columns] + [c.analysis.counts for c in columns if c.analysis is not None]
    outputs = [name for method in metadata.methods for name in method.outputs] + refused_output(metadata)
    for kind, wanted, had in (("input", inputs, session.inputs), ("output", outputs, session.outputs)):
        if absent := [name for name in wanted if name not in had]:
            raise ArtifactError(
                f"the graph has no {kind} {', '.join(map(repr, absent))}, which its bridge metadata names: the graph "
                "was changed after the export, or the metadata is damaged. Export the model again."
            )


def _describe(model: onnx.ModelProto) -> Metadata:
    metadata = describe_plain(model)
    logger.warning(
        "the model has no bridge metadata: serving it as a plain model with the methods %s, "
        "without the checks and label names of an estimator",
        ", ".join(m.name for m in metadata.methods) or "(none; use .run)",
    )
    return metadata


def _restore(model: bytes | str) -> Predictor:
    return load(model if isinstance(model, str) else onnx.ModelProto.FromString(model))


def load(
    path_or_model: str | os.PathLike[str] | onnx.ModelProto,
    *,
    device: str = "auto",
    threads: int | None = None,
    spin: bool = True,
) -> Predictor:
    """Return a predictor for a model file, or for a model in memory.

    Parameters
    ----------
    path_or_model
        An .onnx file that bridge wrote, or any other: a file without bridge's metadata is served as a plain model,
        with a warning in the log.
    device
        "auto": CUDA where it can be used, else the CPU, which the log says once. "cuda" raises `DeviceError` with
        what is missing. "cpu".
    threads
        Threads inside one operator; by default all cores that this process may use.
    spin
        Whether threads that wait for work keep their core busy for a short while: they begin sooner so. False leaves
        the cores to what else the process does, such as reading the next rows.
    """
    chosen = check_device(device)
    model = as_model(path_or_model)
    apart = data_files(model)
    if not apart:
        open_part = partial(open_session, device=chosen, threads=threads, spin=spin)
        predictor = Predictor(model, open_part(model.SerializeToString()))
        refused = refused_output(predictor.metadata)
        wanted = [(*method.outputs, *refused) for method in predictor.methods]
        predictor._session = open_parts(model, wanted, predictor._session, open_part)  # noqa: SLF001
        return predictor
    if isinstance(path_or_model, onnx.ModelProto):
        raise InputError(
            f"the model has external data ({', '.join(sorted(apart))}), and a model in memory does not say where that "
            "lies. Pass the path of the .onnx file."
        )
    path = str(Path(path_or_model).resolve())
    return Predictor(model, open_session(path, device=chosen, threads=threads, spin=spin), path)


def load_reference(model: onnx.ModelProto) -> Predictor:
    """Return a predictor that runs on ONNX's reference evaluator, for machines without onnxruntime."""
    return Predictor(model, open_reference(model))
