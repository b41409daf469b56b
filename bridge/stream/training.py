"""The loop over passes and chunks."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.ahead import ahead
from bridge.data.chunks import as_features, as_targets, read_chunks
from bridge.errors import BridgeError, InputError
from bridge.stream.labels import check_labels
from bridge.stream.steps import find_steps, is_multilabel, takes_classes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from bridge.data.chunks import Chunk
    from bridge.data.sources import Source, Types
    from bridge.stream.checkpoint import Checkpoint, State
    from bridge.stream.steps import Pass, Step

    Show = Callable[[str], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class Training:
    """What to read and in which passes; `least` is the fewest rows of a chunk."""

    source: Source
    types: Types
    features: Sequence[str]
    targets: Sequence[str]
    passes: Sequence[Pass]
    shuffle: bool
    least: int

    def run(self, state: State, checkpoint: Checkpoint | None, show: Show) -> None:
        """Train `state.estimator` from where the state stands to the end, and write the checkpoint after each chunk."""
        steps = find_steps(state.estimator)
        if checkpoint and not state.number and not state.chunks:
            checkpoint.write(state)
        while state.number < len(self.passes):
            current = self.passes[state.number]
            step = steps[current.index]
            what = f"Training {type(step.estimator).__name__}"
            with show(what) as advance, closing(ahead(self._prepare(state, current, state.chunks))) as chunks:
                for chunk, x, y in chunks:
                    _train(step, steps[: current.index], chunk, x, y, _classes(step, state))
                    state.chunks += 1
                    state.rows += len(chunk.table)
                    advance(len(chunk.table))
                    if checkpoint:
                        checkpoint.write(state)
            state.number, state.chunks = state.number + 1, 0
            if checkpoint:
                checkpoint.write(state)

    def _prepare(self, state: State, current: Pass, done: int) -> Iterator[tuple[Chunk, Any, Any]]:
        """Yield the chunks of a pass after the first `done`, with the features and targets of each."""
        found = 0
        for number, chunk in enumerate(read_chunks(self.source, self.types, state.chunk_rows, least=self.least)):
            found += 1
            if number < done and number:
                continue
            x = as_features(chunk, self.features)
            if number == 0:
                _check_first(state, x)
            if number < done:
                continue
            y = as_targets(chunk, self.targets) if self.targets else None
            if state.classes is not None:
                check_labels(chunk, self.targets, state.classes)
            if self.shuffle:
                order = np.random.default_rng([current.epoch, number]).permutation(len(x))
                x, y = x.iloc[order], None if y is None else y[order]
            yield chunk, x, y
        if found < done:
            raise InputError(
                f"the source ends after {found} chunks, but {done} were read before.\n"
                "Give the same rows in the same order."
            )


def _check_first(state: State, x: Any) -> None:
    """Note the first chunk, or raise `InputError` where a training goes on with another one."""
    import pandas as pd

    found = hashlib.sha256(pd.util.hash_pandas_object(x, index=False).to_numpy().tobytes()).hexdigest()
    if state.first and state.first != found:
        raise InputError("the source begins with other rows than before. Give the same rows in the same order.")
    state.first = found


def _classes(step: Step, state: State) -> dict[str, Any]:
    if state.classes is None or not takes_classes(step.estimator):
        return {}
    if len(state.classes) == 1:
        return {"classes": state.classes[0]}
    return {"classes": np.arange(len(state.classes)) if is_multilabel(step.estimator) else state.classes}


def _train(step: Step, before: Sequence[Step], chunk: Chunk, x: Any, y: Any, classes: dict[str, Any]) -> None:
    try:
        for earlier in before:
            if earlier.kind == "stateless" and not chunk.start:
                earlier.estimator.fit(x)  # notes the names of the columns
            x = earlier.estimator.transform(x)
        if y is None:
            step.estimator.partial_fit(x)
        else:
            step.estimator.partial_fit(x, y, **classes)
    except BridgeError:
        raise
    except (ValueError, TypeError) as error:
        raise _explain(step, chunk, error) from error


def _explain(step: Step, chunk: Chunk, error: Exception) -> InputError:
    """Return the error for a chunk that a step refuses, with the first row that lacks a number, if that is why."""
    import pyarrow.compute as pc

    reason = str(error).strip().partition("\n")[0]
    where = chunk.span
    if "NaN" in reason or "infinity" in reason:
        for name in chunk.table.column_names:
            column = chunk.table.column(name)
            is_odd = pc.is_null(column, nan_is_null=True)
            if column.type in ("float", "double"):
                is_odd = pc.or_kleene(is_odd, pc.fill_null(pc.is_inf(column), fill_value=False))
            row = pc.index(is_odd, value=True).as_py()
            if row >= 0:
                where = f"{chunk.locate(row)}, column {name!r}"
                break
    return InputError(f"{where}: {type(step.estimator).__name__} says: {reason}")
