"""How commands speak: plain text to the terminal, and an error of ours as its text and an exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

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


_MISTYPED: type[Exception] = typer.BadParameter.__bases__[0]
"Every mistake in what was typed: typer gives no public name to the class that they have in common."


@contextmanager
def _with_exit_code() -> Iterator[None]:
    try:
        yield
    except _MISTYPED as error:
        # Typer's own is 2, which here is a run that was interrupted.
        vars(error)["exit_code"] = EXIT_USAGE
        raise


class Commands(TyperGroup):
    """Commands, at the top: a wrong option of any command below ends with the exit code of wrong usage."""

    def make_context(self, *arguments: Any, **extra: Any) -> Any:
        with _with_exit_code():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _with_exit_code():
            return super().invoke(ctx)
