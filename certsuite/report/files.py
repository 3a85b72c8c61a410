"""Writes reports so that a reader finds the whole old one or the whole new one, never a half."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from certsuite.core.errors import RecordError

_FILE = 0o600
_FOLDER = 0o700


def write_file(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` by way of a file beside it. Raises :class:`RecordError` with file and reason."""
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        _fill(beside, content)
        os.replace(beside, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            _forget(beside)
        raise _cannot(path, error) from error


def write_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder ``path`` hold exactly ``files``; what it held before is gone. Raises as :func:`write_file`."""
    beside = path.with_name(f".{path.name}.new")
    old = path.with_name(f".{path.name}.old")
    try:
        _forget(beside)
        beside.mkdir(mode=_FOLDER, parents=True)
        for file_name, content in files.items():
            _fill(beside / file_name, content)
        _forget(old)
        if path.exists():
            os.replace(path, old)
        os.replace(beside, path)
        _forget(old)
    except OSError as error:
        with contextlib.suppress(OSError):
            _forget(beside)
        raise _cannot(path, error) from error


def _fill(path: Path, content: bytes) -> None:
    # No link is followed: what a run's folder holds must not lead out of it.
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE)
    with os.fdopen(fd, "wb") as file:
        file.write(content)


def _forget(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _cannot(path: Path, error: OSError) -> RecordError:
    return RecordError(f"the report {path} cannot be written: {os.strerror(error.errno or 0)}")
