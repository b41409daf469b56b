"""More data than memory: training in chunks."""

from bridge.stream.fit import fit

__all__ = ["fit"]
