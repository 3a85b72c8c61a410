"""How commands speak: plain text to the terminal, and an error of ours as its text and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from certsuite.core.errors import CertsuiteError, UsageError
from certsuite.core.results import EXIT_ERROR, EXIT_USAGE

F = TypeVar("F", bound=Callable[..., None])


def say(text: str | Text) -> None:
    """Print a text; long lines stay whole."""
    Console(highlight=False, markup=False).print(text, soft_wrap=True)


def told(command: F) -> F:
    """An error of ours ends a command with its text and the exit code of its kind, and without a traceback."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except CertsuiteError as error:
            Console(stderr=True, highlight=False, markup=False).print(f"certsuite: {error}", soft_wrap=True)
            raise typer.Exit(EXIT_USAGE if isinstance(error, UsageError) else EXIT_ERROR) from None

    return run  # type: ignore[return-value]
