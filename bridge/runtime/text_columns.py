"""Give back columns of text: known values by their codes, all others as the table holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bridge.data.schema import Schema
    from bridge.method import Method


class TextAnswerBuilder:
    """Makes one array of the outputs of a method whose answer has columns of text."""

    def __init__(self, method: Method, schema: Schema) -> None:
        vocabularies = {c.name: np.array([*c.vocabulary, None], object)[:-1] for c in schema.columns if c.is_text}
        if any(name not in vocabularies for name in method.texts if name) or len(method.texts) != len(method.outputs):
            raise ValueError(f"{method.name} answers with text of {method.texts}")
        self.method = method
        self.names = tuple(dict.fromkeys(name for name in method.texts if name))
        self._vocabularies = vocabularies

    def __call__(self, arrays: Sequence[NDArray[Any]], given: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return (rows, columns) of objects, or of text where the estimator does; `given` holds the table's text."""
        columns = [
            self._text(name, codes, given[name]) if name else codes.astype(object)
            for name, codes in zip(self.method.texts, arrays, strict=True)
        ]
        answer = np.concatenate(columns, axis=1)
        for place in self.method.bools:
            answer[:, place] = answer[:, place].astype(np.bool_)
        return answer if self.method.dtype == "object" else answer.astype(str)

    def empty(self) -> NDArray[Any]:
        """Return the answer for no rows."""
        return np.zeros((0, *self.method.shape), self.method.dtype)

    def _text(self, name: str, codes: NDArray[Any], given: NDArray[Any]) -> NDArray[Any]:
        text = given.astype(object).reshape(-1, 1)
        is_known = codes >= 0
        try:
            text[is_known] = self._vocabularies[name][codes[is_known]]
        except IndexError as error:
            raise ArtifactError(f"{self.method.name} has a code that {name!r} has no text for: export again") from error
        return text
