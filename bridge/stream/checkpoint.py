"""Keep the state of a training in a file, from which it goes on after it was killed.

A checkpoint is a pickle: reading it runs what its author put in. Train from checkpoints of your own alone.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.data.beside import check_writable, written_beside
from bridge.errors import ArtifactError, InputError
from bridge.stream.state import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAGIC = b"bridge training checkpoint 1\n"


@dataclass
class State:
    """Where a training stands: `chunks` of pass `number` are done.

    `estimator` is being trained. `first` is the digest of the first chunk. `random` is the state of NumPy's global
    generator, from which estimators draw that have no `random_state`.
    """

    estimator: Any
    classes: Any
    chunk_rows: int
    number: int = 0
    chunks: int = 0
    rows: int = 0
    first: str = ""
    random: Any = None


@dataclass(frozen=True)
class Checkpoint:
    """The file of a training that is the one of `identity`: hashes by what they are of."""

    path: Path
    identity: Mapping[str, str]

    def write(self, state: State) -> None:
        """Write the state beside the file, and rename it."""
        state.random = np.random.get_state()  # noqa: NPY002
        body = to_bytes(state)
        head = {"identity": dict(self.identity), "sha256": hashlib.sha256(body).hexdigest()}
        with written_beside(self.path) as beside, beside.open("wb") as file:
            file.write(MAGIC + json.dumps(head).encode() + b"\n")
            file.write(body)

    def read(self) -> State | None:
        """Return the state in the file, and give NumPy's global generator its state back; None without a file.

        Raises
        ------
        ArtifactError
            The file is no checkpoint, or damaged.
        InputError
            It is one of another training: other source, estimator, parameters or versions.
        """
        check_writable(self.path)
        self._remove_leftovers()
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            is_ours = file.readline() == MAGIC
            head, body = (file.readline(), file.read()) if is_ours else (b"", b"")
        try:
            about = json.loads(head)
            is_whole = about["sha256"] == hashlib.sha256(body).hexdigest()
        except (ValueError, KeyError, TypeError):
            is_whole = False
        if not is_whole:
            raise ArtifactError(
                f"{self.path} is no checkpoint of a training, or damaged. Name another file, or delete it."
            )
        found = about["identity"]
        if other := [name for name in self.identity if self.identity[name] != found.get(name)]:
            raise InputError(
                f"{self.path} is the checkpoint of a training with other {', '.join(other)}.\n"
                "Give the same ones to go on with it, or delete the file to begin again."
            )
        try:
            state: State = from_bytes(body)
        except (pickle.UnpicklingError, AttributeError, ImportError) as error:
            raise ArtifactError(f"{self.path} cannot be read: {error}") from error
        np.random.set_state(state.random)  # noqa: NPY002
        return state

    def _remove_leftovers(self) -> None:
        """Remove what a killed process was writing beside the file."""
        for file in self.path.parent.glob(f".{self.path.stem}.*.part{self.path.suffix}"):
            file.unlink(missing_ok=True)


def digest(value: object) -> str:
    """Return a hash of parameters that is the same in every process."""
    import joblib

    return str(joblib.hash(value))
