"""Kill trainings and scorings at random moments and compare their ends: see tests/stream/kills.py."""

from __future__ import annotations

from tests.stream.kills import main

if __name__ == "__main__":
    main()
