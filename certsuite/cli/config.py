"""``certsuite config``: looks at configuration files for devices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from certsuite.cli.telling import say, told
from certsuite.core.errors import UsageError
from certsuite.devices.config_lint import LintFinding, lint_config, needs_previous, vendor_of
from certsuite.devices.profile import DeviceProfile

app = typer.Typer(no_args_is_help=True, help="Configuration files for devices.")


@app.callback()
def _config() -> None:
    """Configuration files for devices."""


@app.command("lint")
@told
def lint(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Configuration files.")],
    vendor: Annotated[str, typer.Option(help="Whose device reads them: yealink, poly, ...", metavar="NAME")],
    previous: Annotated[Path | None, typer.Option(help="The file that the device had before.", metavar="FILE")] = None,
) -> None:
    """Find what goes wrong in configuration files. 1 if anything but warnings is found."""
    if previous is not None and len(files) > 1:
        raise UsageError("--previous is for one FILE")
    before = _read(previous) if previous else None
    found = [finding for file in files for finding in lint_config(_read(file), vendor, str(file), previous=before)]
    say(lint_text(found))
    if needs_previous(vendor) and previous is None:
        say("not looked at: whether the version was raised (--previous FILE)")
    raise typer.Exit(lint_exit_code(found))


def lint_generated(profile: DeviceProfile, files: Sequence[Path]) -> tuple[LintFinding, ...]:
    """What is wrong in the files made from a profile; nothing if its vendor's files are not known."""
    vendor = vendor_of(profile.vendor)
    if vendor is None:
        return ()
    return tuple(finding for file in files for finding in lint_config(_read(file), vendor, str(file)))


def lint_text(found: Sequence[LintFinding]) -> str:
    """The findings, a line each, or that there are none."""
    errors = sum(not finding.is_warning for finding in found)
    return "\n".join([*map(str, found), f"{errors} errors, {len(found) - errors} warnings"])


def lint_exit_code(found: Sequence[LintFinding]) -> int:
    """1 if anything but warnings was found."""
    return int(any(not finding.is_warning for finding in found))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
