"""How long predictions take: an estimator's own, its files', and other libraries'. What `bridge bench` runs."""

from __future__ import annotations

from bridge.bench.trial import time_estimator

__all__ = ["time_estimator"]
