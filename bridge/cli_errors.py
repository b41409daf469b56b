"""Words on stderr and exit codes, for every command."""

from __future__ import annotations

import errno
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what a user can do wrong into a few words on stderr and exit code 2, Ctrl-C into 130."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    except KeyboardInterrupt:
        say("interrupted")
        raise typer.Exit(130) from None
    except BridgeError as error:
        say(f"error: {error}")
        raise typer.Exit(2) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # `bridge inspect m.onnx | head`
            raise
        say(f"error: {error.filename or 'input and output'}: {error.strerror or error}")
        raise typer.Exit(2) from None


def say(text: str) -> None:
    """Write a line to stderr."""
    typer.echo(text, err=True)


def _show_warning(message: Warning | str, *_args: Any, **_options: Any) -> None:
    first = str(message).strip().partition("\n")[0]
    say(f"warning: {first}")
