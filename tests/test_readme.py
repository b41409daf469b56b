"""Runs what README.md shows."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_python_blocks_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)

    exec("\n".join(blocks), {"__name__": "readme"})

    assert "equal (precision exact" in capsys.readouterr().out
    written = {"wine.onnx", "wine.csv", "wine.checkpoint", "answers.parquet", "doubler.onnx"}
    assert {p.name for p in tmp_path.iterdir()} == written


def test_first_example_has_ten_lines():
    first = re.search(r"```python\n(.*?)```", README, re.DOTALL)

    assert first
    assert len([line for line in first[1].splitlines() if line.strip()]) <= 10


def test_linked_files_exist():
    root = Path(__file__).parents[1]

    links = re.findall(r"\]\(([^):]+)\)", README)

    assert [link for link in links if not (root / link).exists()] == []
