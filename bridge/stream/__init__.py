"""More data than memory: training in chunks, scoring files."""

from bridge.stream.fit import fit
from bridge.stream.score import score, sink_schema

__all__ = ["fit", "score", "sink_schema"]
