"""Which version of a distribution is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version(distribution: str) -> str:
    """Return the version, empty where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
