"""A part of README.md that a script writes: it stands between two markers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadmeBlock:
    """The lines between two comments, `begin` and `end`."""

    begin: str
    end: str

    def read(self, text: str) -> str:
        """Return what stands between the markers of `text`; raises `ValueError` where it lacks one."""
        return self._parts(text)[1].strip()

    def fill(self, text: str, content: str) -> str:
        """Return `text` with what stands between the markers replaced; raises `ValueError` where it lacks one."""
        before, _, after = self._parts(text)
        return f"{before}{self.begin}\n{content}\n{self.end}{after}"

    def _parts(self, text: str) -> tuple[str, str, str]:
        before, begin, rest = text.partition(self.begin)
        content, end, after = rest.partition(self.end)
        if not begin or not end:
            raise ValueError(f"the text lacks {self.begin} or {self.end}")
        return before, content, after
