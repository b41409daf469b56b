"""Kill a training at random moments and compare its end: see tests/stream/kills.py."""

from __future__ import annotations

from tests.stream.kills import main

if __name__ == "__main__":
    main()
