"""The errors that bridge raises: each is a `BridgeError` and the builtin that a caller expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class BridgeError(Exception):
    """Base of every error that bridge raises on purpose."""


class NotFittedError(BridgeError, ValueError, AttributeError):
    """The estimator has no fitted state to export."""


class UnsupportedError(BridgeError, NotImplementedError):
    """The estimator, or one of its settings, has no converter."""


class InputError(BridgeError, ValueError):
    """The data does not fit the model: columns, shape, dtype or values."""


class InputTypeError(BridgeError, TypeError):
    """An argument has the wrong type."""


class ArtifactError(BridgeError, ValueError):
    """A file is no ONNX model, is damaged, or cannot be written."""


class DeviceError(BridgeError, RuntimeError):
    """The device that was asked for cannot be used on this machine."""


class MissingExtraError(BridgeError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed.\n"
            f"Install it with: pip install 'onnx-bridge[{extra}]'"
        )


class DeclinedError(BridgeError):
    """A lowering rule does not apply to this node; the message is the reason."""


class LoweringError(BridgeError, ValueError):
    """Nodes are left that the target does not allow."""

    def __init__(self, target: str, leftovers: Sequence[str]) -> None:
        lines = "\n".join(f"  {line}" for line in leftovers)
        super().__init__(f"{len(leftovers)} node(s) cannot be lowered for target '{target}':\n{lines}")
        self.leftovers = tuple(leftovers)


class ParityError(BridgeError, ValueError):
    """The exported graph does not give the estimator's answers; nothing was written."""

    def __init__(self, report: object, hint: str = "") -> None:
        lines = ["the exported graph differs from the estimator, so it was not handed out.", str(report), hint]
        super().__init__("\n".join(filter(None, lines)))
        self.report = report
