"""The table of the cases, in memory and as a file."""

from __future__ import annotations

import pytest

from tests.stream.cases import make_table


@pytest.fixture(scope="session")
def table():
    return make_table()


@pytest.fixture(scope="session")
def csv(table, tmp_path_factory):
    file = tmp_path_factory.mktemp("stream") / "table.csv"
    table.to_csv(file, index=False)
    return file
