"""Keep the finished parts of a scoring in a folder, from which it goes on after it was killed.

Each chunk is a file of its own, which comes to its name when it is whole; what the sink needs of it is all in there.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bridge.data.beside import check_writable, written_beside
from bridge.data.placed import BadRow
from bridge.data.sinks import explained
from bridge.errors import ArtifactError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

IDENTITY = "identity.json"
_NOTES = b"bridge"


@dataclass(frozen=True)
class Part:
    """What came of a chunk: the rows of the sink, the bad rows, and the hash of what was read."""

    answers: Any
    bad: tuple[BadRow, ...]
    digest: str

    @property
    def rows(self) -> int:
        return len(self.answers) + len(self.bad)


@dataclass(frozen=True)
class Parts:
    """The folder of a scoring that is the one of `identity`: hashes by what they are of."""

    folder: Path
    identity: Mapping[str, str]

    def open(self) -> int:
        """Make the folder, or look into it; return how many parts, from the first on, are finished.

        Raises
        ------
        InputError
            The folder is of another scoring: other source, model, options or versions.
        ArtifactError
            It is no such folder.
        """
        check_writable(self.folder.with_name("x"))
        known = self.folder / IDENTITY
        is_other = self.folder.exists() and not known.exists() and any(self.folder.glob("[!.]*"))
        if is_other or (self.folder.exists() and not self.folder.is_dir()):
            raise ArtifactError(f"{self.folder} is no folder of finished parts. Delete or rename it.")
        with explained(self.folder):
            self.folder.mkdir(exist_ok=True)
        for file in self.folder.glob(".*.part*"):  # of a process that was killed
            file.unlink(missing_ok=True)
        if known.exists():
            try:
                found = dict(json.loads(known.read_text()))
            except (ValueError, TypeError) as error:
                raise ArtifactError(f"{known} is damaged. Delete the folder to begin again.") from error
            if other := [name for name in self.identity if self.identity[name] != found.get(name)]:
                raise InputError(
                    f"{self.folder} has the finished parts of a scoring with other {', '.join(other)}.\n"
                    "Give the same ones to go on with it, or delete the folder to begin again."
                )
        else:
            with explained(known), written_beside(known) as beside:
                beside.write_text(json.dumps(dict(self.identity)))
        count = 0
        while self._file(count).exists():
            count += 1
        return count

    def read(self, count: int) -> Iterator[Part]:
        """Yield the first `count` parts."""
        import pyarrow as pa

        for number in range(count):
            file = self._file(number)
            try:
                with pa.OSFile(str(file)) as stream:
                    table = pa.ipc.open_file(stream).read_all()
                notes = json.loads(table.schema.metadata[_NOTES])
                bad = tuple(BadRow(**row) for row in notes["bad"])
            except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
                raise ArtifactError(f"{file} is damaged: {error}. Delete the folder to begin again.") from error
            yield Part(table.replace_schema_metadata(None), bad, notes["digest"])

    def add(self, number: int, part: Part) -> None:
        """Write the part of this number, counted from 0."""
        import pyarrow as pa

        notes = {"bad": [asdict(row) for row in part.bad], "digest": part.digest}
        table = part.answers.replace_schema_metadata({_NOTES: json.dumps(notes)})
        file = self._file(number)
        with (
            explained(file),
            written_beside(file) as beside,
            pa.OSFile(str(beside), "wb") as stream,
            pa.ipc.new_file(stream, table.schema) as writer,
        ):
            writer.write_table(table)

    def remove(self) -> None:
        """Remove the folder, and nothing in it that is not ours: it stays with what others have put there."""
        for file in [*self.folder.glob("[0-9]*.arrow"), self.folder / IDENTITY]:
            file.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06}.arrow"
